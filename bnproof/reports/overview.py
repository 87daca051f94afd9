"""The entry page, and what an implementation check and the running statistics come to."""

from __future__ import annotations

from bnproof.records import Records, Row
from bnproof.reports.derivation import theorem_line
from bnproof.reports.files import declare_page, declare_table
from bnproof.reports.ledger import settle_claims, tally
from bnproof.reports.pages import page, provenance


def index(records: Records) -> str:
    """The entry page: the thread's question answered, with links."""
    lines = [theorem_line(theorem) for theorem in records.select("theorem")]
    settled = settle_claims(records)
    pairs = [row for row in records.select("scatter") if row["m"] == 8]
    slopes = [row["gamma_prime"] for row in pairs]
    late = [row for row in records.select("train_eval") if row["target"] == "torch"][-1]
    return page(
        "index.md",
        provenance=provenance(records),
        theorems=lines,
        verdicts={line["id"]: line["verdict"] for line in lines},
        proved=sum(line["verdict"] == "proved" for line in lines),
        refuted=sum(line["controls_refuted"] for line in lines),
        needed=sum(line["conditions_needed"] for line in lines),
        claims=settled,
        counts=tally(settled),
        targets=_targets(records),
        spread=(min(slopes), max(slopes)),
        fixed=next(row for row in records.select("scatter") if row["batch"] == 0),
        late=late,
    )


def _targets(records: Records) -> list[Row]:
    """Per implementation: laws held, violated and not offered."""
    found: dict[str, Row] = {}
    for row in records.select("law_result"):
        counts = found.setdefault(
            row["target"], {"target": row["target"], "holds": 0, "violated": 0, "not offered": 0}
        )
        counts[row["verdict"]] += 1
    return list(found.values())


def check(records: Records) -> str:
    """Law by law, and quantity by quantity on real data."""
    rows = records.select("law_result")
    laws: dict[str, dict[str, Row]] = {}
    for row in rows:
        laws.setdefault(row["law"], {})[row["target"]] = row
    agreement: dict[tuple[str, str], dict[str, dict[str, Row]]] = {}
    for row in records.select("agreement"):
        agreement.setdefault((row["data"], row["dtype"]), {}).setdefault(row["quantity"], {})[
            row["target"]
        ] = row
    return page(
        "check.md",
        targets=[row["target"] for row in _targets(records)],
        counts=_targets(records),
        laws=laws,
        says={row["law"]: row for row in records.select("law")},
        agreement=agreement,
        sizes={(row["data"], row["dtype"]): row for row in records.select("agreement")},
        degenerate=[row for row in records.select("degenerate") if row["constant_channels"]],
        provenance=provenance(records),
        run=records.select("check"),
    )


def running_statistics(records: Records) -> str:
    """Running statistics and inference."""
    last = max(row["step"] for row in records.select("recurrence"))
    gaps = records.select("train_eval")
    spreads = []
    for size in sorted({row["m"] for row in records.select("scatter") if row["batch"]}):
        of_size = [row for row in records.select("scatter") if row["m"] == size and row["batch"]]
        spreads.append(
            {
                "m": size,
                "batches": len(of_size),
                **{
                    f"{end} {axis}": choose(row[axis] for row in of_size)
                    for axis in ("gamma_prime", "beta_prime")
                    for end, choose in (("smallest", min), ("largest", max))
                },
            }
        )
    return page(
        "running_statistics.md",
        provenance=provenance(records),
        last=last,
        recurrence=[row for row in records.select("recurrence") if row["step"] == last],
        bessel=records.select("bessel"),
        single=records.select("single_value"),
        cumulative=records.select("cumulative"),
        gaps=[row for row in gaps if row["step"] in (1, 10, last)],
        spreads=spreads,
        fixed=next(row for row in records.select("scatter") if row["batch"] == 0),
    )


FILES = (
    declare_page("README.md", ("theorem", "scatter", "train_eval", "law_result"), index),
    declare_page("check.md", ("check", "law", "law_result", "agreement", "degenerate"), check),
    declare_page(
        "running_statistics.md",
        ("recurrence", "train_eval", "scatter", "bessel", "single_value", "cumulative"),
        running_statistics,
    ),
    declare_table(
        "laws.csv", "law_result", ("target", "law", "theorem", "verdict", "cases", "ratio", "ulp")
    ),
    declare_table(
        "agreement.csv",
        "agreement",
        ("data", "m", "channels", "dtype", "target", "quantity", "ratio", "ulp"),
    ),
    declare_table(
        "recurrence.csv",
        "recurrence",
        ("step", "target", "quantity", "value_of_first_feature", "largest_error", "largest_ulp"),
    ),
    declare_table(
        "train_eval.csv",
        "train_eval",
        ("step", "target", "root_mean_square_gap", "largest_gap"),
    ),
    declare_table("collapsed_pairs.csv", "scatter", ("m", "batch", "gamma_prime", "beta_prime")),
)
