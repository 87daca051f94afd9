"""The oracle's cost as a page and a table: ratios side by side.

Seconds depend on the machine, ratios of seconds measured in the same process much less. So each
configuration is set beside NumPy, and the gradient's enclosures beside the forward's. The page
compares the largest ratios with what was asked for.
"""

from __future__ import annotations

from statistics import median

from bnproof.records import Records, Row
from bnproof.reports.files import declare_page, declare_table
from bnproof.reports.pages import describe_provenance, render_page

# The columns of the table. Times are in nanoseconds per value.
COLUMNS = (
    "values",
    "channels",
    "shape",
    "dtype",
    "numpy_ns",
    "forward_ns",
    "gradient_ns",
    "forward_to_numpy",
    "gradient_to_forward",
    "both_to_forward",
    "bytes",
)
# What was asked for: at most the first two, at least the last two.
GRADIENT, BYTES, MPMATH, BALLS = 3.0, 32.0, 500.0, 40.0


def list_lines(records: Records) -> list[Row]:
    """One line a configuration: medians in nanoseconds per value, and their ratios.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``oracle_cost``.

    Returns
    -------
    list of Row
        ``forward_to_numpy`` and ``both_to_forward`` are ratios of times. ``gradient_to_forward`` is
        that of the gradient's share alone, because forward and gradient are timed in one call.
    """
    return [_build_line(row) for row in records.select("oracle_cost")]


def _find_nanoseconds(row: Row) -> dict[str, float]:
    """What each contestant takes for a value."""
    return {
        # The median, since a round that the machine interrupts is only ever slower.
        name: median(times) / row["values"] * 1e9
        for name, times in row["seconds"].items()
    }


def _build_line(row: Row) -> Row:
    """One configuration, from the seconds of all rounds."""
    nanoseconds = _find_nanoseconds(row)
    return {
        "values": row["values"],
        "channels": row["shape"][1],
        "shape": " x ".join(map(str, row["shape"])),
        "dtype": row["dtype"],
        **{f"{name}_ns": value for name, value in nanoseconds.items()},
        "forward_to_numpy": nanoseconds["forward"] / nanoseconds["numpy"],
        # Minus 1: the forward pass is part of the timed call.
        "gradient_to_forward": nanoseconds["gradient"] / nanoseconds["forward"] - 1,
        "both_to_forward": nanoseconds["gradient"] / nanoseconds["forward"],
        "bytes": row["bytes"],
    }


def render_oracle_cost(records: Records) -> str:
    """The page, with the largest of each ratio beside what was asked for.

    Parameters
    ----------
    records : Records
        The rows of one run of the benchmark.

    Returns
    -------
    str
        Markdown.
    """
    configurations = list_lines(records)
    few, many = (
        # Few channels and many have limits of their own.
        [line for line in configurations if (line["channels"] < 16) == small]
        for small in (True, False)
    )
    # Exactly one such row: a second run in the same stream would be a mistake.
    (slow,) = records.select("oracle_cost_slow")
    each = {
        name: median(slow["seconds"][name]) / slow["values"]
        for name in ("mpmath", "balls", "forward_short")
    }
    # A call costs something whatever its size, so the fair comparison is with many values.
    each["forward"] = median(slow["seconds"]["forward"]) / slow["many"]
    (reference,) = records.select("oracle_cost_reference")
    return render_page(
        "oracle_cost.md",
        reference=reference,
        steps=_find_nanoseconds(reference),
        provenance=describe_provenance(records),
        run=records.select("oracle_cost_run")[0],
        compiled=records.select("oracle_cost_compile")[0],
        lines=configurations,
        # The largest of all configurations: a limit has to hold for each.
        few=max(line["forward_to_numpy"] for line in few),
        many=max(line["forward_to_numpy"] for line in many),
        gradient=max(line["gradient_to_forward"] for line in configurations),
        both=max(line["both_to_forward"] for line in configurations),
        memory=max(line["bytes"] for line in configurations),
        slow=slow,
        each=each,
        limits={
            "few": 4,
            "many": 2,
            "gradient": GRADIENT,
            "bytes": BYTES,
            "mpmath": MPMATH,
            "balls": BALLS,
        },
    )


FILES = (
    declare_page("oracle_cost.md", ("oracle_cost", "oracle_cost_run"), render_oracle_cost),
    declare_table("oracle_cost.csv", "oracle_cost", COLUMNS, list_lines),
)
