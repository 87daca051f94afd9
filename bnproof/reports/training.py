"""The page on what had to be measured: training, sizes of normalised values, rounding of the
variance.

Some assertions of the thread are no theorems. The experiments behind this page settle them, and the
ledger takes its verdicts on them from the same rows.
"""

from __future__ import annotations

from bnproof.records import Records, group_rows, list_distinct
from bnproof.reports.files import declare_page
from bnproof.reports.pages import describe_provenance, render_page


def render_training(records: Records) -> str:
    """The page, one section for each of the four experiments.

    Parameters
    ----------
    records : Records
        Holds rows of all the kinds that ``FILES`` lists for it.

    Returns
    -------
    str
        Markdown.
    """
    # The fair test of the claim: the layer in front of the normalisation alone at the raised rate.
    first = records.select("weight_norm_run", raised="first layer")
    summaries = records.select("parametrisation_summary")
    return render_page(
        "training.md",
        provenance=describe_provenance(records),
        other_rate=first[0]["other_rate"],
        first_layer=first,
        all_layers=records.select("weight_norm_run", raised="all layers"),
        m=records.select("linear_range_moments")[0]["m"],
        shares=records.select("linear_range_share"),
        moments=records.select("linear_range_moments"),
        sigmoid=records.select("sigmoid_linear"),
        summaries=summaries,
        # Normalised first, as the experiment yields them.
        names=list_distinct(summaries, "parametrisation"),
        # The other set-up has no claim of its own in the ledger.
        rates={
            rate: {row["parametrisation"]: row for row in rows}
            for rate, rows in group_rows(
                records.select("parametrisation_rate", trained="everything"), "learning_rate"
            ).items()
        },
        variance_m=records.select("variance_error")[0]["m"],
        slopes=records.select("variance_slope"),
    )


FILES = (
    declare_page(
        "training.md",
        (
            *("weight_norm_run", "linear_range_moments", "linear_range_share", "sigmoid_linear"),
            *("parametrisation_summary", "parametrisation_rate"),
            *("variance_error", "variance_slope"),
        ),
        render_training,
    ),
)
