"""The page on what had to be measured: training, sizes of normalised values, rounding of the
variance.

Some assertions of the thread are no theorems. The experiments behind this page settle them, and the
ledger takes its verdicts on them from the same rows.
"""

from __future__ import annotations

from bnproof.records import Records, Row
from bnproof.reports.files import declare_page
from bnproof.reports.pages import render_page, describe_provenance


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
    runs = records.select("weight_norm_run")
    # The fair test of the claim: the layer in front of the normalisation alone at the raised rate.
    first = [row for row in runs if row["raised"] == "first layer"]
    summaries = records.select("parametrisation_summary")
    return render_page(
        "training.md",
        provenance=describe_provenance(records),
        other_rate=first[0]["other_rate"],
        first_layer=first,
        all_layers=[row for row in runs if row["raised"] == "all layers"],
        m=records.select("linear_range_moments")[0]["m"],
        shares=records.select("linear_range_share"),
        moments=records.select("linear_range_moments"),
        sigmoid=records.select("sigmoid_linear"),
        summaries=summaries,
        # Normalised first, as the experiment yields them.
        names=list(dict.fromkeys(row["parametrisation"] for row in summaries)),
        rates=_group_by_rate(records),
        variance_m=records.select("variance_error")[0]["m"],
        slopes=records.select("variance_slope"),
    )


def _group_by_rate(records: Records) -> dict[float, dict[str, Row]]:
    """Rate -> parametrisation -> its row, where everything was trained."""
    rates: dict[float, dict[str, Row]] = {}
    for row in records.select("parametrisation_rate"):
        # The other set-up has no claim of its own in the ledger.
        if row["trained"] == "everything":
            rates.setdefault(row["learning_rate"], {})[row["parametrisation"]] = row
    return rates


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
