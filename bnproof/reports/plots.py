"""Plots as SVG whose bytes repeat, and the three plots of the running statistics.

Matplotlib's SVG carries a date and random ids unless told otherwise. Here there is no date, the ids
come from a fixed salt, and text stays text. :func:`build_panels` and :func:`declare_plot` serve
every plot of this package.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

# Not pyplot, which would keep every figure and look for a screen.
from matplotlib.figure import Figure

from bnproof.records import Records, select_rows
from bnproof.reports.files import ReportFile

# The palette of Okabe and Ito, which people with colour blindness can tell apart.
COLOURS = {"blue": "#0072b2", "orange": "#d55e00", "green": "#009e73", "black": "#222222"}
STYLE = {
    # Ids inside the file are hashes with this salt; without one they are random.
    "svg.hashsalt": "bnproof",
    # Text as text: a file does not depend on the fonts of the machine, and can be searched.
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "axes.grid": True,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def build_panels(
    columns: int = 1, rows: int = 1, size: tuple[float, float] | None = None, **shared: Any
) -> tuple[Figure, Any]:
    """A figure and its panels, of the same size in every plot unless another one is given.

    Parameters
    ----------
    columns, rows : int
        How many panels there are.
    size : tuple of two float, optional
        Width and height of the whole figure in inches.
    **shared
        ``sharex``, ``sharey`` and the like of Matplotlib.

    Returns
    -------
    figure : Figure
        The figure.
    axes : Axes or array of Axes
        One, or an array where there are several.
    """
    size = size or (5.2 * columns, 4.0 * rows)
    # Constrained layout moves labels apart; a white ground, since some readers have dark pages.
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    return figure, figure.subplots(rows, columns, **shared)


def declare_plot(
    name: str,
    kinds: tuple[str, ...],
    draw: Callable[[Records], Figure],
    font_size: int = 11,
) -> ReportFile:
    """An SVG file whose picture is a function of records, in the style of every plot.

    Parameters
    ----------
    name : str
        Its name in the folder of reports.
    kinds : tuple of str
        The kinds of rows without which it is not written.
    draw : callable
        Draws the figure from the records.
    font_size : int
        In points; smaller where there are many labels.

    Returns
    -------
    ReportFile
        It writes SVG without a date, which would be another one in every run.
    """

    def write_picture(records: Records, path: Path) -> None:
        # Around both, since Matplotlib makes some parts of a figure when it is saved.
        with mpl.rc_context(STYLE | {"font.size": font_size}):
            draw(records).savefig(path, format="svg", metadata={"Date": None})

    return ReportFile(name, kinds, write_picture)


def plot_scatter(records: Records) -> Figure:
    """``(gamma', beta')`` batch by batch for three batch sizes, and the one pair used at inference.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``scatter``.

    Returns
    -------
    Figure
        The plot.
    """
    rows = records.select("scatter")
    figure, axes = build_panels()
    # Another marker for each, so that a print without colours still tells them apart.
    for size, colour, marker in ((8, "orange", "o"), (32, "blue", "s"), (128, "green", "^")):
        of_size = select_rows(rows, m=size)
        points = [[row[axis] for row in of_size] for axis in ("gamma_prime", "beta_prime")]
        axes.scatter(
            *points,
            s=18,
            alpha=0.6,
            c=COLOURS[colour],
            marker=marker,
            linewidths=0,
            label=f"batches of {size}",
        )
    # Batch 0 is all of the data, as :mod:`bnproof.experiments.running` yields it.
    (fixed,) = select_rows(rows, batch=0)
    axes.scatter(
        fixed["gamma_prime"],
        fixed["beta_prime"],
        s=140,
        marker="*",
        c=COLOURS["black"],
        label="all data (inference)",
    )
    axes.set(
        xlabel="scale γ' = γ/s",
        ylabel="shift β' = β − γμ/s",
        title="Each mini-batch has its own collapsed pair",
    )
    axes.legend()
    return figure


def plot_train_eval(records: Records) -> Figure:
    """The gap between training and inference output as the running statistics settle.

    PyTorch alone is drawn; NumPy's curve lies on it.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``train_eval``.

    Returns
    -------
    Figure
        The plot.
    """
    rows = records.select("train_eval", target="torch")
    figure, axes = build_panels()
    steps = [row["step"] for row in rows]
    axes.plot(
        steps, [row["largest_gap"] for row in rows], c=COLOURS["orange"], label="largest entry"
    )
    axes.plot(
        steps,
        [row["root_mean_square_gap"] for row in rows],
        c=COLOURS["blue"],
        label="root mean square",
    )
    axes.set(
        xlabel="training batches seen",
        ylabel="|training output − inference output|",
        yscale="log",
        title="The same batch, trained on and inferred",
    )
    axes.legend()
    return figure


def plot_running_mean(records: Records) -> Figure:
    """The tracked mean and variance of one feature, NumPy and PyTorch on top of each other.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``recurrence``.

    Returns
    -------
    Figure
        The plot.
    """
    figure, both = build_panels(2)
    for axes, quantity in zip(both, ("running_mean", "running_var"), strict=True):
        # The dashed curve is drawn last, so that both are seen where they coincide.
        for target, colour, style in (("numpy", "blue", "-"), ("torch", "orange", "--")):
            rows = records.select("recurrence", target=target, quantity=quantity)
            values = [row["value_of_first_feature"] for row in rows]
            axes.plot([row["step"] for row in rows], values, style, c=COLOURS[colour], label=target)
        axes.set(
            xlabel="training batches seen",
            ylabel=quantity.replace("_var", " variance").replace("_", " "),
        )
        axes.legend()
    figure.suptitle("Running statistics of the first hidden feature, momentum 0.1")
    return figure


FILES = (
    declare_plot("collapsed_pairs.svg", ("scatter",), plot_scatter),
    declare_plot("running_statistics.svg", ("recurrence",), plot_running_mean),
    declare_plot("train_eval_gap.svg", ("train_eval",), plot_train_eval),
)
