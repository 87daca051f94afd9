"""The growth benchmark as page, table and plot: seconds for one proof against the batch size.

bnproof proves a statement once for every m. Plain SymPy proves it for one m at a time, in one of
three ways, and takes longer for each larger m. A line stands for one theorem, method and m, with
the median over several runs. The page also compares the prover as a whole with an earlier one.

Start reading at :func:`list_lines`.
"""

from __future__ import annotations

from itertools import pairwise, takewhile
from operator import itemgetter
from statistics import median
from typing import Any

from matplotlib.figure import Figure

from bnproof.records import Records, Row, group_rows, list_distinct, select_rows
from bnproof.reports.files import declare_page, declare_table
from bnproof.reports.pages import describe_provenance, format_number, format_ratio, render_page
from bnproof.reports.plots import COLOURS, build_panels, declare_plot

OURS = "bnproof"
# Worst first: of several runs the worst outcome counts.
OUTCOMES = ("failed", "not shown", "refuted", "timeout", "shown")
# The columns of the table.
COLUMNS = (
    "theorem",
    "method",
    "m",
    "outcome",
    "at_least",
    "seconds",
    "fastest",
    "slowest",
    "runs",
    "elapsed",
    "times_bnproof",
)
# What was timed besides, in words; the braces take what the row names.
TIMED = {
    "book": "the whole book, in one process",
    "workers": "the whole book, one worker a core (elapsed)",
    "indices": "a sum over {} indices",
    "show": "`bnproof show {}`",
}
# Seconds that a reader is to wait for one theorem.
WAIT = 0.8
# Colour and marker of the three ways of plain SymPy.
LOOKS = {"simplify": ("orange", "o"), "cancel": ("blue", "s"), "field": ("green", "^")}


def list_lines(records: Records) -> list[Row]:
    """One line for each theorem, method and m.

    Parameters
    ----------
    records : Records
        Holds rows of the kinds ``proof_cost`` and ``proof_cost_run``; bnproof is among the methods
        of every theorem.

    Returns
    -------
    list of Row
        The columns ``COLUMNS``, and ``slower`` and ``reason``. ``seconds`` is a median over runs. A
        timeout has the cap for its seconds, and ``at_least`` set; what was not shown has no
        seconds. ``times_bnproof`` is how many times bnproof's median that is, and ``slower``
        whether each of its runs took longer than each of bnproof's.
    """
    groups = group_rows(records.select("proof_cost"), "theorem", "method", "m")
    measured = [_build_line(key, rows, read_cap(records)) for key, rows in groups.items()]
    ours = {line["theorem"]: line for line in select_rows(measured, method=OURS)}
    for line in measured:
        base = ours[line["theorem"]]
        # Without a time on both sides there is no ratio.
        both = base["seconds"] and line["seconds"]
        line["times_bnproof"] = line["seconds"] / base["seconds"] if both else None
        line["slower"] = bool(both and line["fastest"] > base["slowest"])
    return measured


def _build_line(key: tuple[str, str, int | None], rows: list[Row], cap: float) -> Row:
    """The runs of one theorem, method and m as one line; m is ``"every"`` for bnproof."""
    outcome = min((row["outcome"] for row in rows), key=OUTCOMES.index)
    # Other outcomes have no time that means anything.
    seconds = {"shown": [row["seconds"] for row in rows], "timeout": [cap]}.get(outcome, [])
    return {
        "theorem": key[0],
        "method": key[1],
        "m": "every" if key[2] is None else key[2],
        "outcome": outcome,
        "at_least": outcome == "timeout",
        "seconds": median(seconds) if seconds else None,
        "fastest": min(seconds, default=None),
        "slowest": max(seconds, default=None),
        "runs": len(rows),
        "elapsed": median(row["elapsed_seconds"] for row in rows) if outcome == "shown" else None,
        "reason": next((row["reason"] for row in rows if "reason" in row), ""),
    }


def read_cap(records: Records) -> float:
    """The seconds that a proof was given before it was stopped."""
    return float(records.select("proof_cost_run")[0]["cap"])


def render_proof_cost(records: Records) -> str:
    """The page, with every time, every ratio, and what became of false variants.

    Parameters
    ----------
    records : Records
        The rows of one run of the benchmark.

    Returns
    -------
    str
        Markdown.
    """
    measured = list_lines(records)
    plain = [line for line in measured if line["method"] != OURS]
    compared = compare_trees(records)
    return render_page(
        "proof_cost.md",
        provenance=describe_provenance(records),
        run=records.select("proof_cost_run")[0],
        methods=list_distinct(plain, "method"),
        ours={line["theorem"]: line for line in select_rows(measured, method=OURS)},
        cells={(line["theorem"], line["method"], line["m"]): format_cells(line) for line in plain},
        quickest=_find_quickest(plain),
        growth=[describe_growth(part) for part in _group_curves(plain)],
        controls={
            (row["theorem"], row["method"]): row["outcome"]
            for row in records.select("proof_cost_control")
        },
        imports={ours: _find_import_seconds(records, ours=ours) for ours in (True, False)},
        whole=[line for line in compared if line["what"] != "show"],
        shown=summarise_show(compared),
    )


def compare_trees(records: Records) -> list[Row]:
    """What was timed with this tree and an earlier one: median seconds of both, and their ratio.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``proof_cost_tree``; ``tree`` is ``"this"`` or ``"before"``.

    Returns
    -------
    list of Row
        ``ratio`` is before over now, so above 1 the prover has become faster. It is ``None`` where
        either was not shown.
    """
    timed = group_rows(records.select("proof_cost_tree"), "what", "of")
    return [_compare_trees(what, subject, rows) for (what, subject), rows in timed.items()]


def _compare_trees(what: str, subject: str, rows: list[Row]) -> Row:
    """One line of :func:`compare_trees`, from the runs of both trees."""
    trees = group_rows(rows, "tree")
    # The earlier tree need not have been timed.
    now, before = _median(trees["this"]), _median(trees.get("before", []))
    return {
        "what": what,
        "name": TIMED[what].format(subject),
        "now": now,
        "before": before,
        "ratio": before / now if now and before else None,
        "runs": len(trees["this"]),
    }


def summarise_show(lines: list[Row]) -> Row | None:
    """How long ``bnproof show`` takes over all theorems.

    Parameters
    ----------
    lines : list of Row
        From :func:`compare_trees`.

    Returns
    -------
    Row or None
        The median, the number of theorems within ``WAIT`` seconds, and the slowest three; ``None``
        where nothing was timed.
    """
    shown = select_rows(lines, what="show")
    timed = sorted((line for line in shown if line["now"]), key=itemgetter("now"))
    if not timed:
        return None
    return {
        "theorems": len(shown),
        "median": median(line["now"] for line in timed),
        "within": sum(line["now"] <= WAIT for line in timed),
        "wait": WAIT,
        # Three are enough to see where time goes.
        "slowest": timed[-3:][::-1],
    }


def _median(rows: list[Row]) -> float | None:
    """The median seconds, or ``None`` unless there are runs and all showed what they had to."""
    shown = [row["seconds"] for row in select_rows(rows, outcome="shown")]
    return median(shown) if shown and len(shown) == len(rows) else None


def _find_import_seconds(records: Records, *, ours: bool) -> float | None:
    """The median seconds of imports, over the runs that lived to report them.

    ``ours`` selects bnproof's runs or those of plain SymPy.
    """
    timed = [
        row
        for row in records.select("proof_cost")
        if "import_seconds" in row and (row["method"] == OURS) == ours
    ]
    return median(row["import_seconds"] for row in timed) if timed else None


def _find_quickest(plain: list[Row]) -> dict[str, Row | None]:
    """The quickest plain way at the largest m of each theorem; ``None`` where none has shown it."""
    # The largest m that was tried by anybody, so that all theorems are compared at the same one.
    largest = max(line["m"] for line in plain)
    shown = group_rows(select_rows(plain, m=largest, outcome="shown"), "theorem")
    return {
        theorem: min(shown.get(theorem, []), key=itemgetter("seconds"), default=None)
        for theorem in list_distinct(plain, "theorem")
    }


def format_cells(line: Row) -> tuple[str, str]:
    """Seconds and ratio of a line as they are printed, as a pair of texts.

    A timeout is printed as more than the cap, and another outcome by its name with a dash for the
    ratio.

    Examples
    --------
    >>> line = {"outcome": "timeout", "at_least": True, "seconds": 20.0, "times_bnproof": 40.0}
    >>> format_cells(line)
    ('> 20 (timeout)', '> 40')
    """
    # The reason stands in the place of the time, so that no cell is empty.
    if line["outcome"] not in ("shown", "timeout"):
        return f"{line['outcome']}{': ' if line['reason'] else ''}{line['reason']}", "-"
    # What was stopped has taken longer than what is printed.
    more = "> " if line["at_least"] else ""
    return (
        f"{more}{format_number(line['seconds'])}{' (timeout)' if more else ''}",
        f"{more}{format_ratio(line['times_bnproof'])}",
    )


def describe_growth(curve: list[Row]) -> Row:
    """How a method's time grows with m.

    Parameters
    ----------
    curve : list of Row
        The lines of one theorem and method, m rising.

    Returns
    -------
    Row
        ``last`` is the line of the largest m that was shown, and ``factor`` in words what the last
        step in m multiplied the time by. ``quicker_from`` is the m from which on bnproof is quicker
        in every run, all larger ones included.
    """
    shown = select_rows(curve, outcome="shown")
    # The last two that were shown, or none where there are fewer than two.
    step = list(pairwise(shown))[-1:]
    # From the largest m downwards, until one is not slower: what comes before does not count.
    slower = list(takewhile(lambda line: line["slower"], reversed(curve)))
    return {
        "theorem": curve[0]["theorem"],
        "method": curve[0]["method"],
        "last": shown[-1] if shown else None,
        "factor": next(
            (
                f"{format_ratio(b['seconds'] / a['seconds'])} (from {a['m']} to {b['m']})"
                for a, b in step
            ),
            "-",
        ),
        "quicker_from": slower[-1]["m"] if slower else None,
    }


def _group_curves(plain: list[Row]) -> list[list[Row]]:
    """The lines of each theorem and method, by m."""
    curves = group_rows(plain, "theorem", "method").values()
    return [sorted(curve, key=lambda line: int(line["m"])) for curve in curves]


def plot(records: Records) -> Figure:
    """Seconds against m, one panel a theorem; open markers are still running at the cap.

    Both axes are logarithmic. bnproof's time has no m in it and is a horizontal line.

    Parameters
    ----------
    records : Records
        Holds rows of the kinds ``proof_cost`` and ``proof_cost_run``.

    Returns
    -------
    Figure
        The plot.
    """
    measured, limit = list_lines(records), read_cap(records)
    theorems = list_distinct(measured, "theorem")
    # A shared y axis: theorems are compared by height.
    figure, every = build_panels(len(theorems), sharey=True)
    for axes, theorem in zip(every, theorems, strict=True):
        _plot_panel(axes, select_rows(measured, theorem=theorem), limit)
        axes.set(title=theorem, xlabel="batch size m (symbols written out)")
    every[0].set(ylabel="CPU seconds for the proof")
    every[0].legend(fontsize=9, loc="upper left", bbox_to_anchor=(0, 0.93))
    figure.suptitle(
        f"Plain SymPy proves one m at a time; open markers: stopped at {limit:g} s, unproved"
    )
    return figure


def _plot_panel(axes: Any, measured: list[Row], limit: float) -> None:
    """One theorem: three curves of plain SymPy, bnproof's line, and the cap."""
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    for size, curve in zip(
        (13, 9, 5),
        _group_curves([line for line in measured if line["method"] != OURS]),
        strict=False,
    ):
        colour, marker = LOOKS[curve[0]["method"]]
        look = {"marker": marker, "c": COLOURS[colour]}
        shown, stopped = (select_rows(curve, outcome=how) for how in ("shown", "timeout"))
        # Dotted from the last that was shown to the first that was stopped.
        axes.plot(*_list_points([*shown[-1:], *stopped[:1]]), c=COLOURS[colour], lw=1, ls=":")
        # Nested: all three ways may stop at the same m, and all are seen.
        axes.plot(*_list_points(stopped), **look, ms=size, mfc="none", ls="", zorder=3)
        axes.plot(
            *_list_points(shown), **look, ms=7, lw=1.6, label=f"plain SymPy, {curve[0]['method']}"
        )
    for line in (line for line in measured if line["method"] == OURS and line["seconds"]):
        axes.axhline(line["seconds"], c=COLOURS["black"], lw=2.4, label="bnproof: every m at once")
    # The cap, above which nothing can be seen.
    axes.axhline(limit, c=COLOURS["black"], lw=0.8, ls="--", alpha=0.5)
    sizes = sorted({line["m"] for line in measured if line["method"] != OURS})
    # Powers of 2 as plain numbers, not as exponents.
    axes.set_xticks(sizes, [str(size) for size in sizes])


def _list_points(timed: list[Row]) -> tuple[list[int], list[float]]:
    return [line["m"] for line in timed], [line["seconds"] for line in timed]


FILES = (
    declare_page("proof_cost.md", ("proof_cost", "proof_cost_run"), render_proof_cost),
    declare_table("proof_cost.csv", "proof_cost", COLUMNS, list_lines),
    declare_plot("proof_cost.svg", ("proof_cost",), plot),
)
