"""Plots and tables of the experiments on training, on normalised values and on single precision.

Each plot is made of the rows of one experiment: :func:`plot_weight_norm` of
:mod:`bnproof.experiments.weight_norm`, :func:`plot_linear_range` of ``linear_range``,
:func:`plot_parametrisations` of ``parametrisations`` and :func:`plot_variance_error` of
``arithmetic``. The page that shows them is made in :mod:`bnproof.reports.training`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bnproof.records import Records, Row, list_distinct, select_rows
from bnproof.reports.files import declare_table
from bnproof.reports.plots import COLOURS, build_panels, declare_plot

# One colour for each learning rate, rising. The first is the palette's light blue.
RATES = ("#56b4e9", COLOURS["blue"], COLOURS["green"], COLOURS["orange"], COLOURS["black"])
# Three data sets or algorithms; zip is strict, so a fourth is an error and not a missing curve.
LOOKS = (("orange", "o"), ("blue", "s"), ("green", "^"))
# The rows have plain letters; a picture can show the real ones.
GREEK = {
    "gamma, beta on normalised values": "γ, β on normalised values",
    "gamma', beta' on plain values": "γ', β' on plain values",
}
# Lines for comparison stay behind what was measured.
LIGHT = {"color": COLOURS["black"], "alpha": 0.55, "linewidth": 1.0}


def plot_weight_norm(records: Records) -> Figure:
    """Median ``|W|`` of the first layer above, the effective step ``eta/|W|^2`` below.

    On the left the layer stands in front of batch normalisation, on the right nothing is
    normalised. There is one curve for each learning rate, with the accuracy at the end beside it.

    Parameters
    ----------
    records : Records
        Holds rows of the kinds ``weight_norm`` and ``weight_norm_run``.

    Returns
    -------
    Figure
        The plot.
    """
    rows, ends = records.select("weight_norm"), records.select("weight_norm_run")
    rates = sorted({row["learning_rate"] for row in rows})
    # Both columns share their axes, so that left and right can be compared at a glance.
    figure, grid = build_panels(2, 2, sharex=True, sharey="row")
    for column, normalised in zip(grid.T, (True, False), strict=True):
        for rate, colour in zip(rates, RATES, strict=True):
            mine = select_rows(rows, normalised=normalised, learning_rate=rate)
            end = select_rows(
                ends, raised="first layer", normalised=normalised, learning_rate=rate
            )[0]
            label = f"η = {rate:g}: {end['final_accuracy']:.0%} correct"
            column[0].plot(*_list_points(mine, "step", "norm_median"), c=colour, lw=2, label=label)
            column[1].plot(*_list_points(mine, "step", "effective_step"), c=colour, lw=2)
        title = "in front of batch normalisation" if normalised else "without normalisation"
        # Powers of ten in both directions: rates differ by a factor of 10 000.
        column[0].set(title=title, xscale="log", yscale="log")
        column[1].set(xlabel="step of plain SGD", yscale="log")
        column[0].legend(fontsize=9, loc="upper left")
    # Fixed limits, because a run without normalisation that explodes would flatten all others.
    grid[0, 0].set(ylabel="norm |W| of a row (median)", ylim=(0.3, 3e4))
    grid[1, 0].set(ylabel="effective step η/|W|² (median)")
    figure.suptitle("First layer trained at learning rate η, everything else at 0.1")
    return figure


def plot_linear_range(records: Records) -> Figure:
    """The share of ``|xhat| >= t`` against t, beside Chebyshev's bound.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``linear_range_share``.

    Returns
    -------
    Figure
        The plot.
    """
    rows = records.select("linear_range_share")
    figure, axes = build_panels()
    # Dense enough for the bend of the bound at t = 1 to look like one.
    fine = np.geomspace(min(row["t"] for row in rows), max(row["t"] for row in rows), 100)
    axes.plot(
        fine,
        # No share is larger than 1, so below t = 1 the bound says nothing.
        np.minimum(1, fine**-2),
        "--",
        c=COLOURS["black"],
        label="Chebyshev's bound q/t² for q = 1",
    )
    for name, (colour, marker) in zip(list_distinct(rows, "data"), LOOKS, strict=True):
        points = _list_points(select_rows(rows, data=name), "t", "share_outside")
        axes.plot(*points, marker=marker, c=COLOURS[colour], label=name)
    axes.set(xlabel="threshold t (in standard deviations)", ylabel="share of values with |x̂| ≥ t")
    axes.set(yscale="log", title="Normalised values are of size 1, not near 0")
    axes.legend(loc="lower left")
    return figure


def plot_parametrisations(records: Records) -> Figure:
    """Loss against steps, each parametrisation at its own best learning rate.

    Every seed is a thin line and their mean a thick one. There is one panel for each choice of what
    is trained.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``parametrisation``.

    Returns
    -------
    Figure
        The plot.
    """
    rows = records.select("parametrisation")
    figure, both = build_panels(2, sharey=True)
    for axes, trained in zip(both, list_distinct(rows, "trained"), strict=True):
        of_panel = select_rows(rows, trained=trained)
        for name, colour in zip(
            list_distinct(of_panel, "parametrisation"), ("blue", "orange"), strict=True
        ):
            _plot_seeds(axes, select_rows(of_panel, parametrisation=name), name, COLOURS[colour])
        axes.set(title=f"trained: {trained}", xlabel="step of plain SGD", yscale="log")
        axes.legend(fontsize=9, loc="lower left")
    both[0].set(ylabel="cross-entropy of all digits (nats)")
    return figure


def _plot_seeds(axes: Any, rows: list[Row], name: str, colour: str) -> None:
    """The curves of one parametrisation, which all have the same steps."""
    curves = [
        _list_points(select_rows(rows, seed=seed), "step", "loss")
        for seed in list_distinct(rows, "seed")
    ]
    for curve in curves:
        axes.plot(*curve, c=colour, lw=0.8, alpha=0.4)
    # The mean of the losses at each step, not of their logarithms.
    mean = np.mean([losses for _, losses in curves], axis=0)
    axes.plot(
        curves[0][0],
        mean,
        c=colour,
        lw=2.4,
        label=f"{GREEK.get(name, name)}, η = {rows[0]['learning_rate']:g}",
    )


def plot_variance_error(records: Records) -> Figure:
    """Error of the variance and of xhat in float32 against kappa, with slopes 1 and 2 for
    comparison.

    Filled markers are in the fit of the slope. Gaps are where half the computed variances are not
    positive, so that there is no median error of xhat.

    Parameters
    ----------
    records : Records
        Holds rows of the kinds ``variance_error`` and ``variance_slope``.

    Returns
    -------
    Figure
        The plot.
    """
    rows, slopes = records.select("variance_error"), records.select("variance_slope")
    titles = {
        "variance": "relative error of the variance",
        "xhat": "error of x̂ (largest in the batch)",
    }
    figure, both = build_panels(2, sharey=True)
    for axes, (quantity, title) in zip(both, titles.items(), strict=True):
        for name, (colour, marker) in zip(list_distinct(rows, "algorithm"), LOOKS, strict=True):
            fitted = select_rows(slopes, algorithm=name, quantity=quantity)[0]
            _plot_errors(
                axes,
                select_rows(rows, algorithm=name),
                quantity,
                fitted,
                {"marker": marker, "c": COLOURS[colour]},
            )
        kappas = np.array([1.0, 1e6])
        for slope, style in ((1, ":"), (2, "--")):
            # Half a unit roundoff: the lines start below all the points.
            axes.plot(kappas, 3e-8 * kappas**slope, style, **LIGHT, label=f"slope {slope}")
        axes.set(
            title=title,
            xlabel="condition κ = √(1 + μ²/v)",
            xscale="log",
            yscale="log",
            ylim=(1e-8, 30),
        )
        axes.legend(fontsize=9, loc="upper left")
    both[0].set(ylabel="median over 32 features")
    figure.suptitle(
        "float32, m = 128, hidden activations of the digits (filled: in the fit of the slope)"
    )
    return figure


def _plot_errors(axes: Any, rows: list[Row], quantity: str, fitted: Row, look: Row) -> None:
    """The curve of one algorithm, with the points that the slope was fitted to filled."""
    # The range of the fit comes with the slope, so the plot cannot show another one.
    filled = [
        n
        for n, row in enumerate(rows)
        if fitted["kappa_from"] <= row["kappa_measured"] <= fitted["kappa_to"]
    ]
    points = _list_points(rows, "kappa_measured", f"{quantity}_error_median")
    # All points white first, then those of the fit on top of them.
    axes.plot(*points, **look, ms=5, mfc="white", lw=1.2)
    own = [[column[n] for n in filled] for column in points]
    axes.plot(
        *own, **look, ms=5, lw=1.2, label=f"{fitted['algorithm']}: slope {fitted['slope']:.2f}"
    )


def _list_points(rows: list[Row], x: str, y: str) -> tuple[list[float], list[float]]:
    """Two columns; what is ``None`` becomes a gap."""
    return [row[x] for row in rows], [np.nan if row[y] is None else row[y] for row in rows]


FILES = (
    declare_table(
        "weight_norm.csv",
        "weight_norm",
        (
            *("normalised", "learning_rate", "step", "loss"),
            *("norm_smallest", "norm_median", "norm_largest", "effective_step"),
        ),
    ),
    declare_table(
        "linear_range.csv",
        "linear_range_share",
        ("data", "m", "t", "share_below", "share_outside", "chebyshev"),
    ),
    declare_table(
        "parametrisations.csv",
        "parametrisation",
        ("trained", "parametrisation", "learning_rate", "seed", "step", "loss"),
    ),
    declare_table(
        "variance_error.csv",
        "variance_error",
        (
            *("algorithm", "kappa", "m"),
            *("variance_error_median", "variance_error_largest", "xhat_error_median"),
        ),
    ),
    declare_plot("weight_norm.svg", ("weight_norm", "weight_norm_run"), plot_weight_norm),
    declare_plot("linear_range.svg", ("linear_range_share", "sigmoid_linear"), plot_linear_range),
    declare_plot("parametrisations.svg", ("parametrisation",), plot_parametrisations),
    declare_plot("variance_error.svg", ("variance_error", "variance_slope"), plot_variance_error),
)
