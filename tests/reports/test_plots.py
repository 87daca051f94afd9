"""Plots whose bytes repeat, and what the plots of the running statistics draw."""

import pytest

from bnproof.reports import plots
from bnproof.reports.plots import build_panels, declare_plot
from tests.reports.synthetic import curves, draw, stream

PAIRS = [
    {"kind": "scatter", "m": m, "batch": batch, "gamma_prime": slope, "beta_prime": shift}
    for m, batch, slope, shift in (
        (8, 1, 3.0, -1.0), (32, 1, 5.0, 5.5), (8, 2, 0.5, 4.0), (128, 1, 6.0, 6.5),
        (777, 0, 0.25, -7.0),
    )
]  # fmt: skip


def test_a_figure_is_saved_to_the_same_bytes(tmp_path):
    """There is no date and no random id in it, and its words stay words."""

    def draw_beads(records):
        figure, axes = build_panels()
        axes.plot([1, 2], [3, 4], label="seventy-seven beads")
        axes.legend()
        return figure

    for name in ("one.svg", "two.svg"):
        declare_plot(name, ("beads",), draw_beads).write(stream(), tmp_path / name)
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "two.svg").read_text(encoding="utf-8")
    assert "seventy-seven beads" in text
    assert "dc:date" not in text


def test_panels_have_the_same_size_however_many():
    """One panel comes alone, several in an array, and the figure grows with them."""
    one, axes = build_panels()
    assert axes.get_title() == ""
    more, grid = build_panels(3, 2, sharex=True)
    assert grid.shape == (2, 3)
    assert (more.get_size_inches() == one.get_size_inches() * [3, 2]).all()


def test_pairs_are_drawn_by_batch_size_with_the_fixed_one_apart():
    """Batch 0 is the star alone, and no size has the points of another."""
    (axes,) = draw(plots.plot_scatter, stream(*PAIRS)).axes
    drawn = {points.get_label(): points.get_offsets().tolist() for points in axes.collections}
    assert drawn == {
        "batches of 8": [[3.0, -1.0], [0.5, 4.0]],
        "batches of 32": [[5.0, 5.5]],
        "batches of 128": [[6.0, 6.5]],
        "all data (inference)": [[0.25, -7.0]],
    }


def test_the_gap_is_that_of_one_implementation():
    """PyTorch's rows in their order, and nobody else's."""
    rows = [
        {"kind": "train_eval", "target": target, "step": step, "largest_gap": gap,
         "root_mean_square_gap": gap / 2}
        for target, step, gap in (("numpy", 1, 9.0), ("torch", 1, 8.0), ("torch", 7, 0.5))
    ]  # fmt: skip
    (axes,) = draw(plots.plot_train_eval, stream(*rows)).axes
    assert curves(axes) == {
        "largest entry": ([1, 7], [8.0, 0.5]),
        "root mean square": ([1, 7], [4.0, 0.25]),
    }
    assert axes.get_yscale() == "log"


@pytest.mark.parametrize(("panel", "quantity"), [(0, "running_mean"), (1, "running_var")])
def test_tracked_statistics_have_a_panel_each(panel, quantity):
    """Mean on the left, variance on the right, both implementations in each."""
    rows = [
        {"kind": "recurrence", "step": step, "target": target, "quantity": name,
         "value_of_first_feature": value + step}
        for name, value in (("running_mean", 0.0), ("running_var", 100.0))
        for target in ("numpy", "torch", "beads")
        for step in (1, 2)
    ]  # fmt: skip
    figure = draw(plots.plot_running_mean, stream(*rows))
    first = {"running_mean": [1.0, 2.0], "running_var": [101.0, 102.0]}[quantity]
    assert curves(figure.axes[panel]) == {"numpy": ([1, 2], first), "torch": ([1, 2], first)}
    words = {"running_mean": "running mean", "running_var": "running variance"}
    assert figure.axes[panel].get_ylabel() == words[quantity]
