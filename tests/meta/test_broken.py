"""The suite on fakes: each broken formula is found and the right law named; correct ones pass under
every seed."""

import ml_dtypes
import numpy as np
import pytest

import bnproof
from bnproof.contract import Convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import batch_axes
from bnproof.implementations.numpy_formulas import Formulas
from bnproof.implementations.targets import UnusableTarget, load


class UnbiasedVariance(NumpyBatchNorm):
    def variance(self, x, mu):
        m = x.size // x.shape[1]
        return super().variance(x, mu) * x.dtype.type(m / (m - 1))


class EpsIgnored(NumpyBatchNorm):
    def std(self, v, eps):
        return np.sqrt(v + v.dtype.type(1e-12))


class EpsOutside(NumpyBatchNorm):
    def std(self, v, eps):
        return np.sqrt(v) + v.dtype.type(eps)


class EpsFixed(NumpyBatchNorm):
    def std(self, v, eps):
        return super().std(v, 1e-5)


class GammaIgnored(NumpyBatchNorm):
    def apply_affine(self, xhat, gamma, beta):
        return super().apply_affine(xhat, None, beta)


class BetaScaled(NumpyBatchNorm):
    def apply_affine(self, xhat, gamma, beta):
        return super().apply_affine(
            xhat + 0 if beta is None else xhat, gamma, None if beta is None else 2 * beta
        )


class NoMeanPath(NumpyBatchNorm):
    def remove_mean(self, dy, dbeta):
        return dy


class NoStdPath(NumpyBatchNorm):
    def compute_std_term(self, xhat, dgamma):
        return 0 * xhat


class StdPathSign(NumpyBatchNorm):
    def compute_std_term(self, xhat, dgamma):
        return -super().compute_std_term(xhat, dgamma)


class NoBessel(NumpyBatchNorm):
    def bessel(self, v, m):
        return v


class MomentumSwapped(NumpyBatchNorm):
    def track(self, running, new, momentum):
        return super().track(running, new, 1 - momentum)


class GradientOfGammaAveraged(NumpyBatchNorm):
    def train_vjp(self, dy, x, gamma, beta, *, eps):
        dx, dgamma, dbeta = super().train_vjp(dy, x, gamma, beta, eps=eps)
        return (
            dx,
            None if dgamma is None else dgamma * dgamma.dtype.type(x.shape[1] / x.size),
            dbeta,
        )


class GradientOfBetaNegated(NumpyBatchNorm):
    def train_vjp(self, dy, x, gamma, beta, *, eps):
        dx, dgamma, dbeta = super().train_vjp(dy, x, gamma, beta, eps=eps)
        return dx, dgamma, None if dbeta is None else -dbeta


class OnePassVariance(NumpyBatchNorm):
    def variance(self, x, mu):
        return np.abs((x * x).mean(axis=batch_axes(x), keepdims=True) - mu * mu)


class InferenceUsesBatch(NumpyBatchNorm):
    def infer(self, x, gamma, beta, running_mean, running_var, *, eps):
        return self.apply_affine(self.normalise(x, eps)[0], gamma, beta)


class ModifiesInput(NumpyBatchNorm):
    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        answer = super().train(
            x, gamma, beta, running_mean, running_var, eps=eps, momentum=momentum
        )
        x += 1
        return answer


class WrongDtype(NumpyBatchNorm):
    def infer(self, x, gamma, beta, running_mean, running_var, *, eps):
        return super().infer(x, gamma, beta, running_mean, running_var, eps=eps).astype("float16")


class AnswersForOneValue(NumpyBatchNorm):
    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        if x.size == x.shape[1]:
            return np.zeros_like(x), running_mean, running_var
        return super().train(x, gamma, beta, running_mean, running_var, eps=eps, momentum=momentum)


RIGHT_LAW = {
    UnbiasedVariance: "output-variance",
    EpsIgnored: "scale-defect",
    EpsOutside: "scale-eps",
    EpsFixed: "scale-eps",
    GammaIgnored: "affine",
    BetaScaled: "output-mean",
    NoMeanPath: "gradient-sum",
    NoStdPath: "gradient-orthogonal",
    StdPathSign: "gradient-x",
    NoBessel: "running-variance",
    MomentumSwapped: "running-mean",
    GradientOfGammaAveraged: "gradient-gamma",
    GradientOfBetaNegated: "gradient-beta",
    OnePassVariance: "output",
    InferenceUsesBatch: "inference-output",
    ModifiesInput: "untouched",
    WrongDtype: "answers",
    AnswersForOneValue: "one-value",
}
ONLY = {
    NoBessel: {"running-variance", "shards-running-variance"},
    MomentumSwapped: {
        "running-mean",
        "running-variance",
        "shards-running-mean",
        "shards-running-variance",
        "running-mean-matters",  # where all the weight is on the wrong value
        "running-var-matters",
    },
    GradientOfGammaAveraged: {"gradient-gamma"},
    GradientOfBetaNegated: {"gradient-beta"},
    NoMeanPath: {
        "gradient-sum",
        "gradient-x",
        "gradient-norm",
        "gradient-orthogonal",
    },  # the last by rounding what is too large
    AnswersForOneValue: {"one-value"},
}


# one of each kind of law by default: relation, value, gradient, statistics, behaviour, one value
BY_DEFAULT = (EpsOutside, OnePassVariance, NoStdPath, NoBessel, ModifiesInput, AnswersForOneValue)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(
            broken, id=broken.__name__, marks=() if broken in BY_DEFAULT else pytest.mark.slow
        )
        for broken in RIGHT_LAW
    ],
)
def test_a_broken_formula_is_found_by_the_right_law(broken):
    """The check fails and names the law; a bug that touches one output is blamed on nothing
    else."""
    verdict = bnproof.check(broken(), effort="quick")
    violated = {violation.law for violation in verdict.violations}
    assert not verdict.ok
    assert RIGHT_LAW[broken] in violated
    assert violated <= ONLY.get(broken, violated)


def test_the_reproducer_is_a_program_that_shows_the_violation():
    """It prints the value the violation speaks of, and ends in an assertion that fails."""
    verdict = bnproof.check(NoBessel(), effort="quick")
    source = verdict.violations[0].reproducer
    source = "\n".join(
        line for line in source.splitlines() if "import" not in line or "numpy as np" in line
    )
    printed = []
    names = {
        "implementation": NoBessel(),
        "np": np,
        "ml_dtypes": ml_dtypes,
        "print": lambda *a: printed.append(a),
    }
    with pytest.raises(AssertionError):
        exec(source, names)  # the program under test
    assert "running_var" in printed[0][0]


class WeighsTheOldValue:
    """Correct, in another convention, which it does not declare."""

    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        reference = NumpyBatchNorm()
        reference.bessel = lambda v, m: v
        return reference.train(
            x, gamma, beta, running_mean, running_var, eps=eps, momentum=1 - momentum
        )


def test_an_undeclared_convention_is_one_violation_that_names_the_flag():
    """Running statistics that fit another named convention are told so, once."""
    verdict = bnproof.check(WeighsTheOldValue(), effort="quick", ignore=["one-value"])
    assert [violation.law for violation in verdict.violations] == ["convention"]
    assert "--convention" in verdict.violations[0].message


def test_a_declared_convention_is_respected():
    """The same implementation passes once the convention is named."""
    assert bnproof.check(WeighsTheOldValue(), effort="quick", convention="onnx").ok


class Crashes:
    def train(self, *arguments, **options):
        raise RuntimeError("out of order")


def test_a_target_that_never_answers_is_unusable():
    """No case gives an answer: one line with the reason."""
    with pytest.raises(UnusableTarget, match="RuntimeError: out of order"):
        bnproof.check(Crashes(), effort="quick")


class OnlyTrains:
    def train(self, *arguments, **options):
        return NumpyBatchNorm().train(*arguments, **options)


def test_what_is_left_out_is_not_offered():
    """Missing methods are neither passed nor violated."""
    verdict = bnproof.check(OnlyTrains(), effort="quick")
    assert verdict.ok
    assert {"gradient-x", "inference-output"} <= set(verdict.not_offered)
    assert "output" in verdict.passed


def test_the_same_seed_gives_the_same_verdict():
    """Cases depend on the seed alone."""
    first, second = (bnproof.check(UnbiasedVariance(), effort="quick", seed=5) for _ in range(2))
    assert first.violations == second.violations
    assert first.tallies == second.tallies


def test_expected_failures_are_strict():
    """A known failure passes; an expectation that does not fail is a violation."""
    known = {"running-variance": "tracks v", "shards-running-variance": "tracks v"}
    assert bnproof.check(NoBessel(), effort="quick", expect=known).ok
    verdict = bnproof.check(NumpyBatchNorm(), effort="quick", expect={"output": "old bug"})
    assert "drop the expectation" in verdict.violations[0].message


@pytest.mark.parametrize("name", ["numpy", "torch", "torch-modules"])
def test_correct_implementations_pass(name):
    """No false alarm on the built-in implementations."""
    assert not bnproof.check(load(name), effort="standard", seed=1).violations


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["numpy", "torch", "torch-modules"])
def test_correct_implementations_pass_over_more_seeds(name, seed):
    """No false alarm under any of five seeds; the detection benchmark tries fifty."""
    assert not bnproof.check(load(name), effort="standard", seed=seed).violations


class LeaksNaN(NumpyBatchNorm):
    def mean(self, x):
        return super().mean(x) + 0 * x.sum()


class FailsEverySeventhCall(NumpyBatchNorm):
    calls = 0

    def infer(self, *arguments, **options):
        self.calls += 1
        return super().infer(*arguments, **options) * (2 if self.calls % 7 == 0 else 1)


class Exits(NumpyBatchNorm):
    def train_vjp(self, *arguments, **options):
        raise SystemExit(0)


class RefusesReadOnly(NumpyBatchNorm):
    def train(self, x, *arguments, **options):
        x.setflags(write=True)
        return super().train(np.ascontiguousarray(x), *arguments, **options)


class ForgetsUntracked(NumpyBatchNorm):
    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        if running_mean is None:
            return self.apply_affine(x - self.mean(x), gamma, beta), None, None
        return super().train(x, gamma, beta, running_mean, running_var, eps=eps, momentum=momentum)


class NeedsStatistics(NumpyBatchNorm):
    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        return super().train(
            x, gamma, beta, running_mean + 0, running_var + 0, eps=eps, momentum=momentum
        )


def test_needing_running_statistics_is_not_offering_to_do_without():
    """What raises where no statistics are handed in is reported as not offered, neither passed nor
    violated."""
    verdict = bnproof.check(NeedsStatistics(), effort="quick")
    assert verdict.ok
    assert "untracked" in verdict.not_offered


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (LeaksNaN, "channels-apart"),
        (FailsEverySeventhCall, "repeats"),
        (Exits, "answers"),
        (ForgetsUntracked, "untracked"),
        (RefusesReadOnly, "layout"),
    ],
)
def test_misbehaviour_is_a_violation_and_never_a_crash(broken, law):
    """State, NaN, refusals and exits of a stranger's code end as a named violation."""
    verdict = bnproof.check(broken(), effort="quick")
    assert law in {violation.law for violation in verdict.violations}


class Slotted:
    """Correct, and without a ``__dict__``."""

    __slots__ = ()

    def train(self, *arguments, **options):
        return NumpyBatchNorm().train(*arguments, **options)


class CollapsedKeras(Formulas):
    """Correct: gamma' x + beta' as Keras computes it, one value allowed, biased statistics,
    momentum of the old value."""

    convention = "keras"
    supports = {"dtypes": ["float32", "float64"]}

    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        if x.size == 0:
            raise ValueError("nothing to normalise")
        mu = self.mean(x)
        v = self.variance(x, mu)
        shape = (1, -1, *(1,) * (x.ndim - 2))
        scale = (1 if gamma is None else gamma.reshape(shape)) / self.std(v, eps)
        y = x * scale + ((0 if beta is None else beta.reshape(shape)) - mu * scale)
        tracked = [
            None if old is None else self.track(old, new.reshape(-1), 1 - momentum)
            for old, new in ((running_mean, mu), (running_var, v))
        ]
        return y.astype(x.dtype), *tracked


class Clamps(CollapsedKeras):
    """Correct for its declared least eps."""

    convention = Convention("clamped", running_var="biased", momentum="old", eps_min=1e-4)

    def std(self, v, eps):
        return super().std(v, max(eps, 1e-4))


class Narrow(NumpyBatchNorm):
    """Correct where it says it works."""

    supports = {"dtypes": ["float64"], "ranks": [2, 4], "num_features": 3, "eps": 1e-3}

    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        if (x.dtype, x.shape[1], eps) != (np.float64, 3, 1e-3) or x.ndim not in (2, 4):
            raise TypeError("not what was promised")
        return super().train(x, gamma, beta, running_mean, running_var, eps=eps, momentum=momentum)


class ChannelsLast(Formulas):
    """Correct with channels on the last axis, and one buffer for every answer."""

    convention = Convention("last", one_value="any", channel_axis=-1)

    def train(self, x, *arguments, **options):
        y, mean, var = super().train(np.moveaxis(x, -1, 1), *arguments, **options)
        return np.moveaxis(y, 1, -1), mean, var

    def infer(self, x, *arguments, **options):
        return np.moveaxis(super().infer(np.moveaxis(x, -1, 1), *arguments, **options), 1, -1)

    def train_vjp(self, dy, x, *arguments, **options):
        first = super().train_vjp(
            np.moveaxis(dy, -1, 1), np.moveaxis(x, -1, 1), *arguments, **options
        )
        return [np.moveaxis(first[0], 1, -1), *first[1:]]

    infer_vjp = property()  # not offered


@pytest.mark.parametrize("correct", [CollapsedKeras, Clamps, Narrow, ChannelsLast, Slotted])
def test_correct_implementations_in_other_styles_pass(correct):
    """No false alarm on the collapsed form, a least eps, a narrowed range or channels last."""
    assert not bnproof.check(correct(), effort="quick").violations
