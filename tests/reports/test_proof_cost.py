"""How the growth of a method's time is described, and what the plot shows of timeouts.

Lines, page and table of a whole run are tested beside the benchmark.
"""

import math

import pytest

from bnproof.reports.proof_cost import (
    compare_trees,
    describe_growth,
    format_cells,
    list_lines,
    plot,
)
from tests.reports.synthetic import curves, draw, stream


def line(m, seconds, *, slower, outcome="shown"):
    """The line of one m."""
    own = {"theorem": "beads", "method": "by hand", "m": m, "outcome": outcome}
    return own | {"seconds": seconds, "slower": slower, "at_least": outcome == "timeout"}


def timed(theorem, method, m, *seconds):
    """The runs of one theorem, method and m; None is a timeout."""
    return [
        {"kind": "proof_cost", "theorem": theorem, "method": method, "m": m, "seconds": value,
         "elapsed_seconds": value, "outcome": "timeout" if value is None else "shown"}
        for value in seconds
    ]  # fmt: skip


def tree(which, what, *seconds, of="", outcome="shown"):
    """Runs of one tree."""
    return [
        {"kind": "proof_cost_tree", "tree": which, "what": what, "of": of, "outcome": outcome,
         "seconds": value}
        for value in seconds
    ]  # fmt: skip


RUN = {"kind": "proof_cost_run", "cap": 70.0}
ROWS = [
    RUN,
    *timed("beads", "bnproof", None, 0.5, 0.25, 2.0), *timed("beads", "simplify", 2, 1.0, 3.0, 8.0),
    *timed("beads", "simplify", 4, 6.0), *timed("beads", "simplify", 8, None),
    *timed("beads", "cancel", 2, 1.0),
    *timed("rods", "bnproof", None, 0.125), *timed("rods", "field", 2, 0.0625),
]  # fmt: skip


def test_growth_is_that_of_the_last_step():
    """The factor is between the last two that were shown, and none with a single one."""
    curve = [line(2, 1.0, slower=True), line(4, 3.0, slower=True), line(8, 12.0, slower=True)]
    late = line(16, 70.0, slower=True, outcome="timeout")
    found = describe_growth([*curve, late])
    assert (found["factor"], found["last"]["m"]) == ("4 (from 4 to 8)", 8)
    assert describe_growth([curve[0], late])["factor"] == "-"
    nothing = describe_growth([late])
    assert (nothing["factor"], nothing["last"]) == ("-", None)


@pytest.mark.parametrize(
    ("slower", "start"),
    [
        ((True, True, True), 2), ((False, True, True), 4), ((True, False, True), 8),
        ((True, True, False), None),
    ],
)  # fmt: skip
def test_quicker_from_holds_for_all_larger_sizes(slower, start):
    """An m below one at which plain SymPy is as quick does not count."""
    curve = [line(m, 1.0, slower=own) for m, own in zip((2, 4, 8), slower, strict=True)]
    assert describe_growth(curve)["quicker_from"] == start


def test_slower_means_every_run_against_every_run():
    """A median that is larger is not enough while the ranges overlap."""
    found = {(row["theorem"], row["method"], row["m"]): row for row in list_lines(stream(*ROWS))}
    overlapping = found["beads", "simplify", 2]
    # bnproof took 0.25 to 2 s, the other 1 to 8 s.
    assert (overlapping["times_bnproof"], overlapping["slower"]) == (6.0, False)
    assert found["beads", "simplify", 4]["slower"]
    assert not found["rods", "field", 2]["slower"]
    stopped = found["beads", "simplify", 8]
    assert (stopped["seconds"], stopped["at_least"], stopped["slower"]) == (70.0, True, True)


@pytest.mark.parametrize(
    ("outcome", "seconds", "times", "cells"),
    [
        ("shown", 1234.5, 56.7, ("1234", "57")), ("shown", 0.5, None, ("0.5", "-")),
        ("timeout", 70.0, 140.0, ("> 70 (timeout)", "> 140")),
        ("failed", None, None, ("failed: no beads", "-")),
    ],
)  # fmt: skip
def test_cells_say_what_became_of_a_proof(outcome, seconds, times, cells):
    """A timeout is a lower bound, and a failure has its reason in the place of a time."""
    row = line(2, seconds, slower=True, outcome=outcome)
    assert format_cells(row | {"times_bnproof": times, "reason": "no beads"}) == cells


def test_a_tree_is_compared_with_an_earlier_one_where_there_is_one():
    """Before over now, from medians; None where either was not shown or not timed."""
    found = compare_trees(
        stream(
            *tree("this", "book", 4.0, 2.0, 8.0), *tree("before", "book", 6.0, 10.0),
            *tree("this", "indices", 1.0, of="3"),
            *tree("this", "show", 1.0, of="beads"),
            *tree("before", "show", 2.0, of="beads", outcome="timeout"),
        )
    )  # fmt: skip
    assert [(row["now"], row["before"], row["ratio"], row["runs"]) for row in found] == [
        (4.0, 8.0, 2.0, 3), (1.0, None, None, 1), (1.0, None, None, 1),
    ]  # fmt: skip
    assert [row["name"] for row in found] == [
        "the whole book, in one process", "a sum over 3 indices", "`bnproof show beads`",
    ]  # fmt: skip


def test_the_plot_tells_what_was_stopped_from_what_was_shown():
    """A panel for each theorem; shown times are a curve, what was stopped lies at the cap, and
    bnproof is a horizontal line."""
    beads, rods = draw(plot, stream(*ROWS)).axes
    drawn = curves(beads)
    assert drawn["plain SymPy, simplify"] == ([2, 4], [3.0, 6.0])
    assert drawn["plain SymPy, cancel"] == ([2], [1.0])
    assert set(drawn["bnproof: every m at once"][1]) == {0.5}
    open_markers = [x for x in beads.get_lines() if x.get_markerfacecolor() == "none"]
    assert [list(x.get_xdata()) for x in open_markers if len(x.get_xdata())] == [[8]]
    assert [list(x.get_ydata()) for x in open_markers if len(x.get_xdata())] == [[70.0]]
    assert set(curves(rods)) == {"plain SymPy, field", "bnproof: every m at once"}
    assert math.log2(max(beads.get_xticks())) == 3
