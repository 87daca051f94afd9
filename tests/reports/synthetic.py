"""A made-up run: no number here was ever measured, so that a page that shows one took it from its
records."""

import csv
from io import StringIO

import matplotlib as mpl

from bnproof.claims import load_ledger
from bnproof.records import Records
from bnproof.reports.plots import STYLE

HEADER = {
    "kind": "header",
    "versions": {"python": "0.0.1", "abacus": "0.0.2"},
    "machine": {"system": "Nowhere", "processor": "beads", "cores": 77},
    "seed": 4711,
}
# What the entry page speaks of and no claim rests on.
FURTHER = (
    *("jacobian", "scale-eps", "bias-at-inference", "fold-linear", "train-eval-gap"),
    *("repeated-batch", "collapse-hides-gradient"),
)


def stream(*rows):
    """Records of these rows, with the header of no machine."""
    return Records(HEADER, rows)


def item(says, verdict="proved", **changed):
    """An item of a theorem."""
    row = {
        "kind": "assertion",
        "says": says,
        "part_of": "",
        "common": False,
        "law": "",
        "text": f"text of {says}",
        "latex": f"L({len(says)})",
        "given_text": [],
        "given_latex": [],
        "needed": [],
        "verdict": verdict,
        "detail": "m = 77" if verdict == "refuted" else "",
        "steps": [],
    }
    return row | changed


def theorem(name, *items, **changed):
    """A theorem with these items."""
    row = {
        "kind": "theorem",
        "id": name,
        "chapter": "chapter1_collapse",
        "says": f"What {name} says.",
        "source": "made up",
        "uses": [],
        "used_by": [],
        "predicts": [],
        "verdict": "proved",
        "independent_check": "agrees",
        "points": 77,
        "items": list(items),
    }
    return row | changed


def book():
    """A theorem for every name in the ledger, with the items that claims refer to: what a claim is
    the contrary of is refuted, everything else proved."""
    claims = load_ledger().values()
    contrary = {name for claim in claims for name in claim.literal if name.startswith("~")}
    items = {name: {} for name in (*FURTHER, *(name for c in claims for name in c.theorems))}
    for name in (name for claim in claims for name in claim.items):
        owner, _, says = name.partition(": ")
        items[owner][says] = item(says, "refuted" if f"~{name}" in contrary else "proved")
    return [theorem(name, *own.values()) for name, own in items.items()]


def change(rows, wanted, **changed):
    """The rows, with those that have the wanted values changed."""
    return [
        row | changed if all(row.get(key) == value for key, value in wanted.items()) else row
        for row in rows
    ]


def lines(page, start):
    """Lines of a page that begin so."""
    return [line for line in page.splitlines() if line.startswith(start)]


def read_table(text):
    """The columns of a CSV file, and its rows."""
    reader = csv.DictReader(StringIO(text))
    return tuple(reader.fieldnames), list(reader)


def print_terminal(shown):
    """What a console of 80 columns prints."""
    from rich.console import Console

    console = Console(width=80, file=StringIO(), color_system=None)
    console.print(shown)
    return console.file.getvalue()


def draw(plot, records):
    """The figure that a plot would save."""
    with mpl.rc_context(STYLE):
        return plot(records)


def curves(axes):
    """The data of every curve of a panel by its label; unlabelled ones are left out."""
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.get_lines()
        if not line.get_label().startswith("_")
    }
