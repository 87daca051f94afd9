"""The entry page, and what an implementation check and the running statistics come to.

:func:`render_index` answers the thread's question step by step, with a link to the proof or the
measurement behind each answer. :func:`render_check` sets the implementations beside each other, law
by law. :func:`render_running_statistics` shows what training tracks and what inference uses.
"""

from __future__ import annotations

from bnproof.records import Records, Row, group_rows
from bnproof.reports.derivation import summarise_theorem
from bnproof.reports.files import declare_page, declare_table
from bnproof.reports.ledger import count_verdicts, settle_claims
from bnproof.reports.pages import describe_provenance, render_page


def render_index(records: Records) -> str:
    """The entry page: the thread's question answered, with links.

    Parameters
    ----------
    records : Records
        Holds all theorems of the book, and rows of the kinds ``scatter``, ``train_eval`` and
        ``law_result``.

    Returns
    -------
    str
        Markdown. An answer whose theorem is not proved in these records is replaced by "open in
        this run".
    """
    lines = [summarise_theorem(theorem) for theorem in records.select("theorem")]
    settled = settle_claims(records)
    # The smallest batches, where the pair varies most.
    pairs = records.select("scatter", m=8)
    # gamma' alone is quoted: one number that differs is enough for the answer.
    slopes = [row["gamma_prime"] for row in pairs]
    return render_page(
        "index.md",
        provenance=describe_provenance(records),
        theorems=lines,
        # Every answer of the template looks up the theorems it rests on here.
        verdicts={line["id"]: line["verdict"] for line in lines},
        proved=sum(line["verdict"] == "proved" for line in lines),
        refuted=sum(line["controls_refuted"] for line in lines),
        needed=sum(line["conditions_needed"] for line in lines),
        claims=settled,
        counts=count_verdicts(settled),
        targets=_count_by_target(records),
        spread=(min(slopes), max(slopes)),
        # Batch 0 stands for all data, as at inference.
        fixed=records.select("scatter", batch=0)[0],
        # The last step, when the running statistics have settled.
        late=records.select("train_eval", target="torch")[-1],
    )


def _count_by_target(records: Records) -> list[Row]:
    """Laws that hold, are violated and are not offered, by implementation."""
    targets: dict[str, Row] = {}
    for row in records.select("law_result"):
        counts = targets.setdefault(
            row["target"], {"target": row["target"], "holds": 0, "violated": 0, "not offered": 0}
        )
        # The three states are the keys: another one would be an error here and not a wrong sum.
        counts[row["verdict"]] += 1
    return list(targets.values())


def _turn_over(rows: list[Row], key: str) -> dict[str, dict[str, Row]]:
    """Rows that come one implementation after the other, for a table with one value in a line."""
    return {
        value: {row["target"]: row for row in own} for value, own in group_rows(rows, key).items()
    }


def render_check(records: Records) -> str:
    """Law by law, and quantity by quantity on real data.

    Parameters
    ----------
    records : Records
        Holds rows of the kinds ``check``, ``law``, ``law_result``, ``agreement`` and
        ``degenerate``.

    Returns
    -------
    str
        Markdown, with one column for each implementation.
    """
    batches = group_rows(records.select("agreement"), "data", "dtype")
    counts = _count_by_target(records)
    return render_page(
        "check.md",
        targets=[row["target"] for row in counts],
        counts=counts,
        laws=_turn_over(records.select("law_result"), "law"),
        says={row["law"]: row for row in records.select("law")},
        agreement={batch: _turn_over(rows, "quantity") for batch, rows in batches.items()},
        # m and the number of features are the same in all rows of a batch, so any of them will do.
        sizes={batch: rows[0] for batch, rows in batches.items()},
        # Data without a constant feature have nothing to say here.
        degenerate=[row for row in records.select("degenerate") if row["constant_channels"]],
        provenance=describe_provenance(records),
        run=records.select("check"),
    )


def render_running_statistics(records: Records) -> str:
    """Running statistics and inference, from the recurrence to the collapsed pair.

    Parameters
    ----------
    records : Records
        Holds the six kinds of rows of :mod:`bnproof.experiments.running`.

    Returns
    -------
    str
        Markdown. The recurrence is shown after the last step, the gap after the first, the tenth
        and the last.
    """
    last = max(row["step"] for row in records.select("recurrence"))
    # Batch 0 is all of the data and no batch size.
    sizes = group_rows([row for row in records.select("scatter") if row["batch"]], "m")
    return render_page(
        "running_statistics.md",
        provenance=describe_provenance(records),
        last=last,
        recurrence=records.select("recurrence", step=last),
        bessel=records.select("bessel"),
        single=records.select("single_value"),
        cumulative=records.select("cumulative"),
        # The start, early on, and the end: what happens between is in the plot.
        gaps=[row for row in records.select("train_eval") if row["step"] in (1, 10, last)],
        # Smallest and largest of each coordinate: two numbers show that a pair is not constant.
        spreads=dict(sorted(sizes.items())),
        fixed=records.select("scatter", batch=0)[0],
    )


FILES = (
    declare_page("README.md", ("theorem", "scatter", "train_eval", "law_result"), render_index),
    declare_page(
        "check.md", ("check", "law", "law_result", "agreement", "degenerate"), render_check
    ),
    declare_page(
        "running_statistics.md",
        ("recurrence", "train_eval", "scatter", "bessel", "single_value", "cumulative"),
        render_running_statistics,
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
