"""The benchmark of tolerances: a wrong model gives a row, a correct one none, and a refused correct
result ends with status 1."""

from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from bnproof.arrays.tolerances import tolerance
from bnproof.baselines.typed_tolerances import TYPED
from bnproof.benchmarks import tolerance_power
from bnproof.benchmarks.tolerance_power import (
    call_assertions,
    draw_data,
    main,
    measure_bug,
    measure_correct,
    measure_nearly_constant,
)
from bnproof.contract import Case, Weights
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.columns import validate
from bnproof.mutants.catalogue import list_mutants
from bnproof.records import read

rng = np.random.default_rng(2)
CASE = Case(
    *rng.standard_normal((2, 5, 3)),
    *rng.standard_normal((3, 3)) + 2,
    rng.random(3) + 0.5,
    eps=1e-5,
    momentum=0.25,
    layer=Weights(rng.standard_normal((3, 4)), rng.standard_normal(3), "linear"),
)


class InPlace(Executor):
    """A pool that does its work at once, in this process."""

    def map(self, function, *arguments, **options):
        """The results in order."""
        return map(function, *arguments)


class Doubled(NumpyBatchNorm):
    """Returns twice the output."""

    def train(self, *given, **options):
        y, *statistics = super().train(*given, **options)
        return (2 * y, *statistics)


class Undefined(NumpyBatchNorm):
    """Returns no number in the first entry."""

    def train(self, *given, **options):
        y, *statistics = super().train(*given, **options)
        y[0, 0] = np.nan
        return (y, *statistics)


@pytest.fixture
def ask(monkeypatch):
    """Let a model, by its name or as a class, be measured on these cases."""

    def measure(model, *cases):
        monkeypatch.setattr(tolerance_power, "_draw_cases", lambda seed: list(cases))
        if isinstance(model, type):
            made = replace(list_mutants()["F07"], id="own", make=model, mechanism="made up")
            monkeypatch.setattr(tolerance_power, "list_mutants", lambda: {"own": made})
            model = "own"
        return measure_bug(model, 0)

    return measure


@pytest.mark.parametrize(
    ("name", "quantity"),
    [("G04", "dgamma"), ("R01", "running_var"), ("O01", "folded_bias"), ("I08", "infer_y")],
)
def test_a_wrong_model_gives_one_row(ask, name, quantity):
    """Of the only quantity that it gets wrong, with the verdicts of all tolerances."""
    row = ask(name, CASE)
    assert set(row) == {
        *("kind", "bug", "mechanism", "case", "quantity", "dtype", "shape"),
        *("worst", "excess", "derived", "slope", "offset", "typed"),
    }
    assert (row["kind"], row["bug"], row["quantity"]) == ("tolerance_bug", name, quantity)
    assert row["mechanism"] == list_mutants()[name].mechanism
    assert (row["case"], row["dtype"], row["shape"]) == (0, "float64", [5, 3])
    assert row["worst"] >= row["excess"] > 1
    assert row["derived"] is False
    assert list(row["typed"]) == [typed.name for typed in TYPED]
    # only these two have a pair for float64
    judged = [name for name, accepts in row["typed"].items() if accepts is not None]
    assert judged == ["torch.testing.assert_close", "ONNX's node tests"]
    assert not any(row["typed"].values())


@pytest.mark.parametrize("model", ["O24", "G23", "C02", NumpyBatchNorm])
def test_a_correct_model_gives_none(ask, model):
    """Every output, gradient, statistic and fold is within what rounding explains."""
    assert ask(model, CASE, replace(CASE, eps=1e-3)) is None


def test_the_case_that_shows_a_bug_best_is_taken(ask):
    """An eps of 1e-5 whatever is asked: right on the first case, worst on the second, and a typed
    pair accepts what is off by little."""
    cases = [replace(CASE, eps=eps) for eps in (1e-5, 1.0, 1e-4)]
    assert ask("F04", cases[0]) is None
    assert ask("F04", *cases)["case"] == 1
    little = ask("F04", replace(CASE, eps=1.001e-5))
    assert little["worst"] > 1
    assert little["typed"]["torch.testing.assert_close"] is True
    assert little["derived"] is False


def test_the_excess_is_in_units_of_the_derived_pair(ask):
    """Of an output that is doubled, the error of each entry is its exact value; the public function
    gives the same tolerance to the nearest power of two, since it counts one storing less."""
    row = ask(Doubled, CASE)
    allowed = tolerance(CASE.x, CASE.gamma, CASE.beta, eps=CASE.eps)
    slope, offset = allowed.as_allclose("y")
    size = np.abs(allowed.exact["y"])
    assert row["quantity"] == "y"
    assert np.round(np.log2(row["excess"] / np.max(size / (offset + slope * size)))) == 0
    assert np.round(np.log2(row["worst"] / np.max(size / allowed.y))) == 0


def test_no_number_is_as_far_off_as_can_be(ask):
    """NaN is refused by every pair, and the row still holds finite numbers."""
    row = ask(Undefined, CASE)
    assert row["worst"] == row["excess"] == 1e300
    assert row["derived"] is False
    assert not any(row["typed"].values())


def test_a_nearly_constant_batch_is_told_by_its_condition(monkeypatch):
    """The derived tolerance grows with mean/std and holds; the other stays what it is."""
    monkeypatch.setattr(tolerance_power, "KAPPAS", (1.0, 1e4))
    near, far = measure_nearly_constant(3)
    assert (near["kind"], near["kappa"], far["kappa"]) == ("tolerance_constant", 1.0, 1e4)
    assert max(near["derived_worst"], far["derived_worst"]) <= 1
    assert far["derived_size"] > 100 * near["derived_size"]
    assert far["maxima_size"] == near["maxima_size"]
    for row in (near, far):
        assert (row["maxima_exceeded"] > 0) == (row["maxima_worst"] > 1)
        assert row["draws"] >= row["maxima_exceeded"]


def test_data_are_of_the_kind_they_are_called():
    """Each is a valid case of at least two values per channel, and what is constant has no
    spread."""
    kinds = set()
    for seed in range(60):
        kind, case = draw_data(np.random.default_rng(seed))
        kinds.add(kind)
        validate(case)
        assert case.m > 1
        channels = np.moveaxis(case.x.astype(float), 1, 0).reshape(case.x.shape[1], -1)
        assert np.all((np.ptp(channels, axis=1) == 0) == (kind == "constant")), (seed, kind)
        assert (np.abs(channels).max() < 0.5) == (kind == "tiny") or kind in ("random", "constant")
        assert (channels.min() > 50) == (kind == "off zero"), (seed, kind)
    assert kinds == {"random", "constant", "off zero", "huge", "tiny"}


def test_a_refused_result_is_told_with_its_seed(monkeypatch):
    """Twice the output is refused wherever it is not 0; the other three assertions pass."""
    row = call_assertions(40, 16)
    assert row["refused"] == []
    assert (row["kind"], row["first"], sum(row["calls"].values())) == ("tolerance_correct", 40, 16)
    monkeypatch.setattr(tolerance_power, "NumpyBatchNorm", Doubled)
    row = call_assertions(40, 16)
    told = [words.partition(", ")[0] for words in row["refused"]]
    # PyTorch takes every other data set
    assert told == ["seed 40", "seed 42"]
    assert all(": y: " in words for words in row["refused"])


def test_all_calls_are_shared_out(monkeypatch):
    """24 calls from seed 7 on, four for each seed, in shares of 8."""
    taken = []

    def count_only(first, count):
        taken.append((first, count))
        return {"kind": "tolerance_correct", "first": first, "calls": {}, "refused": []}

    monkeypatch.setattr(tolerance_power, "ProcessPoolExecutor", lambda **options: InPlace())
    monkeypatch.setattr(tolerance_power, "SHARE", 8)
    monkeypatch.setattr(tolerance_power, "call_assertions", count_only)
    assert len(list(measure_correct(24, 7))) == 3
    assert taken == [(7, 8), (9, 8), (11, 8)]


@pytest.mark.parametrize("refused", [[], ["seed 3, huge: y: off", "seed 4, tiny: y: off"]])
def test_the_exit_status_says_whether_a_correct_result_was_refused(tmp_path, monkeypatch, refused):
    """Records, page and table are written either way; only models that are wrong are measured."""
    asked = []

    def measure_counted(name, seed):
        asked.append((name, seed))
        return measure_bug(name, seed)

    row = {"kind": "tolerance_correct", "first": 0, "calls": {"huge": 4}, "refused": refused}
    models = {name: list_mutants()[name] for name in ("F07", "O24", "V04")}
    monkeypatch.setattr(tolerance_power, "ProcessPoolExecutor", lambda **options: InPlace())
    monkeypatch.setattr(tolerance_power, "_draw_cases", lambda seed: [CASE])
    monkeypatch.setattr(tolerance_power, "KAPPAS", (1.0,))
    monkeypatch.setattr(tolerance_power, "SHARE", 4)
    monkeypatch.setattr(tolerance_power, "list_mutants", lambda: models)
    monkeypatch.setattr(tolerance_power, "measure_bug", measure_counted)
    monkeypatch.setattr(tolerance_power, "call_assertions", lambda first, count: row)
    done = CliRunner().invoke(main, ["--calls", "4", "--seed", "9", "--out", str(tmp_path)])
    assert done.exit_code == (1 if refused else 0)
    assert done.stderr.splitlines() == refused
    assert asked == [("F07", 9), ("V04", 9)]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"tolerance_power.ndjson", "tolerance.md", "tolerance.csv"}
    records = read(tmp_path / "tolerance_power.ndjson")
    assert [bug["bug"] for bug in records.select("tolerance_bug")] == ["F07"]
    assert records.select("tolerance_correct") == [row]
    assert len(records.select("tolerance_constant")) == 1


def test_each_data_set_has_a_seed_of_its_own(monkeypatch):
    """Sixteen calls from seed 40 on are four data sets."""
    drawn = []

    def draw(rng):
        drawn.append(rng.random())
        return draw_data(rng)

    monkeypatch.setattr(tolerance_power, "draw_data", draw)
    call_assertions(40, 16)
    assert drawn == [np.random.default_rng(seed).random() for seed in range(40, 44)]
