"""Grades: each way to compute a batch norm gets the one it deserves, under every seed tried."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from bnproof.accuracy import grades
from bnproof.accuracy.assessment import assess
from bnproof.accuracy.inputs import EFFORTS, draw_inputs
from bnproof.cli import group
from bnproof.implementations.compensated import CompensatedBatchNorm
from bnproof.implementations.numpy import NumpyBatchNorm as Everything
from bnproof.implementations.numpy_arrays import batch_axes
from bnproof.implementations.targets import UnusableTarget, load
from tests.accuracy.made import point, subject


class NumpyBatchNorm(Everything):
    supports = {"dtypes": ["float32", "float64"]}


class OnePass(NumpyBatchNorm):
    """``E[x^2] - mu^2`` in the working precision (V01)."""

    def variance(self, x, mu):
        return (x * x).mean(axis=batch_axes(x), keepdims=True) - mu * mu


class ClampedOnePass(OnePass):
    """The usual repair (V02)."""

    def variance(self, x, mu):
        return np.maximum(super().variance(x, mu), 0)


class Serial(NumpyBatchNorm):
    """Strictly serial sums in the working precision (V06)."""

    def mean(self, x):
        columns = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
        total = np.add.accumulate(columns, axis=0)[-1] / x.dtype.type(len(columns))
        return total.reshape(1, -1, *(1,) * (x.ndim - 2))


class Pairwise(NumpyBatchNorm):
    """Sums by halves, in the working precision, in any layout."""

    def mean(self, x):
        columns = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
        total = columns.copy()
        while len(total) > 1:
            half = len(total) // 2
            rest = total[2 * half :]
            total = np.concatenate([total[:half] + total[half : 2 * half], rest])
        return (total[0] / x.dtype.type(len(columns))).reshape(1, -1, *(1,) * (x.ndim - 2))


class NegativeVariance(NumpyBatchNorm):
    """A sign slip: NaN from the root."""

    def std(self, v, eps):
        return np.sqrt(-v)


class Unnormalised(NumpyBatchNorm):
    """Right for kappa = 1 only: the mean is never subtracted."""

    def normalise(self, x, eps):
        mu, v = self.mean(x), self.variance(x, self.mean(x))
        return x / self.std(v, eps), mu, v, self.std(v, eps)


class Bessel(NumpyBatchNorm):
    """Another formula: flat against kappa, and wrong."""

    def variance(self, x, mu):
        m = x.size // x.shape[1]
        return super().variance(x, mu) * x.dtype.type(m / (m - 1))


class HalfSums(NumpyBatchNorm):
    """Everything kept in half precision, sums included (D01)."""

    supports = {"dtypes": ["float16"]}

    def mean(self, x):
        return np.add.reduce(x, axis=batch_axes(x), dtype=np.float16, keepdims=True) / np.float16(
            x.size // x.shape[1]
        )

    def variance(self, x, mu):
        squares = np.add.reduce((x - mu) ** 2, axis=batch_axes(x), dtype=np.float16, keepdims=True)
        return squares / np.float16(x.size // x.shape[1])


def found(implementation, seed=0, effort="quick"):
    """The assessment at the least effort."""
    return assess("fake", implementation, effort=effort, seed=seed)


BY_CONDITION = {
    CompensatedBatchNorm: "compensated",
    NumpyBatchNorm: "two-pass",
    OnePass: "one-pass",
    ClampedOnePass: "one-pass",
    NegativeVariance: "broken",
    Unnormalised: "broken",
    Bessel: "broken",
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("made", "grade"),
    BY_CONDITION.items(),
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_the_condition_tells_algorithms_apart(made, grade, seed):
    """Flat, slope 1, slope 2; no number, no digit, or another formula."""
    assessed = found(made(), seed)
    assert [one.condition.grade for one in assessed.graded] == [grade, grade]
    expected = {"compensated": 0, "two-pass": 1, "one-pass": 2}.get(grade)
    if expected is not None:
        assert all(abs(one.condition.slope - expected) < 0.3 for one in assessed.graded)


class Says(NumpyBatchNorm):
    """Prints, and raises for what it was not asked to support."""

    supports = {"dtypes": ["float32"], "ranks": [4], "num_features": 3, "eps": 1e-3}

    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        print("hello")  # noqa: T201
        assert (x.dtype, x.ndim, x.shape[1], eps) == (np.float32, 4, 3, 1e-3)
        return super().train(x, gamma, beta, running_mean, running_var, eps=eps, momentum=momentum)


def test_supports_narrows_what_is_measured(capsys):
    """Dtypes, ranks, channels and eps as in check; what the target prints is kept off standard
    output; no search without rank 3."""
    assessed = found(Says())
    (single,) = assessed.graded
    assert assessed.worst.ulp is None
    assert (single.condition.grade, single.failures) == ("two-pass", {})
    assert {layout for layout, _ in single.summations} == {"4-d", "4-d channels-last"}
    assert "hello" not in capsys.readouterr().out


class OnlyFlat(NumpyBatchNorm):
    """Rank 2 or an exception."""

    def train(self, x, *arguments, **options):
        if x.ndim != 2:
            raise RuntimeError("out of cheese")
        return super().train(x, *arguments, **options)


def test_what_fails_is_said_with_its_reason():
    """A layout that raises is no sign of half-precision sums; a target that always raises is
    refused with its words."""
    assessed = found(OnlyFlat())
    assert all("out of cheese" in one.failures["4-d"] for one in assessed.graded)
    assert all(one.accumulation is None and one.range.values is None for one in assessed.graded)

    class Raises(NumpyBatchNorm):
        def train(self, *arguments, **options):
            raise RuntimeError("no such luck")

    with pytest.raises(UnusableTarget, match="no such luck"):
        found(Raises())


def test_half_precision_tells_one_pass_apart():
    """Two or three decades are enough for the slope."""

    class Half(OnePass):
        supports = {"dtypes": ["float16"]}

        def variance(self, x, mu):
            return super().variance(x.astype("float16"), mu.astype("float16")).astype(x.dtype)

    assert found(Half(), effort="standard").graded[0].condition.grade in ("one-pass", "broken")


@pytest.mark.parametrize("said", [{"dtypes": ["float99"]}, {"dtypes": "float32"}, {"ranks": [3]}])
def test_supports_that_leave_nothing_are_refused(said):
    """One line says what to give."""

    class Odd(NumpyBatchNorm):
        supports = said

    with pytest.raises(ValueError, match="supports"):
        found(Odd())


def test_one_pass_says_where_it_stops_being_a_number():
    """Unprotected, the variance goes negative at a condition near u^(-1/2)."""
    single = found(OnePass()).graded[0]
    assert single.dtype == "float32"
    assert 1e2 <= single.condition.nan_from <= 1e5


BY_LENGTH = {CompensatedBatchNorm: "compensated", Pairwise: "pairwise", Serial: "naive"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("made", "grade"), BY_LENGTH.items(), ids=lambda value: getattr(value, "__name__", value)
)
def test_the_length_tells_sums_apart(made, grade, seed):
    """In every layout and dtype."""
    for one in found(made(), seed).graded:
        assert {of.grade for of in one.summations.values()} == {grade}, one.summations


def test_the_layout_decides_in_numpy_and_torch():
    """The same numbers: PyTorch sums float32 naively with channels last and rightly with channels
    second."""
    (single, *_) = found(load("torch")).graded
    assert single.summations["4-d", 1].grade == "compensated"
    assert single.summations["4-d channels-last", 1].grade == "naive"


@pytest.mark.slow
def test_half_precision_sums_are_noticed():
    """Kept in float16 they overflow and are off; PyTorch keeps them wider."""
    (half,) = found(HalfSums(), effort="standard").graded
    assert half.accumulation == "float16"
    assert half.range.magnitude <= 1000
    assert half.range.values is not None
    by_dtype = {one.dtype: one for one in found(load("torch"), effort="standard").graded}
    assert {by_dtype[name].accumulation for name in ("float16", "bfloat16")} == {"float32 or wider"}
    assert by_dtype["float16"].range.values is None


def test_overflowing_squares_are_reported():
    """float32: wrong from about the root of the largest number on, and not before 1e15."""
    assert 1e15 < found(NumpyBatchNorm()).graded[0].range.magnitude < 1e20


def test_all_inputs_repeat_for_a_seed():
    """Everything measured side by side is measured on the same numbers."""
    first, second = (list(draw_inputs("float32", EFFORTS["quick"], 3)) for _ in range(2))
    assert all(np.array_equal(a.x, b.x) for a, b in zip(first, second, strict=True))


def test_the_json_is_the_contracts():
    """Every key, no infinities, points with ulp; the command exits with 0."""
    done = CliRunner().invoke(
        group,
        ["accuracy", "compensated", "--effort", "quick", "--format", "json"],
        standalone_mode=False,
    )
    assert done.return_value == 0
    said = json.loads(done.stdout)
    assert {
        "target",
        "grade",
        "kappa_slope",
        "m_slope",
        "points",
        "nan_from_kappa",
        "worst",
    } <= set(said)
    assert (said["target"], said["grade"]) == ("compensated", "compensated")
    assert all(
        {"kappa", "m", "dtype", "ulp", "max_abs_error"} <= set(point) for point in said["points"]
    )
    assert set(said["points"][0]["ulp"]) == {"median", "p99", "max"}
    assert said["worst"]["ulp"] < 1


def test_a_broken_one_exits_with_1(tmp_path):
    """Not finite or without a digit inside the domain."""
    (tmp_path / "mine.py").write_text(
        "from bnproof.implementations.numpy import NumpyBatchNorm\n"
        "class Mine(NumpyBatchNorm):\n"
        "    def mean(self, x):\n"
        "        return super().mean(x) * 0\n"
    )
    arguments = ["accuracy", f"{tmp_path / 'mine.py'}:Mine", "--effort", "quick"]
    done = CliRunner().invoke(group, arguments, standalone_mode=False)
    assert done.return_value == 1
    assert "broken" in done.stdout


def test_the_worst_inputs_program_runs(capsys):
    """The reproducer shows the very number that was said; a search finds nothing better than the
    draw it began with."""
    drawn = assess("numpy", NumpyBatchNorm(), effort="quick", seed=1).worst
    assert 1 < drawn.ulp < 100
    names = {}
    exec(compile(drawn.reproducer, "reproducer", "exec"), names)
    assert f"is {names['got']} and should be {names['expected']}" in capsys.readouterr().out
    # A search finds more than an error that everybody has.
    assert names["got"] != names["expected"]


def test_a_search_makes_it_worse():
    """Two hundred generations end above the first."""
    from bnproof.accuracy.measured import Subject
    from bnproof.accuracy.worst_input import find_worst
    from bnproof.implementations.conventions import resolve_convention

    subject = Subject("numpy", NumpyBatchNorm(), resolve_convention("torch"), "float32")
    assert find_worst(subject, 0, 0).ulp < find_worst(subject, 200, 0).ulp < 50


# -- regression on points made by hand -------------------------------------------------------------

KAPPAS = [10.0**n for n in range(8)]


@pytest.mark.parametrize(("power", "grade"), [(0, "compensated"), (1, "two-pass"), (2, "one-pass")])
def test_a_power_of_kappa_is_its_grade(power, grade):
    """An error of ``u kappa^p`` until no digit is left: the slope is p, wherever saturation
    begins."""
    sweep = [point(kappa=kappa, error=min(1e-7 * kappa**power, 0.4)) for kappa in KAPPAS]
    found = grades.grade_condition(sweep)
    assert found.grade == grade
    assert round(found.slope, 6) == power
    assert (found.fitted is None) == (power == 0)


def test_points_before_the_rise_do_not_flatten_the_slope():
    """Flat up to 1e3, then rising with slope 2; the fit begins above four times the first error and
    ends where a digit is left."""
    errors = [1e-7, 1e-7, 1e-7, 1e-7, 1e-5, 1e-3, 0.3, 0.4]
    sweep = [point(kappa=k, error=e) for k, e in zip(KAPPAS, errors, strict=True)]
    slope, fitted = grades.fit_growth(sweep)
    # only two points lie in between, so that all unsaturated ones and the first saturated are taken
    assert fitted == (1.0, 1e6)
    assert 0.5 < slope < 2
    steep = [*errors[:4], 1e-6, 1e-5, 1e-4, 0.4]
    sweep = [point(kappa=k, error=e) for k, e in zip(KAPPAS, steep, strict=True)]
    slope, fitted = grades.fit_growth(sweep)
    assert (round(slope, 6), fitted) == (1, (1e4, 1e6))


def test_what_is_broken_inside_the_domain():
    """An output that is not finite, without a digit, or beyond rounding at kappa = 1; the same
    outside of the domain of the one-pass formula is no reason."""
    fine = [point(kappa=kappa, error=1e-7 * kappa) for kappa in KAPPAS]
    wrong = point(kappa=100.0, error=np.inf)
    assert grades.grade_condition([*fine[:2], wrong, *fine[3:]]).grade == "broken"
    assert grades.grade_condition([point(beyond=True), *fine[1:]]).grade == "broken"
    assert grades.grade_condition([point(error=0.3), *fine[1:]]) == grades.Condition(
        "broken", None, None, None
    )
    late = grades.grade_condition([*fine[:6], point(kappa=1e6, error=np.inf)])
    assert (late.grade, late.nan_from) == ("two-pass", 1e6)


LENGTHS = [2**n for n in range(2, 15, 2)]


@pytest.mark.parametrize(
    ("power", "grade"), [(-0.5, "compensated"), (0.1, "pairwise"), (0.5, "naive"), (1, "naive")]
)
def test_a_power_of_m_is_its_grade(power, grade):
    """A shift of ``m^p``; lengths below 64 do not count, however odd they are."""
    sweep = [point("values", m=m, shift=float(m) ** power if m >= 64 else 1e9) for m in LENGTHS]
    found = grades.grade_summation(sweep)
    assert (found.grade, round(found.slope, 6), found.longest) == (grade, power, LENGTHS[-1])


def test_too_few_lengths_have_no_grade():
    """Two of them, none, or three of which one is wrong or exactly right."""
    rows = [point("values", m=m, shift=1.0) for m in (64, 128, 256)]
    assert grades.grade_summation(rows).slope is not None
    for few in (rows[:2], [], [*rows[:2], point("values", m=256, error=np.inf)]):
        assert grades.grade_summation(few).grade is None
    assert grades.grade_summation([*rows[:2], point("values", m=256, shift=0.0)]).slope is None


def test_limits_are_the_first_wrong_points_with_an_answer():
    """Of each sweep by itself; an input that was refused does not count."""
    points = [
        point("magnitude", magnitude=2.0, error=np.inf, reason="out of memory"),
        point("magnitude", magnitude=4.0, error=0.6),
        point("magnitude", magnitude=8.0, error=np.inf),
        point("values", m=64, error=0.4),
    ]
    assert grades.find_limits(points) == grades.Range(4.0, None)
    assert grades.find_limits([*points, point("values", m=99, error=0.5)]).values == 99


def test_sums_in_half_precision_show_in_long_batches():
    """Off by more than half a unit or not finite; short batches, other dtypes and inputs without an
    answer say nothing."""
    half = subject(dtype="float16")
    off, fine = (point("values", m=1024, shift=shift) for shift in (0.6, 0.4))
    assert grades.find_accumulation(half, [fine, off]) == "float16"
    assert grades.find_accumulation(half, [point("values", m=1024, error=np.inf)]) == "float16"
    assert grades.find_accumulation(half, [fine]) == "float32 or wider"
    refused = point("values", m=1024, error=np.inf, reason="no")
    for silent in ([point("values", m=512, shift=9.0)], [refused], []):
        assert grades.find_accumulation(half, silent) is None
    assert grades.find_accumulation(subject(), [off]) is None
