"""Every report from one record stream: same records, same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from bnproof import claims
from bnproof.records import Records, Row
from bnproof.reports import accuracy, experiment_plots, ledger, plots
from bnproof.reports.derivation import shown
from bnproof.reports.pages import by_chapter, page, provenance
from bnproof.reports.training import training

PLOTS: dict[str, Callable[[Records, Path], None]] = {
    "accuracy_kappa.svg": accuracy.by_condition,
    "accuracy_m.svg": accuracy.by_length,
    "collapsed_pairs.svg": plots.scatter,
    "running_statistics.svg": plots.running_mean,
    "train_eval_gap.svg": plots.train_eval,
    "weight_norm.svg": experiment_plots.weight_norm,
    "linear_range.svg": experiment_plots.linear_range,
    "parametrisations.svg": experiment_plots.parametrisations,
    "variance_error.svg": experiment_plots.variance_error,
}
TABLES = {
    "accuracy.csv": (
        "accuracy_point",
        (
            "target",
            "dtype",
            "layout",
            "threads",
            "sweep",
            "kappa",
            "m",
            "magnitude",
            "ulp_median",
            "ulp_p99",
            "ulp_max",
            "max_abs_error",
            "typical_error",
            "shift",
        ),
    ),
    "laws.csv": ("law_result", ("target", "law", "theorem", "verdict", "cases", "ratio", "ulp")),
    "agreement.csv": (
        "agreement",
        ("data", "m", "channels", "dtype", "target", "quantity", "ratio", "ulp"),
    ),
    "recurrence.csv": (
        "recurrence",
        ("step", "target", "quantity", "value_of_first_feature", "largest_error", "largest_ulp"),
    ),
    "train_eval.csv": ("train_eval", ("step", "target", "root_mean_square_gap", "largest_gap")),
    "collapsed_pairs.csv": ("scatter", ("m", "batch", "gamma_prime", "beta_prime")),
    "demonstrations.csv": ("demonstration", ("claim", "what", "value", "unit", "data")),
    "weight_norm.csv": (
        "weight_norm",
        (
            "normalised",
            "learning_rate",
            "step",
            "loss",
            "norm_smallest",
            "norm_median",
            "norm_largest",
            "effective_step",
        ),
    ),
    "linear_range.csv": (
        "linear_range_share",
        ("data", "m", "t", "share_below", "share_outside", "chebyshev"),
    ),
    "parametrisations.csv": (
        "parametrisation",
        ("trained", "parametrisation", "learning_rate", "seed", "step", "loss"),
    ),
    "variance_error.csv": (
        "variance_error",
        (
            "algorithm",
            "kappa",
            "m",
            "variance_error_median",
            "variance_error_largest",
            "xhat_error_median",
        ),
    ),
}


def build(records: Records, out: Path) -> list[Path]:
    """Write Markdown, CSV and plots into ``out``; returns what was written."""
    out.mkdir(parents=True, exist_ok=True)
    pages = {
        "README.md": index(records),
        "derivations.md": derivations(records),
        "accuracy.md": accuracy.accuracy(records),
        "check.md": check(records),
        "claims.md": claims_page(records),
        "claims.csv": table(map(claim_line, findings(records)), CLAIM_COLUMNS),
        "training.md": training(records),
        "running_statistics.md": running_statistics(records),
        "theorems.csv": table(
            map(theorem_line, records.of("theorem")), tuple(theorem_line(records.of("theorem")[0]))
        ),
        **{name: table(records.of(kind), columns) for name, (kind, columns) in TABLES.items()},
    }
    for name, content in pages.items():
        (out / name).write_text(content, encoding="utf-8")
    for name, plot in PLOTS.items():
        plot(records, out / name)
    return [out / name for name in (*pages, *PLOTS)]


def table(rows: Iterable[Row], columns: tuple[str, ...]) -> str:
    """Rows as CSV; what a row lacks stays empty."""
    return str(
        pd.DataFrame(list(rows), columns=list(columns), dtype=object).to_csv(
            index=False, lineterminator="\n"
        )
    )


def theorem_line(theorem: Row) -> Row:
    """One line a theorem: verdict, what was proved, what was refuted."""
    controls = [item for item in theorem["items"] if item["kind"] == "control"]
    return {
        "id": theorem["id"],
        "chapter": theorem["chapter"],
        "verdict": theorem["verdict"],
        "claims": len(theorem["items"]) - len(controls),
        "controls_refuted": sum(control["verdict"] == "refuted" for control in controls),
        "controls": len(controls),
        "conditions_needed": sum(len(item["needed"]) for item in theorem["items"]),
        "exact_points": theorem["points"],
        "independent_check": theorem["independent_check"],
    }


CLAIM_COLUMNS = (
    "id",
    "who",
    "claim",
    "verdict",
    "conditions",
    "theorems",
    "counterexamples",
    "measured",
)


def findings(records: Records) -> list[claims.ClaimVerdict]:
    """Every claim of the ledger, settled by these records."""
    return [claims.settle(assertion, records.rows) for assertion in claims.ledger().values()]


def claim_line(finding: claims.ClaimVerdict) -> Row:
    """One line a claim."""
    return {
        "id": finding.assertion.id,
        "who": finding.assertion.who,
        "claim": finding.assertion.says,
        "verdict": finding.verdict,
        "conditions": "; ".join(finding.conditions),
        "theorems": " ".join(finding.assertion.theorems),
        "counterexamples": "; ".join(finding.counterexamples),
        "measured": finding.measurement,
    }


def tally(settled: list[claims.ClaimVerdict]) -> str:
    """How many claims have which verdict, in words."""
    counts = {
        verdict: sum(finding.verdict == verdict for finding in settled)
        for verdict in claims.VERDICTS
    }
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def claims_page(records: Records) -> str:
    """The ledger."""
    settled = findings(records)
    return page(
        "claims.md",
        claims=[ledger.shown(finding, records.rows) for finding in settled],
        counts=tally(settled),
        provenance=provenance(records),
    )


def index(records: Records) -> str:
    """The entry page: the thread's question answered, with links."""
    lines = [theorem_line(theorem) for theorem in records.of("theorem")]
    settled = findings(records)
    pairs = [row for row in records.of("scatter") if row["m"] == 8]
    slopes = [row["gamma_prime"] for row in pairs]
    late = [row for row in records.of("train_eval") if row["target"] == "torch"][-1]
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
        fixed=next(row for row in records.of("scatter") if row["batch"] == 0),
        late=late,
    )


def derivations(records: Records) -> str:
    """The book."""
    chapters = by_chapter(
        [shown(theorem, records.of("law_result")) for theorem in records.of("theorem")]
    )
    return page("derivations.md", chapters=chapters, provenance=provenance(records))


def _targets(records: Records) -> list[Row]:
    """Per implementation: laws held, violated and not offered."""
    found: dict[str, Row] = {}
    for row in records.of("law_result"):
        counts = found.setdefault(
            row["target"], {"target": row["target"], "holds": 0, "violated": 0, "not offered": 0}
        )
        counts[row["verdict"]] += 1
    return list(found.values())


def check(records: Records) -> str:
    """Law by law, and quantity by quantity on real data."""
    rows = records.of("law_result")
    laws: dict[str, dict[str, Row]] = {}
    for row in rows:
        laws.setdefault(row["law"], {})[row["target"]] = row
    agreement: dict[tuple[str, str], dict[str, dict[str, Row]]] = {}
    for row in records.of("agreement"):
        agreement.setdefault((row["data"], row["dtype"]), {}).setdefault(row["quantity"], {})[
            row["target"]
        ] = row
    return page(
        "check.md",
        targets=[row["target"] for row in _targets(records)],
        counts=_targets(records),
        laws=laws,
        says={row["law"]: row for row in records.of("law")},
        agreement=agreement,
        sizes={(row["data"], row["dtype"]): row for row in records.of("agreement")},
        degenerate=[row for row in records.of("degenerate") if row["constant_channels"]],
        provenance=provenance(records),
        run=records.of("check"),
    )


def running_statistics(records: Records) -> str:
    """Running statistics and inference."""
    last = max(row["step"] for row in records.of("recurrence"))
    gaps = records.of("train_eval")
    spreads = []
    for size in sorted({row["m"] for row in records.of("scatter") if row["batch"]}):
        of_size = [row for row in records.of("scatter") if row["m"] == size and row["batch"]]
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
        recurrence=[row for row in records.of("recurrence") if row["step"] == last],
        bessel=records.of("bessel"),
        single=records.of("single_value"),
        cumulative=records.of("cumulative"),
        gaps=[row for row in gaps if row["step"] in (1, 10, last)],
        spreads=spreads,
        fixed=next(row for row in records.of("scatter") if row["batch"] == 0),
    )
