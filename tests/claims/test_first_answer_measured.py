"""Which runs and shares decide the measured claims of the first answer.

That other records give another verdict is tested with the whole ledger.
"""

import pytest

from bnproof.claims import find

TAMED, NEAR_ZERO = find("A3").measurement, find("A5a").measurement
PIXELS, HIDDEN = "digits, raw pixels", "digits, hidden activations"


def run(rate, loss, raised="first layer", eps=1e-10, **changed):
    """One run; without an eps it is not normalised."""
    row = {
        "kind": "weight_norm_run", "raised": raised, "normalised": eps is not None, "eps": eps,
        "learning_rate": rate, "finite": True, "fell_beyond_rounding": 0.0, "final_loss": loss,
        "norm_at_start": 0.77, "norm_median": 77.7, "effective_step_at_start": 1234.0,
        "effective_step": 0.0077, "final_accuracy": 0.765,
    }  # fmt: skip
    return row | changed


def runs(*, small=9.0, middle=1.0, large=1.0, **of_largest):
    """Three rates with normalisation, and the same without it, which end at 2; every layer raised
    last."""
    return [
        run(100.0, large, **of_largest), run(1.0, small), run(10.0, middle),
        *(run(rate, 2.0, eps=None, final_accuracy=0.111) for rate in (1.0, 10.0, 100.0)),
        run(100.0, 5.0, "all layers", finite=False, final_accuracy=0.222),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("losses", "holds"),
    [
        ({}, True), ({"small": 0.0}, True), ({"middle": 2.0}, False), ({"large": 3.0}, False),
        ({"large": None}, False),
        ({"finite": False}, False), ({"fell_beyond_rounding": 0.25}, False),
    ],
)  # fmt: skip
def test_the_two_largest_rates_have_to_learn(losses, holds):
    """A small rate may end as it likes; nothing may explode and no norm may fall at any rate. A
    lower loss is a strictly lower one."""
    assert TAMED.holds(runs(**losses)) is holds


def test_of_several_eps_the_smallest_counts():
    """It is the one nearest to the theorem's eps = 0, wherever it stands among the rows."""
    failed = run(100.0, 9.0, eps=1e-5, finite=False)
    assert TAMED.holds([*runs(), failed])
    assert TAMED.holds([failed, *runs()])
    smaller = run(100.0, 9.0, eps=1e-12)
    assert not TAMED.holds([*runs(), smaller])
    assert not TAMED.holds([smaller, *runs()])


def test_the_sentence_tells_of_the_largest_rate():
    """Norms, steps and accuracies of the runs with and without, and of every layer raised."""
    said = TAMED.says(runs())
    for part in ("raised to 100,", "from 0.77 to 77.7", "from 1234 to 0.0077", "reaches 76.5%",
                 "without normalising 11.1%", "at that rate the accuracy is 22.2%"):  # fmt: skip
        assert part in said


def shares(pixels, hidden):
    """Shares on the line, beside ones for other gammas and data that do not count."""
    own = [
        {"kind": "sigmoid_linear", "data": data, "gamma": gamma, "beta": beta, "share": share}
        for data, share in ((PIXELS, pixels), (HIDDEN, hidden), ("standard normal", 0.01))
        for gamma, beta, share in ((None, None, 0.02), (2.0, 0.0, 0.03), (1.0, 1.0, 0.04),
                                   (1.0, 0.0, share))
    ]  # fmt: skip
    sizes = ((PIXELS, 0.777), (HIDDEN, 0.999), ("standard normal", 0.111))
    return own + [
        {"kind": "linear_range_moments", "data": data, "root_mean_square": size}
        for data, size in sizes
    ]


@pytest.mark.parametrize(
    ("pixels", "hidden", "holds"),
    [(0.6, 0.7, True), (0.5, 0.7, False), (0.6, 0.5, False), (0.51, 0.501, True)],
)
def test_mostly_is_more_than_half_of_both_data_sets(pixels, hidden, holds):
    """At gamma 1 and beta 0; other pairs and drawn numbers do not count."""
    assert NEAR_ZERO.holds(shares(pixels, hidden)) is holds


def test_the_sentence_tells_shares_and_sizes_of_both():
    """By the names of the data, and not of the drawn numbers."""
    said = NEAR_ZERO.says(shares(0.61, 0.72))
    assert said.startswith("61% of the raw pixels, 72% of the hidden activations lie where")
    assert "0.777 (raw pixels), 0.999 (hidden activations)" in said
    assert "0.111" not in said
