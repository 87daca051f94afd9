"""Ratios of the oracle's cost come from medians, and the largest is set beside what was asked for.

What the page says of arbitrary precision is tested beside the benchmark.
"""

import pytest

from bnproof.reports.oracle_cost import COLUMNS, FILES, list_lines, render_oracle_cost
from tests.reports.synthetic import lines, read_table, stream


def timed(channels, numpy, forward, gradient, memory=7.0):
    """A configuration of 1000 values; one round of each was interrupted."""
    seconds = {"numpy": numpy, "forward": forward, "gradient": gradient}
    return {
        "kind": "oracle_cost", "shape": [1000 // channels, channels, 1], "dtype": "beads",
        "values": 1000, "bytes": memory,
        "seconds": {name: [value, 777.0, value] for name, value in seconds.items()},
    }  # fmt: skip


CONFIGURATIONS = [
    timed(1, 0.5, 1.0, 1.75, 21.0), timed(8, 0.5, 2.5, 5.0), timed(16, 1.0, 1.5, 4.5),
    timed(20, 2.0, 1.0, 2.0),
]  # fmt: skip
SLOW = {
    "kind": "oracle_cost_slow", "values": 10, "many": 1000, "digits": 77,
    "seconds": {"mpmath": [8.0], "balls": [2.0], "forward": [4.0], "forward_short": [0.5]},
}  # fmt: skip
REST = [
    {"kind": "oracle_cost_run", "rounds": 3},
    {"kind": "oracle_cost_compile", "imports": 0.7, "first": 7.7, "second": 0.07},
    {"kind": "oracle_cost_reference", "shape": [5, 2], "values": 10,
     "seconds": {"torch": [1.0, 2.0, 3.0], "numpy": [6.0]}},
]  # fmt: skip


def test_a_line_is_made_of_medians():
    """A round that was interrupted does not count, and times are in nanoseconds a value."""
    line = list_lines(stream(*CONFIGURATIONS))[0]
    assert set(line) == set(COLUMNS)
    assert (line["numpy_ns"], line["forward_ns"], line["gradient_ns"]) == (5e5, 1e6, 1.75e6)
    assert (line["shape"], line["channels"], line["bytes"]) == ("1000 x 1 x 1", 1, 21.0)


def test_the_gradients_share_leaves_the_forward_pass_out():
    """Both are timed in one call, so that the ratios differ by exactly 1."""
    for line, both in zip(list_lines(stream(*CONFIGURATIONS)), (1.75, 2.0, 3.0, 2.0), strict=True):
        assert line["both_to_forward"] == both
        assert line["gradient_to_forward"] == both - 1


def test_the_page_shows_the_largest_of_each_ratio():
    """From 16 channels on a configuration counts among the many."""
    page = render_oracle_cost(stream(*CONFIGURATIONS, SLOW, *REST))
    assert lines(page, "| certified forward to NumPy, fewer")[0].split(" | ")[1] == "5"
    assert lines(page, "| certified forward to NumPy, 16")[0].split(" | ")[1] == "1.5"
    assert lines(page, "| the gradient's") == [
        "| the gradient's enclosures to the forward's | 2 | at most 3 |"
    ]
    assert lines(page, "| peak memory") == [
        "| peak memory beyond the input | 21 bytes a value | at most 32 |"
    ]
    # 8 s for 10 values against 4 s for 1000; 2 s for 10 values.
    assert "| mpmath (77 digits) to certified forward, per value of 1,000 | 200 |" in page
    assert "per value of 1,000 | 50 | at least 40 |" in page
    assert lines(page, "| torch |") + lines(page, "| numpy |") == [
        "| torch | 2e+08 | 1 |",
        "| numpy | 6e+08 | 3 |",
    ]


def test_a_second_run_in_the_same_records_is_refused():
    """One page is of one run; a run without the slow contestants is refused as well."""
    with pytest.raises(ValueError, match="too many"):
        render_oracle_cost(stream(*CONFIGURATIONS, SLOW, SLOW, *REST))
    with pytest.raises(ValueError, match="not enough"):
        render_oracle_cost(stream(*CONFIGURATIONS, *REST))


def test_the_table_has_a_line_for_each_configuration(tmp_path):
    """With ratios in full."""
    (file,) = (file for file in FILES if file.name == "oracle_cost.csv")
    file.write(stream(*CONFIGURATIONS), tmp_path / "table")
    columns, rows = read_table((tmp_path / "table").read_text(encoding="utf-8"))
    assert columns == COLUMNS
    assert [float(row["forward_to_numpy"]) for row in rows] == [2.0, 5.0, 1.5, 0.5]
