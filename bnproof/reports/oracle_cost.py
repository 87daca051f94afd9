"""The oracle's cost as page and table: ratios side by side."""

from __future__ import annotations

from statistics import median

from bnproof.records import Records, Row
from bnproof.reports.files import declare_page, declare_table
from bnproof.reports.pages import render_page, describe_provenance

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
GRADIENT, BYTES, MPMATH, BALLS = 3.0, 32.0, 500.0, 40.0


def list_lines(records: Records) -> list[Row]:
    """One line a configuration: medians in nanoseconds per value, and their ratios."""
    return [_build_line(row) for row in records.select("oracle_cost")]


def _build_line(row: Row) -> Row:
    nanoseconds = {
        name: median(times) / row["values"] * 1e9 for name, times in row["seconds"].items()
    }
    return {
        "values": row["values"],
        "channels": row["shape"][1],
        "shape": " x ".join(map(str, row["shape"])),
        "dtype": row["dtype"],
        **{f"{name}_ns": value for name, value in nanoseconds.items()},
        "forward_to_numpy": nanoseconds["forward"] / nanoseconds["numpy"],
        "gradient_to_forward": nanoseconds["gradient"] / nanoseconds["forward"] - 1,
        "both_to_forward": nanoseconds["gradient"] / nanoseconds["forward"],
        "bytes": row["bytes"],
    }


def render_oracle_cost(records: Records) -> str:
    """The page."""
    configurations = list_lines(records)
    few, many = (
        [line for line in configurations if (line["channels"] < 16) == small] for small in (True, False)
    )
    (slow,) = records.select("oracle_cost_slow")
    each = {
        name: median(slow["seconds"][name]) / slow["values"]
        for name in ("mpmath", "balls", "forward_short")
    }
    each["forward"] = median(slow["seconds"]["forward"]) / slow["many"]
    (reference,) = records.select("oracle_cost_reference")
    steps = {
        name: median(times) / reference["values"] * 1e9
        for name, times in reference["seconds"].items()
    }
    return render_page(
        "oracle_cost.md",
        reference=reference,
        steps=steps,
        provenance=describe_provenance(records),
        run=records.select("oracle_cost_run")[0],
        compiled=records.select("oracle_cost_compile")[0],
        lines=configurations,
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
