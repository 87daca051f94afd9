"""Laws about arguments: one that is ignored is blamed, another formula that uses them all is
not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from bnproof.contract import Convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Answers, Target
from bnproof.laws.law import load_laws
from bnproof.laws.oracle import Oracle
from bnproof.laws.sensitivity import EFFECTS
from bnproof.laws.supports import Supports
from bnproof.mutants.catalogue import list_mutants
from bnproof.wording import describe_measurement
from tests.laws.draws import by_hand, ratio, semantic, target

BLAMED = {name: f"{name.replace('_', '-')}-matters" for name in EFFECTS}
CASE = by_hand()


def blamed(implementation, case=CASE):
    """The arguments whose law is broken."""
    return {name for name, law in BLAMED.items() if (ratio(law, implementation, case) or 0) > 1}


class Ignores(NumpyBatchNorm):
    """Takes a constant for one argument of every method."""

    def __init__(self, name, value):
        self.constants = {name: value}

    def changed(self, method, names, arguments, options):
        given = dict(zip(names, arguments, strict=True)) | options
        given |= {name: value(given) for name, value in self.constants.items() if name in given}
        return method(
            self, *(given[name] for name in names), **{name: given[name] for name in options}
        )

    def train(self, *arguments, **options):
        names = ("x", "gamma", "beta", "running_mean", "running_var")
        return self.changed(NumpyBatchNorm.train, names, arguments, options)

    def infer(self, *arguments, **options):
        names = ("x", "gamma", "beta", "running_mean", "running_var")
        return self.changed(NumpyBatchNorm.infer, names, arguments, options)

    def train_vjp(self, *arguments, **options):
        return self.changed(
            NumpyBatchNorm.train_vjp, ("dy", "x", "gamma", "beta"), arguments, options
        )

    def infer_vjp(self, *arguments, **options):
        names = ("dy", "x", "gamma", "beta", "running_mean", "running_var")
        return self.changed(NumpyBatchNorm.infer_vjp, names, arguments, options)


CONSTANTS = {
    "gamma": lambda given: np.ones_like(given["gamma"]),
    "beta": lambda given: np.zeros_like(given["beta"]),
    "eps": lambda given: 1e-5,
    "momentum": lambda given: 0.1,
    "running_mean": lambda given: np.zeros_like(given["running_mean"]),
    "running_var": lambda given: np.ones_like(given["running_var"]),
}


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_an_argument_that_is_ignored_is_blamed(name, dtype):
    """It and no other."""
    assert blamed(Ignores(name, CONSTANTS[name]), by_hand(dtype)) == {name}


class UsesAllWrongly(NumpyBatchNorm):
    """eps outside the root, gamma squared, beta doubled: every argument moves every output."""

    def std(self, v, eps):
        return np.sqrt(v) + v.dtype.type(eps)

    def apply_affine(self, xhat, gamma, beta):
        return super().apply_affine(xhat, gamma * gamma, 2 * beta)

    def track(self, running, new, momentum):
        return super().track(running, new, momentum**2)


WRONG_OTHERWISE = (
    "F01",
    "F03",
    "F07",
    "G01",
    "G03-part",
    "G06-other",
    "R01",
    "R06",
    "R13",
    "I02",
    "V08",
    "L01",
)


@pytest.mark.parametrize("name", WRONG_OTHERWISE)
def test_another_formula_that_uses_every_argument_is_not_blamed(name):
    """Its values are wrong, which another law tells; nothing is ignored."""
    assert blamed(list_mutants()[name].make()) == set()


def test_a_formula_wrong_in_every_term_is_not_blamed():
    """As long as each argument moves each output."""
    assert blamed(UsesAllWrongly()) == set()


def test_an_argument_may_not_be_ignored_in_part():
    """gamma beyond a limit counts as the limit: right where it is small."""

    class Clipped(NumpyBatchNorm):
        def apply_affine(self, xhat, gamma, beta):
            return super().apply_affine(xhat, gamma.clip(-2, 2), beta)

    assert ratio("output", Clipped(), CASE) <= 1
    assert ratio("gamma-matters", Clipped(), CASE) <= 1, "what moves is not blamed on the argument"
    assert ratio("gamma-matters", Clipped(), replace(CASE, gamma=CASE.gamma + np.float32(0.5))) > 1


def test_constants_are_not_blamed():
    """What ``supports`` fixes cannot be changed, and what is absent neither."""
    of = Target(Ignores("eps", lambda given: 0.25), Convention("any"), constants=frozenset({"eps"}))
    assert load_laws()["eps-matters"].measure(Answers(of, CASE), Oracle(CASE)) is None
    assert ratio("gamma-matters", NumpyBatchNorm(), by_hand(gamma=None)) is None


@settings(max_examples=15)
@given(semantic(Supports(dtypes=("float32", "bfloat16"))))
def test_the_reference_is_never_blamed(case):
    """Every argument moves every output by the exact difference."""
    assert blamed(NumpyBatchNorm(), case) == set()


# -- linearity -------------------------------------------------------------------------------------


class ClipsUpstream(NumpyBatchNorm):
    def train_vjp(self, dy, *arguments, **options):
        return super().train_vjp(dy.clip(-1000, 1000), *arguments, **options)


class FlushesUpstream(NumpyBatchNorm):
    def train_vjp(self, dy, *arguments, **options):
        return super().train_vjp(
            np.where(np.abs(dy) < 1e-6, 0, dy).astype(dy.dtype), *arguments, **options
        )


class AddsConstant(NumpyBatchNorm):
    """Wrong for every dy, so nothing is said of multiples."""

    def train_vjp(self, dy, *arguments, **options):
        return tuple(gradient + 1 for gradient in super().train_vjp(dy, *arguments, **options))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_gradients_of_multiples_are_multiples(dtype):
    """Over many magnitudes of dy."""
    assert ratio("gradient-linear", NumpyBatchNorm(), by_hand(dtype)) <= 1


def test_a_gradient_that_depends_on_the_size_of_dy_breaks_linearity():
    """Large ones cut off, small ones left out; one that is wrong anyway is told by other laws."""
    assert ratio("gradient-linear", ClipsUpstream(), CASE) > 1
    assert ratio("gradient-linear", FlushesUpstream(), CASE) > 1
    assert ratio("gradient-linear", AddsConstant(), CASE) is None


def test_the_changed_call_is_shown():
    """A violation brings the call with the argument changed."""
    implementation = Ignores("eps", CONSTANTS["eps"])
    seen = load_laws()["eps-matters"].measure(Answers(target(implementation), CASE), Oracle(CASE))
    assert not seen.holds
    assert seen.comparison == "effect"
    assert "with another eps" in describe_measurement(seen, "")
    assert seen.calls[0].arguments["eps"] == 4 * CASE.eps
