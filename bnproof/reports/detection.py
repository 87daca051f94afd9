"""Which known bugs are found, and by what: a page, a table and a picture, from records alone.

A row of the kind ``mutant`` is one model of a bug, with the laws that break and the cause that is
named. A row of the kind ``correct`` is one run on a correct implementation, which no law may flag.
A row of the kind ``baseline`` is what one of today's ways of testing says about a model or a
correct implementation. :func:`list_shortfalls` is what decides whether a run was good enough; the
rest shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bnproof.records import Records, Row, group_rows
from bnproof.reports.files import declare_page, format_table
from bnproof.reports.pages import describe_provenance, render_page
from bnproof.reports.plots import COLOURS, build_panels, declare_plot

# Laws named in a line. A bug may break dozens, and the first few tell what it is about.
SHOWN = 4
# Families that no baseline looks at. They are left out where laws and baselines are compared.
BEYOND_BASELINES = ("fold", "distributed")
COLUMNS = (
    "id",
    "family",
    "severity",
    "mechanism",
    "model",
    "found",
    "laws",
    "seconds",
    "cause",
    "cause_without",
)


def list_bugs(records: Records) -> list[Row]:
    """The models a check has to object to.

    Those that only a grade tells are left out: they compute the formula, though badly.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``mutant``.

    Returns
    -------
    list of Row
        Their rows, in order, whether they were found or not.
    """
    return [row for row in records.select("mutant") if row["model"] != "graded"]


def list_shortfalls(records: Records) -> list[str]:
    """What falls short, one sentence each; empty where nothing does.

    A shortfall is a bug that is not found, a correct implementation that is flagged, or a grade
    other than the expected one.

    Parameters
    ----------
    records : Records
        Holds rows of the kinds ``mutant`` and ``correct``.

    Returns
    -------
    list of str
        The sentences, bugs first.
    """
    problems = [f"{row['id']} is not found" for row in list_bugs(records) if not row["found"]]
    problems += [
        f"{row['id']} is flagged at {row['effort']}, seed {row['seed']}:"
        f" {', '.join(row['flagged'])}"
        for row in records.select("correct")
        if row["flagged"]
    ]
    return problems + [
        f"{row['id']} is graded {row['grade']}, not {row['grade_expected']}"
        for row in records.select("mutant")
        if row["grade_expected"] not in (None, row["grade"])
    ]


def render_detection(records: Records) -> str:
    """The page, with every bug, every baseline and every correct implementation.

    Parameters
    ----------
    records : Records
        The rows of one run of the benchmark.

    Returns
    -------
    str
        Markdown.
    """
    rows = list_bugs(records)
    alarms = [row for row in records.select("correct") if not row["unusable"]]
    every = records.select("mutant")
    flags = {(row["id"], row["baseline"]): row for row in records.select("baseline")}
    names = [row["baseline"] for row in records.select("baseline_says")]
    correct = group_rows(alarms, "id")
    # The comparison is fair only where a baseline has a chance.
    within = [row for row in rows if row["family"] not in BEYOND_BASELINES]
    return render_page(
        "detection.md",
        run=records.select("detection")[0],
        seed=records.header["seed"],
        modelled=len(every),
        # Several models may come from one row of the table of bugs.
        rows_modelled=len({row["row"] for row in every}),
        # The rows of the catalogue: their ids are a letter and two digits.
        rows_correct=len(
            {name.partition("-")[0] for name in correct if re.match("[A-Z][0-9]{2}", name)}
        ),
        found=sum(row["found"] for row in rows),
        to_find=len(rows),
        not_found=[row["id"] for row in rows if not row["found"]],
        alarms=sum(bool(row["flagged"]) for row in alarms),
        alarm_runs=len(alarms),
        flagged_by_laws={row["id"] for row in alarms if row["flagged"]},
        seconds=sum(row["seconds"] for row in rows),
        baselines={name: _count_baseline(name, rows, correct, flags) for name in names},
        says=records.select("baseline_says"),
        reach=_count_found(within, flags, names),
        families={
            family: _count_found(own, flags, names)
            for family, own in group_rows(rows, "family").items()
        },
        bugs=[_describe_bug(row, flags, names) for row in rows],
        graded=[row for row in every if row["grade_expected"] is not None],
        findings=count_findings(records),
        diagnosis=count_diagnoses([row for row in every if row["cause"]]),
        causes=[_describe_cause(row) for row in every if row["cause"]],
        unusable={
            row["id"]: row["unusable"] for row in records.select("correct") if row["unusable"]
        },
        # Over all runs: one false alarm at any seed is one too many.
        correct=[
            {
                "id": name,
                "runs": len(runs),
                "flagged": ", ".join(sorted({law for row in runs for law in row["flagged"]})),
            }
            for name, runs in correct.items()
        ],
        unmodelled=records.select("unmodelled"),
        costs=records.select("check_cost"),
        provenance=describe_provenance(records),
    )


def _count_baseline(
    name: str, rows: list[Row], correct: Iterable[str], flags: dict[tuple[str, str], Row]
) -> Row:
    """What one baseline finds, what it flags wrongly, and how long it takes."""
    return {
        "found": sum(flags[row["id"], name]["flagged"] for row in rows),
        "wrongly": [subject for subject in correct if flags[subject, name]["flagged"]],
        "seconds": sum(flags[row["id"], name]["seconds"] for row in rows),
    }


def _count_found(rows: list[Row], flags: dict[tuple[str, str], Row], names: list[str]) -> Row:
    """How many bugs are modelled, and how many of them the laws and each baseline find."""
    return {
        "modelled": len(rows),
        "found": sum(row["found"] for row in rows),
        "baselines": {
            name: sum(flags[row["id"], name]["flagged"] for row in rows) for name in names
        },
    }


def _describe_bug(row: Row, flags: dict[tuple[str, str], Row], names: list[str]) -> Row:
    """A bug's row with the laws that break in the largest shares of their cases, and baselines."""
    # By the share of cases, largest first; a law without cases must not divide by 0.
    laws = sorted(row["laws"].items(), key=lambda entry: -entry[1][0] / max(entry[1][1], 1))
    shown = ", ".join(f"{law} {violated}/{cases}" for law, (violated, cases) in laws[:SHOWN])
    more = f" and {len(laws) - SHOWN} more" if len(laws) > SHOWN else ""
    by = ", ".join(name for name in names if flags[row["id"], name]["flagged"])
    return {**row, "laws": shown + more or "**none**", "baselines": by or "-"}


def count_diagnoses(rows: list[Row]) -> Row:
    """How often the cause that is named is right, with and without the bug's own model.

    Without its own model a bug stands for one that nobody has seen yet. Then the best possible
    answer is another model of the same mechanism or the right family, and the worst is a confident
    wrong one.

    Parameters
    ----------
    rows : list of Row
        The models that were found and have a cause.

    Returns
    -------
    Row
        Counts, shares as text, and the wrong answers in words.
    """
    # The class of mechanism has to agree, not the very model.
    right = [row for row in rows if row["cause"]["mechanism"] == row["mechanism"]]
    without = [row for row in rows if row["cause_without"]]
    # "same values" is the confidence that claims most, so only there is a wrong answer called
    # wrong.
    sure = [row for row in without if row["cause_without"]["confidence"] == "same values"]
    wrong = [row for row in sure if row["cause_without"]["mechanism"] != row["mechanism"]]
    pattern = [row for row in without if row["cause_without"]["confidence"] == "same pattern"]
    of_family = [
        row
        for row in pattern
        if row["cause_without"]["mechanism"] in (row["family"], row["mechanism"])
    ]
    return {
        "found": len(rows),
        "right": len(right),
        "right_share": f"{len(right) / max(len(rows), 1):.0%}",
        "same_class": len(sure) - len(wrong),
        "family": len(of_family),
        "wrong_family": len(pattern) - len(of_family),
        "unknown": sum(row["cause_without"]["confidence"] == "unknown" for row in without),
        "wrong": len(wrong),
        "wrong_share": f"{len(wrong) / max(len(without), 1):.1%}",
        "wrongs": [f"{row['id']} as {row['cause_without']['mechanism']}" for row in wrong],
    }


def count_findings(records: Records) -> Row:
    """How many findings a bug is told as, and whether two bugs are told apart.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``mutant``, and of the kind ``pair`` where pairs were measured.

    Returns
    -------
    Row
        Counts, and the bugs and pairs that fall short, in words.
    """
    explained = [row for row in records.select("mutant") if row["findings"]]
    pairs = [row for row in records.select("pair") if row["apart"]]
    return {
        "told": len(explained),
        "most": max((len(row["findings"]) for row in explained), default=0),
        "two": sum(len(row["findings"]) <= 2 for row in explained),
        "many": [row["id"] for row in explained if len(row["findings"]) > 2],
        "pairs": len(pairs),
        "hidden": len(records.select("pair")) - len(pairs),
        "both": sum(row["both"] for row in pairs),
        "both_share": f"{sum(row['both'] for row in pairs) / max(len(pairs), 1):.0%}",
        "missed": [_describe_pair(row) for row in pairs if not row["both"]],
    }


def _describe_pair(row: Row) -> Row:
    """A pair that is not told apart, with what is told instead."""
    return {
        "names": " and ".join(row["names"]),
        "mechanisms": "; ".join(row["mechanisms"]),
        "told": "; ".join(f"{one['area']}: {one['mechanism']}" for one in row["findings"]),
    }


def _describe_cause(row: Row) -> Row:
    """A bug's row with both causes in words."""

    def name_cause(cause: Row | None) -> str:
        return "-" if cause is None else f"{cause['mechanism']} ({cause['confidence']})"

    return {**row, "named": name_cause(row["cause"]), "without": name_cause(row["cause_without"])}


def render_csv(records: Records) -> str:
    """One line a model: what found it, and what the baselines said.

    Parameters
    ----------
    records : Records
        Holds rows of the kinds ``mutant``, ``baseline`` and ``baseline_says``.

    Returns
    -------
    str
        CSV with the columns ``COLUMNS`` and one more for each baseline. Laws are separated by
        spaces, and a cause is given by its mechanism alone.

    Raises
    ------
    KeyError
        Where a baseline has no row for some model.
    """
    flags = {(row["id"], row["baseline"]): row["flagged"] for row in records.select("baseline")}
    names = [row["baseline"] for row in records.select("baseline_says")]
    lines = [
        {
            **row,
            "laws": " ".join(row["laws"]),
            "seconds": round(row["seconds"], 2),
            # The mechanism alone, or None where there is no cause.
            **{key: row[key] and row[key]["mechanism"] for key in ("cause", "cause_without")},
            **{name: flags[row["id"], name] for name in names},
        }
        for row in records.select("mutant")
    ]
    return format_table(lines, (*COLUMNS, *names))


def plot_matrix(records: Records) -> Figure:
    """Bugs down, laws and baselines across.

    A square is as dark as the share of cases in which the law breaks. Laws that no bug breaks are
    left out.

    Parameters
    ----------
    records : Records
        The rows of one run of the benchmark.

    Returns
    -------
    Figure
        The plot.
    """
    rows = list_bugs(records)
    names = [row["baseline"] for row in records.select("baseline_says")]
    broken = {law for row in rows for law in row["laws"]}
    laws = [row["law"] for row in records.select("law") if row["law"] in broken]
    flags = {(row["id"], row["baseline"]): row["flagged"] for row in records.select("baseline")}
    shares = [[_compute_shade(row["laws"].get(law)) for law in laws] for row in rows]
    today = [[float(flags[row["id"], name]) for name in names] for row in rows]
    # A fifth of an inch a row and a column, and room for the labels: the picture grows with the
    # catalogue.
    size = (0.19 * (len(laws) + len(names)) + 2.6, 0.19 * len(rows) + 2.4)
    widths = [len(laws), len(names)]
    figure, (left, right) = build_panels(2, size=size, sharey=True, width_ratios=widths)
    _plot_squares(left, shares, laws, "blue", "laws of bnproof")
    _plot_squares(right, today, names, "orange", "today's tests")
    left.set_yticks(range(len(rows)), [row["id"] for row in rows])
    # Upside down, so that the first bug stands on top.
    left.set_ylim(len(rows) - 0.5, -0.5)
    return figure


def _plot_squares(
    axes: Any, values: list[list[float]], labels: list[str], colour: str, title: str
) -> None:
    """One square for every value above 0, as opaque as the value."""
    shades = np.array(values)
    # Empty cells are not drawn, which leaves the grid visible.
    y, x = np.nonzero(shades)
    axes.scatter(x, y, alpha=shades[y, x], c=COLOURS[colour], marker="s", s=80, linewidths=0)
    axes.set_xticks(range(len(labels)), labels, rotation=90)
    axes.set_xlim(-0.5, len(labels) - 0.5)
    axes.set_title(title)
    axes.tick_params(length=0)


def _compute_shade(counts: list[int] | None) -> float:
    """Between 0.25 and 1 for a law that breaks anywhere, so that a single case can be seen."""
    # A law that does not break on this bug.
    return 0.0 if counts is None else 0.25 + 0.75 * counts[0] / max(counts[1], 1)


_KINDS = ("detection", "mutant", "correct", "baseline")
FILES = (
    declare_page("detection.md", _KINDS, render_detection),
    declare_page("detection.csv", _KINDS, render_csv),
    declare_plot("detection.svg", _KINDS, plot_matrix, font_size=8),
)
