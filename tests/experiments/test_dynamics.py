"""Training dynamics, size of normalised values, single precision: what was measured obeys what was
proved."""

import numpy as np
import pytest

from bnproof.certify.bounds import Precision
from bnproof.experiments import arithmetic, linear_range, parametrisations, same_start, weight_norm
from bnproof.experiments.networks import BATCH, draw_layers, draw_mini_batches, load_labelled_digits
from bnproof.experiments.same_start import NORMALISED, PLAIN
from bnproof.experiments.weight_norm import ALL, DEFAULT_EPS, FIRST, SHOWN_EPS, Setup
from bnproof.implementations.targets import list_builtin
from bnproof.implementations.torch_training import Perceptron, use_one_thread
from bnproof.records import Records
from bnproof.reports import experiment_plots
from bnproof.reports.plots import declare_plot

DOUBLE = Precision.from_dtype(np.float64)


def of(rows, kind, **wanted):
    """The rows of a kind with the wanted values."""
    return [
        row
        for row in rows
        if row["kind"] == kind and all(row[key] == value for key, value in wanted.items())
    ]


# -- the network that is trained -------------------------------------------------------------------


def test_the_training_is_no_implementation_under_test():
    """Listing the implementations does not find the networks."""
    assert not any("network" in name or "training" in name for name in list_builtin())


def test_first_layers_have_scales_only_where_wanted():
    """Hidden layers have a scale if asked for, the last never; weights stay within
    1/sqrt(inputs)."""
    layers = draw_layers((64, 32, 10), 0, scale=True)
    assert [layer.scale is None for layer in layers] == [False, True]
    assert all(layer.scale is None for layer in draw_layers((64, 32, 10), 0, scale=False))
    assert all(np.abs(layer.weight).max() <= layer.weight.shape[1] ** -0.5 for layer in layers)


def test_mini_batches_are_whole_and_use_no_image_twice_in_an_epoch():
    """28 batches of 64 from 1797 digits, in another order every epoch."""
    chosen = list(draw_mini_batches(1797, 2, 0))
    assert [len(batch) for batch in chosen] == [64] * 56
    assert len(set(np.concatenate(chosen[:28]))) == 28 * 64
    assert not np.array_equal(chosen[0], chosen[28])


@pytest.mark.parametrize("eps", [1e-5, None])
def test_a_step_moves_the_weight_against_its_gradient(eps):
    """What a step reports is what it did: W' = W - eta G to the rounding of a product and a
    difference."""
    pixels, classes = load_labelled_digits()
    with use_one_thread():
        network = Perceptron(draw_layers((64, 32, 10), 0, scale=True), nonlinearity="tanh", eps=eps)
        step = network.step(pixels[:64], classes[:64], rate=0.1, weight_rates=(0.5, 0.1))
    explained = DOUBLE.gamma(2) * (np.abs(step.weight) + 0.5 * np.abs(step.gradient))
    assert np.all(np.abs(step.moved - (step.weight - 0.5 * step.gradient)) <= explained)
    assert np.any(step.moved != step.weight)


@pytest.mark.parametrize("eps", [1e-5, None])
def test_the_gradient_is_that_of_the_loss(eps):
    """A difference quotient along the gradient, with halved steps, comes closer to |G|^2 each
    time."""
    pixels, classes = load_labelled_digits()
    steps = (0.02, 0.01, 0.005)

    def loss(layers):
        return Perceptron(layers, nonlinearity="tanh", eps=eps).loss_and_accuracy(
            pixels[:64], classes[:64]
        )[0]

    with use_one_thread():
        layers = draw_layers((64, 8, 10), 0, scale=True)
        step = Perceptron(layers, nonlinearity="tanh", eps=eps).step(
            pixels[:64], classes[:64], rate=0, weight_rates=(0, 0)
        )
        square = (step.gradient**2).sum()
        first, *others = layers
        moved = [
            type(first)(first.weight - h * step.gradient, first.shift, first.scale) for h in steps
        ]
        slopes = [
            (step.loss - loss([layer, *others])) / h for layer, h in zip(moved, steps, strict=True)
        ]
    gaps = np.abs(np.array(slopes) - square)
    assert gaps[0] > gaps[1] > gaps[2]
    assert abs(2 * slopes[2] - slopes[1] - square) < gaps[2]


# -- weight-norm-growth ----------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[SHOWN_EPS, DEFAULT_EPS], ids=str)
def run(request):
    """One run in front of batch normalisation at a high rate."""
    setup = Setup(FIRST, request.param, 100.0)
    return weight_norm.summarise(setup, *weight_norm.train(setup, 0))


def test_the_norm_grows_as_proved(run):
    """The measured growth is the theorem's to rounding; without its eps term it is not."""
    assert run["deviation_over_rounding"] <= 1
    assert run["theorem_over_rounding"] <= 1 < run["without_eps_term_over_rounding"]


def test_the_norm_never_falls_and_training_goes_on(run):
    """At a learning rate of 100 in front of the normalisation the network still learns."""
    assert run["fell_beyond_rounding"] == 0
    assert run["finite"]
    assert run["final_accuracy"] > 0.95


def test_without_normalisation_the_weight_is_not_orthogonal_to_its_gradient():
    """The same network without normalisation has rows whose norm falls."""
    setup = Setup(FIRST, None, 1.0)
    row = weight_norm.summarise(setup, *weight_norm.train(setup, 0))
    assert row["deviation_over_rounding"] <= 1
    assert row["theorem_over_rounding"] is None
    assert row["fell_beyond_rounding"] > 0
    assert row["largest_cosine"] > 0.1


def test_the_weight_norm_repeats_for_a_seed():
    """Same seed, same bits; another seed, another run."""
    setup = Setup(FIRST, SHOWN_EPS, 10.0)
    first, second, other = (weight_norm.train(setup, seed)[0][-1].norm for seed in (3, 3, 4))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.fixture(scope="module")
def norms():
    """Everything the experiment on the weight norm yields."""
    return list(weight_norm.measure_rows(0))


@pytest.mark.slow
def test_every_run_obeys_the_growth_law(norms):
    """All rates and set-ups: the identity to rounding, also where the other layers explode."""
    runs = of(norms, "weight_norm_run")
    assert len(runs) == 25
    assert all(row["deviation_over_rounding"] <= 1 for row in runs)
    assert all(row["theorem_over_rounding"] <= 1 for row in runs if row["normalised"])
    assert all(row["finite"] for row in of(runs, "weight_norm_run", raised=FIRST))
    assert max(row["norm_largest"] for row in of(runs, "weight_norm_run", raised=ALL)) > 1e6
    assert {row["learning_rate"] for row in of(norms, "weight_norm", normalised=True)} == set(
        weight_norm.RATES
    )


# -- the size of normalised values -----------------------------------------------------------------


@pytest.fixture(scope="module")
def sizes():
    """Everything the experiment on the linear range yields."""
    return list(linear_range.measure_rows(0))


def test_shares_never_exceed_chebyshev(sizes):
    """Neither over all values nor in any feature of any batch."""
    for row in of(sizes, "linear_range_share"):
        assert row["share_outside"] <= row["chebyshev"]
        assert row["largest_over_chebyshev"] <= 1
        assert row["share_below"] + row["share_outside"] == pytest.approx(1)


def test_sizes_obey_samuelson_and_the_second_moment(sizes):
    """The largest value and the root mean square, to the rounding of a two-pass normalisation."""
    for row in of(sizes, "linear_range_moments"):
        explained = DOUBLE.gamma(row["m"] + 12)
        assert row["largest_over_samuelson"] <= 1 + explained
        assert row["largest_root_mean_square_gap"] <= explained
    assert (
        max(row["largest_over_samuelson"] for row in of(sizes, "linear_range_moments"))
        >= 1 - explained
    )


def test_the_sigmoid_is_straight_wherever_the_theorem_promises_it(sizes):
    """The measured share is at least the proved one; a larger gamma leaves the straight part; the
    identity is rare."""
    rows = of(sizes, "sigmoid_linear")
    assert all(row["share"] >= row["proved_share"] for row in rows)
    assert all(row["identity_share"] < 0.05 for row in rows)
    for data in {row["data"] for row in rows}:
        by_gamma = [
            of(rows, "sigmoid_linear", data=data, gamma=g, beta=0.0)[0]["share"]
            for g in (1.0, 2.0, 4.0)
        ]
        assert by_gamma == sorted(by_gamma, reverse=True)


# -- two parametrisations --------------------------------------------------------------------------


def rounding(outputs):
    """As many roundings of the largest output as one output sums terms, over widths and
    mini-batches."""
    return (
        DOUBLE.gamma(sum(same_start.WIDTHS) + len(same_start.WIDTHS) * BATCH)
        * np.abs(outputs).max()
    )


@pytest.mark.parametrize("seed", range(3))
def test_both_parametrisations_start_as_the_same_function(seed):
    """Their outputs on the first batch differ by no more than as many roundings as one output sums
    terms."""
    row = same_start.measure_start(seed)
    assert row["largest_difference"] <= rounding(row["largest_output"])
    assert (
        row["condition_normalised_largest"]
        < row["condition_plain_median"]
        <= row["condition_plain_largest"]
    )


def test_other_batches_tell_the_two_apart():
    """On a batch that the collapse was not made for they are different functions."""
    pixels, _ = load_labelled_digits()
    with use_one_thread():
        ours, plain = (
            network.compute_outputs(pixels[:64])
            for network in same_start.build_networks(0).values()
        )
    assert np.abs(ours - plain).max() > rounding(ours)


def test_one_step_changes_the_two_differently():
    """Theorem parameter-chain-rule: the same rate is another step of the function."""
    pixels, classes = load_labelled_digits()
    chosen = next(draw_mini_batches(len(pixels), 1, 0))
    with use_one_thread():
        networks = same_start.build_networks(0)
        for network in networks.values():
            network.step(pixels[chosen], classes[chosen], rate=0.1, weight_rates=(0, 0, 0))
        ours, plain = (
            networks[name].compute_outputs(pixels[chosen]) for name in (NORMALISED, PLAIN)
        )
    assert np.abs(ours - plain).max() > rounding(ours)


def test_a_training_repeats_for_a_seed():
    """Same seed, same losses."""
    first, second = (
        parametrisations.train(parametrisations.EVERYTHING, NORMALISED, 0.3, 1) for _ in range(2)
    )
    assert first == second
    assert not first.diverged


def test_a_rate_too_high_counts_as_diverged():
    """Without normalisation the largest rate ends above where it began."""
    assert parametrisations.train(parametrisations.EVERYTHING, PLAIN, 10.0, 0).diverged


@pytest.fixture(scope="module")
def compared():
    """Everything the experiment on parametrisations yields."""
    return list(parametrisations.measure_rows(0))


@pytest.mark.slow
def test_the_comparison_is_fair(compared):
    """Same rates and seeds for both; each best rate lies inside the grid; the target is reached by
    every seed."""
    runs = of(compared, "parametrisation_run")
    settings = [
        {(row["learning_rate"], row["seed"]) for row in runs if row["parametrisation"] == name}
        for name in (NORMALISED, PLAIN)
    ]
    assert settings[0] == settings[1]
    for row in of(compared, "parametrisation_summary"):
        assert min(parametrisations.RATES) < row["learning_rate"] < max(parametrisations.RATES)
        assert row["steps_to_target_largest"] <= row["steps"]
        assert row["final_loss_largest"] <= row["target_loss"]


@pytest.mark.slow
def test_normalised_values_reach_the_common_loss_first(compared):
    """What the textbook answer claims, measured: fewer steps to a loss that both reach."""
    for trained in (parametrisations.EVERYTHING, parametrisations.PAIRS):
        ours, plain = (
            of(compared, "parametrisation_summary", trained=trained, parametrisation=name)[0]
            for name in (NORMALISED, PLAIN)
        )
        assert ours["target_loss"] == plain["target_loss"]
        assert ours["steps_to_target_mean"] < plain["steps_to_target_mean"]


# -- the variance in single precision --------------------------------------------------------------


@pytest.fixture(scope="module")
def errors():
    """Everything the experiment on arithmetic yields."""
    return list(arithmetic.measure_rows(0))


def test_errors_of_the_variance_stay_below_the_cited_orders(errors):
    """Every algorithm, every kappa."""
    assert all(
        row["variance_error_largest"] <= row["cited_bound"] for row in of(errors, "variance_error")
    )


def test_slopes_are_the_cited_ones(errors):
    """2 for one pass, 1 for Welford; xhat: 2 for one pass, 1 for the others."""
    slopes = of(errors, "variance_slope")
    assert len(slopes) == 6
    assert all(round(row["slope"]) == row["cited_slope"] for row in slopes)


def test_only_one_pass_turns_negative(errors):
    """A variance that is not positive has no normalised values."""
    for row in of(errors, "variance_error"):
        assert (row["xhat_error_largest"] is None) == (row["not_positive"] > 0)
        assert row["not_positive"] == 0 or row["algorithm"] == "one-pass"


def test_the_algorithms_agree_where_nothing_rounds():
    """Small integers with an integer mean: three times the exact variance."""
    x = np.array([[1.0, -2.0], [5.0, 4.0], [3.0, 4.0], [3.0, 6.0]], dtype=np.float32)
    for algorithm in (arithmetic.one_pass, arithmetic.two_pass):
        mean, variance = algorithm(x)
        assert mean.tolist() == [3, 3]
        assert variance.tolist() == [2, 9]
    assert np.round(arithmetic.welford(x)[1]).tolist() == [2, 9]
    assert all(algorithm(x)[1].dtype == np.float32 for algorithm in arithmetic.ALGORITHMS.values())


# -- plots -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plot", "rows"),
    [
        (experiment_plots.plot_linear_range, "sizes"),
        (experiment_plots.plot_variance_error, "errors"),
    ],
)
def test_plots_are_functions_of_records(plot, rows, request, tmp_path):
    """Same records, same bytes."""
    records = Records({}, tuple(request.getfixturevalue(rows)))
    for name in ("one.svg", "two.svg"):
        declare_plot(name, (), plot).write(records, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@pytest.mark.slow
def test_plots_of_the_dynamics_are_functions_of_records(norms, compared, tmp_path):
    """Same records, same bytes."""
    records = Records({}, (*norms, *compared))
    for plot in (experiment_plots.plot_weight_norm, experiment_plots.plot_parametrisations):
        for name in ("one.svg", "two.svg"):
            declare_plot(name, (), plot).write(records, tmp_path / name)
        assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
