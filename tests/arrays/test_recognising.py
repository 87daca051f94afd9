"""Wrong values and their mechanism: a model's own, a coarser arithmetic, or nothing known."""

from dataclasses import replace

import numpy as np
import pytest

from bnproof.arrays import recognising
from bnproof.arrays.array_oracle import Arithmetic, ArrayOracle, Inputs
from bnproof.arrays.recognising import recognise
from bnproof.contract import QUANTITIES, Weights
from bnproof.formats import dtype_of
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.targets import as_implementation
from bnproof.laws.answers import Answers, Target
from bnproof.laws.comparing import as_columns
from bnproof.mutants.catalogue import list_mutants

rng = np.random.default_rng(5)
X, DY = rng.standard_normal((2, 6, 3, 4)) + 1
GAMMA, BETA, MEAN, BIAS = rng.standard_normal((4, 3)) + 2
VAR = rng.random(3) + 0.5
GIVEN = Inputs(
    X,
    1e-2,
    GAMMA,
    BETA,
    DY,
    (MEAN, VAR),
    momentum=0.25,
    layer=Weights(rng.standard_normal((3, 5)), BIAS, "linear"),
)


def answer(model, case, quantity):
    """What a model returns, as columns where x has an entry for each."""
    target = Target(as_implementation(model.make, model.id), resolve_convention("torch"))
    values = Answers(target, case).answer(QUANTITIES[quantity].method)
    return np.asarray(as_columns(quantity, values[quantity]))


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("F01", "y"),
        ("F07", "y"),
        ("F03", "dx"),
        ("G01", "dx"),
        ("G04", "dgamma"),
        ("R01", "running_var"),
        ("R06", "running_mean"),
        ("R13", "running_var"),
        ("I08", "infer_y"),
        ("O01", "folded_bias"),
        ("O22", "folded_weight"),
    ],
)
def test_a_models_own_values_are_that_mechanism(name, quantity):
    """With the sentence and the sources of the bug."""
    model = list_mutants()[name]
    oracle = ArrayOracle(GIVEN)
    cause = recognise(oracle, quantity, answer(model, oracle.case, quantity))
    assert (cause.mechanism, cause.confidence) == (model.mechanism, "same values")
    assert cause.says.startswith(f"{model.mechanism}: ")
    assert "\n" not in cause.says
    assert cause.sources


@pytest.mark.parametrize("quantity", ["y", "dx", "running_var", "infer_y", "folded_bias"])
def test_a_right_value_is_no_models(quantity):
    """Under the coarsest arithmetic, beside which there is no other, nothing is recognised; a model
    that is right in this quantity returns it, and is no cause."""
    correct = list_mutants()["C02" if quantity == "y" else "O24" if "folded" in quantity else "G23"]
    oracle = ArrayOracle(GIVEN)
    right = answer(correct, oracle.case, quantity)
    assert np.all(oracle.exact(quantity).distance(right) <= oracle.bound(quantity, right.dtype))
    cause = recognise(oracle, quantity, right)
    assert cause is None or cause.confidence == "same pattern"
    coarsest = ArrayOracle(GIVEN, "bfloat16", "bfloat16", "one-pass")
    assert recognise(coarsest, quantity, right.astype(np.float32)) is None


def test_what_nothing_gives_is_recognised_as_nothing():
    """A million off in one entry, and no number."""
    oracle = ArrayOracle(GIVEN)
    got = oracle.exact("y").mid.copy()
    for wrong in (1e6, np.nan):
        got[7, 1] = wrong
        assert recognise(oracle, "y", got) is None


# What is coarser than float32, in the order in which it is tried.
COARSER = (
    Arithmetic("float32", "float32", "one-pass"),
    Arithmetic("tf32", "float32"),
    Arithmetic("float16", "float32"),
    Arithmetic("bfloat16", "float32"),
    Arithmetic("float16", "float16"),
    Arithmetic("bfloat16", "bfloat16"),
)


def draw_off_zero(m):
    """One channel of m values around 2."""
    return np.random.default_rng(5).standard_normal((m, 1)) + 2


def deviate(oracle, arithmetic, share):
    """Float32 values off by a share of what an arithmetic explains, to either side in turn."""
    bound = oracle.declare_instead(arithmetic).bound("y", np.dtype(np.float32))
    signs = np.where(np.arange(bound.size) % 2, 1, -1).reshape(bound.shape)
    return (oracle.exact("y").mid + signs * bound * share).astype(np.float32)


def explains(oracle, arithmetic, got):
    """Whether values are within the bounds of an arithmetic."""
    bound = oracle.declare_instead(arithmetic).bound("y", got.dtype)
    return bool(np.all(oracle.exact("y").distance(got) <= bound))


@pytest.mark.parametrize(
    ("number", "named"), [(0, 0), (1, 1), (2, 1), (3, 3), (4, 4), (5, 5)], ids=str
)
def test_a_coarser_arithmetic_is_named_in_its_order(number, named):
    """The first of those that explain every value, whatever the later ones explain: the bounds of
    tf32, which rounds every factor, hold those of float16 with sums in float32."""
    oracle = ArrayOracle(Inputs(draw_off_zero(64).astype(np.float32), 1e-2))
    got = deviate(oracle, COARSER[number], 0.99)
    assert not explains(oracle, oracle.arithmetic, got)
    assert [explains(oracle, arithmetic, got) for arithmetic in COARSER].index(True) == named
    cause = recognise(oracle, "y", got)
    assert (cause.mechanism, cause.confidence) == ("arithmetic", "same pattern")
    assert cause.says == f"within what {COARSER[named]} explains"


def test_a_batch_in_half_precision_is_suspected_of_its_own():
    """Errors of tf32 in a batch of half precision are first said to be those of its own format."""
    for name, told in (("float32", "tf32"), ("bfloat16", "bfloat16"), ("float16", "float16")):
        oracle = ArrayOracle(Inputs(draw_off_zero(64).astype(dtype_of(name)), 1e-2))
        got = deviate(oracle, COARSER[1], 0.25)
        says = recognise(oracle, "y", got).says
        assert says.startswith(f"within what {told} arithmetic"), name


def test_a_declared_one_pass_variance_stays_declared():
    """What is tried beside it keeps its formula."""
    oracle = ArrayOracle(Inputs(draw_off_zero(64).astype(np.float32), 1e-2), formula="one-pass")
    got = deviate(oracle, Arithmetic("tf32", "float32", "one-pass"), 0.99)
    says = recognise(oracle, "y", got).says
    assert (
        says
        == "within what tf32 arithmetic with sums in float32 and the one-pass variance explains"
    )


def test_a_large_batch_is_judged_by_its_worst_channel(monkeypatch):
    """Every channel is wrong in a way of its own: no model gives all values, but one gives those of
    the channel that is farthest off."""
    oracle = ArrayOracle(replace(GIVEN, layer=None))
    models = [list_mutants()[name] for name in ("F07", "F03-square", "F01")]
    got = np.stack(
        [answer(model, oracle.case, "y")[:, at] for at, model in enumerate(models)], axis=1
    )
    ratios = oracle.exact("y").distance(got) / oracle.bound("y", got.dtype)
    worst = models[int(np.argmax(ratios.max(axis=0)))]
    cause = recognise(oracle, "y", got)
    assert cause is None or cause.confidence == "same pattern"
    monkeypatch.setattr(recognising, "MOST", X.size - 1)
    assert recognise(oracle, "y", got).mechanism == worst.mechanism == "square root misplaced"


def test_the_worst_channel_of_a_parameter_gradient_is_found_too(monkeypatch):
    """One entry per channel, of which the others are right."""
    oracle = ArrayOracle(replace(GIVEN, layer=None))
    got = oracle.exact("dgamma").mid.copy()
    got[1] = answer(list_mutants()["G04"], oracle.case, "dgamma")[1]
    monkeypatch.setattr(recognising, "MOST", 1)
    assert recognise(oracle, "dgamma", got).mechanism == "square root misplaced"
