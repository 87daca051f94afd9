"""The accuracy report: a page, a table and two plots.

It is made of three kinds of rows. An ``accuracy_point`` is one batch, an ``accuracy`` row is what
all points of an implementation in one dtype come to, and an ``accuracy_worst`` row is the worst
input that a search found. Points belong to a sweep: over the condition
``kappa = sqrt(1 + mu^2/v)``, or over the number of values m. How grades follow from points is in
:mod:`bnproof.accuracy.grades`.
"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from bnproof.records import Records, Row, group_rows, list_distinct, select_rows
from bnproof.reports.files import declare_page, declare_table
from bnproof.reports.pages import describe_provenance, render_page
from bnproof.reports.plots import COLOURS, build_panels, declare_plot

# The unit roundoff of the dtypes that are plotted. Half precisions have two or three decades only.
U = {"float32": 2.0**-24, "float64": 2.0**-53}
# Colour, marker, marker size and name of each implementation that is plotted. Larger markers are
# drawn first, so that all are seen where curves coincide.
LOOKS: dict[str, tuple[str, str, float, str]] = {
    "numpy": ("blue", "o", 9, "NumPy two-pass"),
    "torch": ("orange", "s", 5, "PyTorch"),
    "torch-compiled": ("black", "x", 5, "PyTorch, torch.compile"),
    "compensated": ("green", "^", 5, "compensated reference"),
}
# With channels last in memory everything is summed as in 2-d, so that layout has no line of its
# own.
LINES = {"2-d": "-", "4-d": "--"}


def render_accuracy(records: Records) -> str:
    """The page, with every grade and the worst inputs.

    Parameters
    ----------
    records : Records
        Holds all three kinds of rows.

    Returns
    -------
    str
        Markdown.
    """
    grades = records.select("accuracy")
    lengths = records.select("accuracy_point", sweep="values")
    return render_page(
        "accuracy.md",
        provenance=describe_provenance(records),
        grades=grades,
        # The summations of each layout, by threads.
        sums=[(row, list(group_rows(row["summation"], "layout").values())) for row in grades],
        first={
            (row["target"], row["dtype"]): row
            # Reversed, so that of several points the first one stays in the dictionary.
            for row in reversed(records.select("accuracy_point", sweep="kappa", kappa=1))
        },
        worst=records.select("accuracy_worst"),
        dtypes=list_distinct(grades, "dtype"),
        longest=max(row["m"] for row in lengths),
        # The last point of each sweep: later ones replace earlier ones, and m rises.
        at_longest={
            (row["target"], row["dtype"], row["layout"], row["threads"]): row for row in lengths
        },
    )


def plot_by_condition(records: Records) -> Figure:
    """The typical error of xhat against kappa, with lines of slope 1 and 2.

    A two-pass formula loses digits in proportion to kappa and follows the first line, a one-pass
    formula the second. Both axes are logarithmic, and there is one panel for each dtype.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``accuracy_point``.

    Returns
    -------
    Figure
        The plot.
    """
    figure, both = build_panels(2)
    for axes, dtype in zip(both, U, strict=True):
        rows = records.select("accuracy_point", sweep="kappa", dtype=dtype)
        kappas = sorted({row["kappa"] for row in rows})
        for target in LOOKS:
            own = select_rows(rows, target=target)
            _plot_curve(axes, own, "kappa", "typical_error", target)
        for slope, style in ((1, "--"), (2, ":")):
            line = [
                (kappa, U[dtype] * kappa**slope)
                for kappa in kappas
                # The lines end where no digit is left, or they would stretch the axis.
                if U[dtype] * kappa**slope <= 2
            ]
            axes.plot(
                *zip(*line, strict=True),
                ls=style,
                c="grey",
                lw=1.2,
                label=f"u κ{'²' if slope == 2 else ''}",
            )
        condition = "condition κ = √(1 + μ²/v)"
        axes.set(xscale="log", yscale="log", xlabel=condition, title=dtype)
    both[0].set(ylabel="largest error of x̂ (median channel)")
    both[0].legend(fontsize=9)
    figure.suptitle("How the error grows as the mean moves away from 0 (32 values, 64 channels)")
    return figure


def plot_by_length(records: Records) -> Figure:
    """The common error of a channel against m, with lines of slope 1/2 and -1/2.

    Naive sums go up with the root of m. Sums that round correctly leave independent errors of the
    entries, whose mean goes down with it. Both axes are logarithmic, and only runs on one thread
    are drawn.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``accuracy_point``.

    Returns
    -------
    Figure
        The plot.
    """
    figure, both = build_panels(2)
    for axes, dtype in zip(both, U, strict=True):
        rows = records.select("accuracy_point", sweep="values", dtype=dtype, threads=1)
        for target in LOOKS:
            for layout, style in LINES.items():
                own = select_rows(rows, target=target, layout=layout)
                _plot_curve(axes, own, "m", "shift", target, style, f", {layout}")
        lengths = sorted({row["m"] for row in rows})
        for slope, name in ((0.5, "√m"), (-0.5, "1/√m")):
            # 0.3 puts the lines among the curves; only their slopes say something.
            line = [0.3 * (m / lengths[0]) ** slope for m in lengths]
            axes.plot(
                lengths,
                line,
                ls="-." if slope > 0 else ":",
                c="grey",
                lw=1.2,
                label=f"in proportion to {name}",
            )
        axes.set_xscale("log", base=2)
        axes.set(yscale="log", xlabel="values per channel m", title=dtype)
    both[0].set(ylabel="shift of a channel, in units of u")
    figure.legend(
        *both[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=4,
        fontsize=9,
    )
    figure.suptitle("How sums are taken: what the mean is off by (one thread)")
    return figure


def _plot_curve(
    axes: Any, rows: list[Row], x: str, y: str, target: str, style: str = "-", more: str = ""
) -> None:
    """One implementation's curve; points without a finite or with a zero value are left out."""
    colour, marker, size, label = LOOKS[target]
    # A logarithmic axis has no place for 0, and None stands for what is not finite.
    shown = [row for row in rows if row[y]]
    if shown:
        look = {
            "c": COLOURS[colour],
            "marker": marker,
            "ms": size,
            "lw": 1.2,
            "ls": style,
            "mfc": "none",
        }
        axes.plot([row[x] for row in shown], [row[y] for row in shown], label=label + more, **look)


FILES = (
    declare_page("accuracy.md", ("accuracy", "accuracy_point", "accuracy_worst"), render_accuracy),
    declare_table(
        "accuracy.csv",
        "accuracy_point",
        (
            *("target", "dtype", "layout", "threads", "sweep", "kappa", "m", "magnitude"),
            *("ulp_median", "ulp_p99", "ulp_max", "max_abs_error", "typical_error", "shift"),
        ),
    ),
    declare_plot("accuracy_kappa.svg", ("accuracy_point",), plot_by_condition),
    declare_plot("accuracy_m.svg", ("accuracy_point",), plot_by_length),
)
