"""What the plots and tables of the experiments show of their rows."""

import math

import pytest

from bnproof.reports import experiment_plots as plots
from tests.reports.synthetic import curves, draw, read_table, stream


def norm(rate, step, normalised, value):
    """A point of a curve."""
    own = {"kind": "weight_norm", "learning_rate": rate, "step": step, "normalised": normalised}
    sizes = {"norm_smallest": value - 1, "norm_median": value, "norm_largest": value + 1}
    return own | sizes | {"loss": None, "effective_step": rate / value**2}


def end(rate, normalised, accuracy, raised="first layer"):
    """How a run ended."""
    own = {"kind": "weight_norm_run", "learning_rate": rate, "normalised": normalised}
    return own | {"raised": raised, "final_accuracy": accuracy}


RATES = (0.5, 2.0, 4.0, 8.0, 16.0)
NORMS = [
    norm(rate, step, normalised, rate + step + (100 if normalised else 0))
    for normalised in (True, False) for rate in RATES for step in (1, 3)
]  # fmt: skip
ENDS = [
    *(end(rate, normalised, 0.99, "all layers") for rate in RATES for normalised in (True, False)),
    *(end(rate, normalised, rate / (20 if normalised else 40))
      for rate in RATES for normalised in (True, False)),
]  # fmt: skip
SHARES = [
    {"kind": "linear_range_share", "data": data, "m": 77, "t": t, "share_below": 1 - share / t,
     "share_outside": share / t, "chebyshev": 1 / t}
    for data, share in (("pebbles", 0.25), ("shells", 0.125), ("sand", 0.0625))
    for t in (0.5, 4.0)
]  # fmt: skip
LOSSES = [
    {"kind": "parametrisation", "trained": trained, "parametrisation": name, "learning_rate": rate,
     "seed": seed, "step": step, "loss": base + seed - step / 4}
    for trained, base in (("everything", 10.0), ("little", 20.0))
    for name, rate in (("gamma, beta on normalised values", 3.0), ("beads", 0.5))
    for seed in (0, 1, 5) for step in (0, 4)
]  # fmt: skip
KAPPAS = (1.0, 10.0, 100.0, 1000.0)
ERRORS = [
    {"kind": "variance_error", "algorithm": name, "kappa": 7 * kappa, "kappa_measured": kappa,
     "m": 77, "variance_error_median": base * kappa, "variance_error_largest": 1.0,
     "xhat_error_median": None if kappa == 100 else base / kappa}
    for name, base in (("by hand", 1e-7), ("by head", 2e-7), ("by heart", 4e-7))
    for kappa in KAPPAS
] + [
    {"kind": "variance_slope", "algorithm": name, "quantity": quantity, "slope": slope,
     "kappa_from": 10.0, "kappa_to": last}
    for name in ("by hand", "by head", "by heart")
    for quantity, slope, last in (("variance", 1.234, 100.0), ("xhat", 0.567, 1000.0))
]  # fmt: skip


def test_norms_are_drawn_by_rate_with_and_without_normalising():
    """Norms above and steps below; the accuracy beside a curve is that of the layer alone at its
    rate."""
    figure = draw(plots.plot_weight_norm, stream(*NORMS, *ENDS))
    left, right, steps, _ = figure.axes
    assert curves(left) == {
        f"η = {rate:g}: {100 * rate / 20:.0f}% correct": ([1, 3], [rate + 101, rate + 103])
        for rate in RATES
    }
    assert curves(right)["η = 4: 10% correct"] == ([1, 3], [5.0, 7.0])
    lowest = steps.get_lines()[0]
    assert list(lowest.get_ydata()) == [0.5 / 101.5**2, 0.5 / 103.5**2]


def test_shares_are_drawn_beside_the_bound():
    """Three data sets, and Chebyshev's bound, which is 1 up to t = 1 and 1/t^2 beyond."""
    (axes,) = draw(plots.plot_linear_range, stream(*SHARES)).axes
    drawn = curves(axes)
    assert drawn["pebbles"] == ([0.5, 4.0], [0.5, 0.0625])
    assert set(drawn) == {"pebbles", "shells", "sand", "Chebyshev's bound q/t² for q = 1"}
    places, bound = drawn["Chebyshev's bound q/t² for q = 1"]
    assert all(b == 1 for t, b in zip(places, bound, strict=True) if t <= 1)
    assert all(b < 1 for t, b in zip(places, bound, strict=True) if t > 1)
    # 1/t^2 = 1/16 at t = 4, where the plot ends.
    assert abs(bound[-1] - 1 / 16) <= 4 * math.ulp(1 / 16)


def test_a_fourth_data_set_is_not_left_out_in_silence():
    """There are looks for three, and a missing curve would not be noticed."""
    fourth = {**SHARES[0], "data": "dust"}
    with pytest.raises(ValueError, match="shorter"):
        plots.plot_linear_range(stream(*SHARES, fourth))


def test_losses_are_drawn_seed_by_seed_with_their_mean():
    """One panel for what is trained; the mean is over the seeds at each step."""
    figure = draw(plots.plot_parametrisations, stream(*LOSSES))
    first, second = figure.axes
    assert first.get_title() == "trained: everything"
    # The seeds 0, 1 and 5 have the mean 2.
    assert curves(first) == {
        "γ, β on normalised values, η = 3": ([0, 4], [12.0, 11.0]),
        "beads, η = 0.5": ([0, 4], [12.0, 11.0]),
    }
    assert curves(second)["beads, η = 0.5"] == ([0, 4], [22.0, 21.0])
    thin = [list(line.get_ydata()) for line in first.get_lines() if line.get_linewidth() < 1]
    assert thin == 2 * [[10.0, 9.0], [11.0, 10.0], [15.0, 14.0]]


def test_only_points_of_the_fit_are_filled():
    """They are those within the range that comes with the slope; None is a gap of the curve."""
    figure = draw(plots.plot_variance_error, stream(*ERRORS))
    variance, xhat = figure.axes
    assert curves(variance)["by hand: slope 1.23"] == ([10.0, 100.0], [1e-7 * 10, 1e-7 * 100])
    places, values = curves(xhat)["by head: slope 0.57"]
    assert places == [10.0, 100.0, 1000.0]
    assert [math.isnan(value) for value in values] == [False, True, False]
    white = [line for line in variance.get_lines() if line.get_markerfacecolor() == "white"]
    assert [list(line.get_xdata()) for line in white] == 3 * [list(KAPPAS)]


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("weight_norm.csv", NORMS, "normalised learning_rate step loss norm_smallest norm_median"
         " norm_largest effective_step"),
        ("linear_range.csv", SHARES, "data m t share_below share_outside chebyshev"),
        ("parametrisations.csv", LOSSES, "trained parametrisation learning_rate seed step loss"),
        ("variance_error.csv", ERRORS, "algorithm kappa m variance_error_median"
         " variance_error_largest xhat_error_median"),
    ],
)  # fmt: skip
def test_tables_hold_the_rows_of_their_kind(name, rows, columns, tmp_path):
    """Every promised column, and one line for each row."""
    (file,) = (file for file in plots.FILES if file.name == name)
    file.write(stream(*rows), tmp_path / name)
    found, lines = read_table((tmp_path / name).read_text(encoding="utf-8"))
    assert found == tuple(columns.split())
    own = [row for row in rows if row["kind"] in file.kinds]
    assert [list(line.values()) for line in lines] == [
        ["" if row[column] is None else str(row[column]) for column in found] for row in own
    ]
