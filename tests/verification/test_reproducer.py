"""Reproducers: programs that run with NumPy and the implementation alone, and print the values a
violation speaks of."""

import subprocess
import sys
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from bnproof.contract import METHODS, Call, FailureKind, Measurement
from bnproof.formats import dtype_of
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_layer import NumpyLayer
from bnproof.laws.law import load_laws
from bnproof.laws.quantities import FORMULAS
from bnproof.laws.supports import EVERYTHING, Supports
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification.reproducer import (
    list_calls,
    obtain,
    write_literal,
    write_program,
    write_walk,
)
from bnproof.verification.session import Session
from bnproof.verification.walk_judge import Walked
from bnproof.verification.walks import explore
from bnproof.wording import describe_measurement
from tests.laws.draws import by_hand, drawn, semantic, target
from tests.laws.test_degenerate import LeaksNaN
from tests.laws.test_sensitivity import ClipsUpstream

BROKEN = {
    "output": "F01",
    "running-variance": "R01",
    "inference-gradient-x": "I02",
    "fold-bias": "O01",
    "fold-weight": "O04",
    "double-backward-x": "G18",
    "shards-output": "S01",
    "shards-gradient-beta": "S04",
    "layout": "L05",
    "layout-gradient": "L04",
    "layout-shards": "L10",
    "layout-fold": "O21",
    "broadcast-gradient": "G15",
    "scale-eps": "F04",
    "output-variance": "F07",
    "gradient-sum": "G01",
    "negative-gamma": "F10",
    "gamma-matters": "G03",
    "one-value": "R05",
    "empty-batch": "R23",
    "empty-shard": "S05",
    "repeats": "F18",
}
KINDS = {law: list_mutants()[name].make for law, name in BROKEN.items()}
KINDS |= {"gradient-linear": ClipsUpstream, "channels-apart": LeaksNaN}
RELATIONS = ("scale-eps", "output-variance", "gradient-sum", "negative-gamma")
# Instead of an answer these laws take a refusal as well.
REFUSABLE = ("empty-batch", "empty-shard")


def is_refusal(done):
    """Whether a program ended because its input was refused, which it says in one line."""
    return isinstance(done.error, SystemExit) and str(done.error).startswith("refused: ")


# What is right where the convention asks for beta of a single value.
OTHERS = {"one-value": list_mutants()["C04-beta"].make}


def name_of(model):
    """A target that can be imported."""
    return f"{model.__module__}:{model.__name__}"


def written(name, seen, case, convention, *kind):
    """The program of a violation."""
    message = describe_measurement(seen, load_laws()[seen.law].says)
    calls = list_calls(seen, case, convention)
    return write_program(name, seen, message, calls, *kind or ["implementation"], convention)


def shown(law, model, cases):
    """The first violation on these cases, its case, and the program."""
    session = Session(target(model), 0, EVERYTHING)
    for case in cases:
        seen = session.recheck(load_laws()[law], case)
        if seen is not None:
            return seen, case, written(name_of(model), seen, case, session.target.convention)
    raise AssertionError(f"{model.__name__} does not break {law}")


@dataclass
class Run:
    """What a program did.

    The answers that it printed, each by name; the exception it ended with, if any; and the names
    that it left.
    """

    answers: list
    error: BaseException | None
    names: dict

    @property
    def raised(self):
        """The exception in words; empty for none, and for the assertion at the end."""
        if self.error is None or isinstance(self.error, AssertionError):
            return ""
        return f"{type(self.error).__name__}: {self.error}"


def run(source, implementation=None, name=""):
    """Run a program, on another implementation than the one it is about where one is given."""
    lines, names = [], {"implementation": implementation}
    names["print"] = lambda *values: lines.append(values)
    if implementation is not None:
        obtained = "\n".join(obtain(name))
        assert source.count(obtained) == 1
        source = source.replace(obtained, "")
    error = None
    try:
        with np.errstate(all="ignore"):  # NaN handed in on purpose
            exec(compile(source, "reproducer", "exec"), names)
    except SystemExit as ended:
        # A refusal that is right ends the program with status 0.
        error = ended if ended.code else None
    except Exception as raised:
        error = raised
    answers = []
    for said, value, *compared in lines:
        whole = value if isinstance(value, (tuple, list)) else (value,)
        # The last line sets one value beside the exact one, and all others show answers.
        if not compared:
            answers.append(dict(zip(said.split(", "), whole, strict=False)))
    return Run(answers, error, names)


@pytest.fixture(scope="module")
def cases():
    """One made by hand with positions, and some more."""
    return [by_hand(), *drawn(semantic(), 30)]


@pytest.mark.parametrize("law", KINDS)
def test_the_program_prints_the_value_that_was_seen(law, cases):
    """At its place, to the last bit; for a relation, every output it speaks of; or it raises what
    was raised."""
    seen, _, source = shown(law, KINDS[law], cases)
    assert describe_measurement(seen, load_laws()[law].says) in source
    done = run(source)
    assert done.answers or done.raised
    assert not done.raised or done.raised in describe_measurement(seen, load_laws()[law].says)
    if seen.got is not None and seen.comparison == "value":  # which show a difference
        (quantity,) = seen.quantities
        values = [found[quantity] for found in done.answers if quantity in found]
        flat = [np.concatenate(v) if isinstance(v, list) else v for v in values]
        assert any(np.array_equal(float(v[seen.where]), seen.got, equal_nan=True) for v in flat)
        assert np.array_equal(done.names["got"], seen.got, equal_nan=True)
        assert done.names["expected"] == seen.exact[0]
        assert done.names["allowed"] == pytest.approx(seen.allowed, rel=0.005)


@pytest.mark.parametrize("law", KINDS)
def test_the_program_fails_as_long_as_the_defect_is_there(law, cases):
    """By its assertion or as the call failed, and not for the reference; a relation between several
    answers has no assertion."""
    seen, _, source = shown(law, KINDS[law], cases)
    done = run(source)
    if seen.comparison == "value":
        assert done.error is not None
        assert done.raised in describe_measurement(seen, "")
    else:
        assert (seen.law in RELATIONS) == (seen.comparison == "relation")
        assert done.error is None
    right = run(source, OTHERS.get(law, NumpyBatchNorm)(), name_of(KINDS[law]))
    assert right.error is None or (law in REFUSABLE and is_refusal(right))


@pytest.mark.parametrize(
    "law", ["layout", "scale-eps", "shards-output", "fold-bias", "running-variance"]
)
def test_the_program_runs_by_itself(law, cases, tmp_path):
    """In a process of its own, in any folder, without a warning; it ends with status 1 by its
    assertion."""
    seen, _, source = shown(law, KINDS[law], cases)
    (tmp_path / "reproducer.py").write_text(source)
    command = [sys.executable, "-W", "error", tmp_path / "reproducer.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert seen.quantities[0] in done.stdout
    if law in RELATIONS:
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert (done.returncode, done.stderr.count("Traceback")) == (1, 1)
        assert done.stderr.splitlines()[-1].startswith("AssertionError")
        assert f"and should be {seen.exact[0]} +-" in done.stdout


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_arguments_come_back_bit_for_bit(dtype):
    """In every dtype the program hands over what the case holds."""
    # Short decimals, and numbers that need all their digits.
    for third in (1, 3):
        case = by_hand(dtype)
        case = replace(case, x=case.x / case.x.dtype.type(third), beta=case.beta / third)
        case = replace(case, beta=case.beta.astype(case.gamma.dtype))
        assert case.x.dtype == dtype_of(dtype)
        session = Session(target(list_mutants()["R01"].make), 0, EVERYTHING)
        seen = session.recheck(load_laws()["running-variance"], case)
        convention = session.target.convention
        source = written(name_of(list_mutants()["R01"].make), seen, case, convention)
        names = run(source).names
        for name in ("x", "gamma", "beta", "running_mean", "running_var"):
            held = getattr(case, name)
            assert (names[name].dtype, names[name].shape) == (held.dtype, held.shape)
            assert names[name].tobytes() == held.tobytes()
        assert f", eps={case.eps!r}, momentum={case.momentum!r})" in source


def test_numbers_are_decimals_where_these_are_exact():
    """Hexadecimal digits are for those that no short decimal gives back."""
    short, long = np.array([[0.5, -12.25]], np.float32), np.array([0.5, 1 / 3])
    assert write_literal(short) == "np.array([[0.5, -12.25]], 'float32')"
    assert write_literal(long).startswith("array((2,), 'float64', '0x1.0000000000000p-1 0x1.55555")
    assert write_literal(short.astype(dtype_of("bfloat16"))).endswith(", ml_dtypes.bfloat16)")
    assert write_literal(np.zeros((0, 3))) == "np.zeros((0, 3), 'float64')"
    # 0.1 in float32 is another number than 0.1.
    assert "0.1" not in write_literal(np.array([0.1], np.float32)).replace("0x1.", "")


def test_absent_arguments_are_none():
    """gamma and beta that the case does without."""
    seen, _, source = shown(
        "running-variance", KINDS["running-variance"], [by_hand(gamma=None, beta=None)]
    )
    assert "gamma = None\nbeta = None\n" in source
    assert run(source).answers[0][seen.quantities[0]] is not None


def test_a_file_is_loaded_by_its_path(tmp_path):
    """path/to/file.py:Name, from wherever it runs; a class is instantiated, an instance is taken as
    it is."""
    own = (
        "from bnproof.mutants.running import BiasedVarianceTracked\nMade ="
        " BiasedVarianceTracked()\n"
    )
    (tmp_path / "mine.py").write_text(own)
    seen, case, _ = shown("running-variance", KINDS["running-variance"], [by_hand()])
    for name in ("BiasedVarianceTracked", "Made"):
        source = written(f"{tmp_path / 'mine.py'}:{name}", seen, case, resolve_convention("torch"))
        done = run(source)
        assert done.answers[0][seen.quantities[0]][seen.where] == seen.got
        assert isinstance(done.error, AssertionError)


def test_what_cannot_be_imported_is_left_to_the_reader():
    """A place to put it, and everything else."""
    seen, case, _ = shown("running-variance", KINDS["running-variance"], [by_hand()])
    source = written("Local", seen, case, resolve_convention("torch"))
    assert "implementation = ...  # put the Local that was checked here" in source
    put = run(source, KINDS["running-variance"](), "Local")
    assert isinstance(put.error, AssertionError)
    assert put.names["got"] == seen.got


@pytest.mark.parametrize("law", ["shards-output", "layout", "output"])
def test_long_arrays_are_made_not_printed(law):
    """A batch too long to print is drawn anew; the program is a program."""
    random = np.random.default_rng(0)
    x, dy = random.normal(2, 1, size=(2, 9001, 2)).astype(np.float32)
    long = by_hand(x=x, dy=dy, ddx=None, parts=(1, 9000), layer=None)
    variants = [by_hand(**{**vars(long), "x": x + np.float32(n)}) for n in range(8)]
    model = KINDS[law]
    session = Session(target(model), 0, EVERYTHING)
    seen = next(
        found for case in variants if (found := session.recheck(load_laws()[law], case)) is not None
    )
    source = written(name_of(model), seen, long, session.target.convention)
    assert len(source) < 20_000
    done = run(source)
    assert done.answers
    assert not done.raised


def test_a_long_array_is_compared_with_no_value_of_another_one():
    """It is drawn anew, so that the exact values of the check are those of another batch."""
    x = np.random.default_rng(3).normal(2, 1, size=(2, 9001, 2))
    ones, zeros = np.ones(9001), np.zeros(9001)
    long = by_hand("float64", x=x, dy=x, ddx=None, parts=(1, 1), layer=None, gamma=ones, beta=zeros)
    long = replace(long, running_mean=zeros, running_var=ones)
    model = KINDS["output"]
    session = Session(target(model), 0, EVERYTHING)
    seen = session.recheck(load_laws()["output"], long)
    source = written(name_of(model), seen, long, session.target.convention)
    assert run(source).answers
    assert run(source, NumpyBatchNorm(), name_of(model)).error is None


def test_an_infinite_value_is_right_where_the_exact_one_overflows():
    """Beyond 65504 the right float16 is infinite, in the law as in the program."""
    x = np.array([[0.0], [0.25]], np.float16)
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    case = by_hand("float16", x=x, dy=x, ddx=None, parts=(), layer=None, beta=zero, eps=1e-5)
    case = replace(case, gamma=90000 * one, running_mean=zero, running_var=one)
    law, model = load_laws()["output"], list_mutants()["F10"].make
    assert Session(target(NumpyBatchNorm()), 0, EVERYTHING).recheck(law, case) is None
    seen, source = see("output", model(), case)
    assert abs(seen.exact[0]) > 65504
    assert isinstance(run(source, model(), "Local").error, AssertionError)
    right = run(source, NumpyBatchNorm(), "Local")
    assert right.error is None
    assert np.isinf(right.names["got"])


def test_a_bound_of_few_digits_lets_no_error_pass():
    """It is not rounded up, since the law holds the error to all of its digits."""
    arguments = dict.fromkeys(METHODS["train"].parameters) | {"eps": 1.0, "momentum": 0.5}
    for allowed, error in ((1.006e-7, 1.008e-7), (1.004e-7, 1.005e-7), (2e-7, 2.0000001e-7)):
        seen = Measurement("output", ("y",), error / allowed, where=(0,), got=error)
        seen = replace(seen, allowed=allowed, error=error, dtype="float64")
        source = write_program("Local", seen, "", [Call("train", arguments)])
        for value, right in ((error, False), (0.99 * allowed, True)):
            answering = SimpleNamespace(
                train=lambda *given, to=value, **options: (np.array([to]), None, None)
            )
            assert (run(source, answering, "Local").error is None) == right


# -- every quantity, with the channels anywhere ----------------------------------------------------


class Wrapped:
    """The reference with the channels on this axis, and one quantity times 1.75."""

    def __init__(self, quantity, axis):
        self.axis, self.convention = axis, replace(resolve_convention("torch"), channel_axis=axis)
        self.quantity = quantity
        for name in METHODS:
            setattr(self, name, partial(self.answer, METHODS[name]))

    def move(self, value, source, end):
        """An array or a list of arrays with the channels elsewhere."""
        if isinstance(value, list):
            return [self.move(part, source, end) for part in value]
        return np.array(np.moveaxis(value, source, end))

    def answer(self, method, *arguments, **options):
        handed = [
            self.move(value, self.axis, 1)
            if name in ("x", "dy", "ddx", "shards", "dys") and value is not None
            else value
            for name, value in zip(method.parameters, arguments, strict=True)
        ]
        found = getattr(NumpyBatchNorm(), method.name)(*handed, **options)
        values = []
        for quantity, value in zip(
            method.returns, found if len(method.names) > 1 else [found], strict=True
        ):
            if quantity.name == self.quantity:
                value = (
                    [part * part.dtype.type(1.75) for part in value]
                    if isinstance(value, list)
                    else value * value.dtype.type(1.75)
                )
            values.append(self.move(value, 1, self.axis) if quantity.entrywise else value)
        return tuple(values) if len(values) > 1 else values[0]


@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("quantity", FORMULAS)
def test_every_wrong_quantity_is_compared_at_its_place(quantity, axis):
    """Wherever the channels are: the program finds the value that was seen, and is content with the
    right one."""
    law, wrong = FORMULAS[quantity].law, Wrapped(quantity, axis)
    session = Session(target(wrong), 0, EVERYTHING)
    seen = session.recheck(load_laws()[law], by_hand("float64"))
    source = written("Local", seen, by_hand("float64"), session.target.convention)
    done = run(source, wrong, "Local")
    assert isinstance(done.error, AssertionError)
    assert done.names["got"] == seen.got
    assert f"'{quantity}[" in source
    right = run(source, Wrapped("", axis), "Local")
    assert right.error is None
    assert abs(right.names["got"] - seen.exact[0]) <= right.names["allowed"]


# -- every kind of failure -------------------------------------------------------------------------


class Fails(NumpyBatchNorm):
    """One method answers in a form of its own, by the kind of failure it is to be."""

    def __init__(self, kind):
        self.kind, self.calls = kind, 0

    @property
    def infer_vjp(self):
        if self.kind == "unreadable":
            raise OSError("not now")
        return super().infer_vjp

    def infer(self, x, *arguments, **options):
        if self.kind == "raised":
            raise RuntimeError("out of order")
        y = super().infer(x, *arguments, **options)
        self.calls += self.kind == "unrepeatable"
        forms = {"type": y.tolist, "shape": y.ravel, "dtype": lambda: y.astype(np.float16)}
        return forms.get(self.kind, lambda: y + y.dtype.type(self.calls))()

    def train_vjp(self, *arguments, **options):
        answer = super().train_vjp(*arguments, **options)
        if self.kind == "presence":
            return answer[0], None, answer[2]
        return answer[:2] if self.kind == "count" else answer

    def train(self, x, gamma, beta, mean, var, **options):
        if self.kind == "accepted" and x.size == x.shape[1]:
            return x, mean, var
        return super().train(x, gamma, beta, mean, var, **options)

    def train_shards(self, shards, *arguments, **options):
        ys, *statistics = super().train_shards(shards, *arguments, **options)
        if self.kind == "shape of a shard":
            ys = [ys[0], ys[1].ravel()]
        return ys, *statistics


class OneArray(NumpyBatchNorm):
    """The shards come back in one piece."""

    def train_shards(self, *arguments, **options):
        ys, *statistics = super().train_shards(*arguments, **options)
        return np.concatenate(ys), *statistics


class Masked(NumpyBatchNorm):
    """A masked array is an array of NumPy, and hides entries from every comparison."""

    def infer(self, *arguments, **options):
        return np.ma.masked_array(super().infer(*arguments, **options))


class TooLow(OTHERS["one-value"]):
    """A single value sets the running variance to 0 at once."""

    def train(self, x, *arguments, **options):
        y, mean, var = super().train(x, *arguments, **options)
        return (y, mean, 0 * var) if x.size == x.shape[1] else (y, mean, var)


class OnWorkers(OTHERS["one-value"]):
    """The step of one machine, whose output is handed back in parts."""

    def train_shards(self, shards, *arguments, **options):
        y, mean, var = self.train(np.concatenate(shards), *arguments, **options)
        return np.split(y, np.cumsum([len(x) for x in shards])[:-1]), mean, var


class TooHighOnWorkers(OnWorkers):
    """A single value doubles the running variance where it is the one of a worker."""

    def train_shards(self, shards, *arguments, **options):
        ys, mean, var = super().train_shards(shards, *arguments, **options)
        single = sum(x.size for x in shards) == shards[0].shape[1]
        return ys, mean, var * 2 if single else var


class ForgetfulShards(NumpyBatchNorm):
    """Workers with unequal numbers of rows get another answer at every call."""

    calls = 0

    def train_shards(self, *arguments, **options):
        ys, *statistics = super().train_shards(*arguments, **options)
        self.calls += 1
        return [y + y.dtype.type(self.calls) for y in ys], *statistics


FAILING = {
    "raised": ("answers", Fails("raised")),
    "unreadable": ("answers", Fails("unreadable")),
    "count": ("answers", Fails("count")),
    "type": ("answers", Fails("type")),
    "shape": ("answers", Fails("shape")),
    "shape of a shard": ("answers", Fails("shape of a shard")),
    "dtype": ("answers", Fails("dtype")),
    "presence": ("answers", Fails("presence")),
    "unrepeatable": ("repeats", Fails("unrepeatable")),
    "accepted": ("one-value", Fails("accepted")),
    "changed": ("empty-batch", list_mutants()["R23"].make()),
    "range": ("one-value", list_mutants()["R05"].make()),
    "type of shards": ("answers", OneArray()),
    "type that hides": ("answers", Masked()),
    "range below": ("one-value", TooLow()),
    "range on workers": ("one-value", TooHighOnWorkers()),
    "unrepeatable shards": ("repeats", ForgetfulShards()),
}


@pytest.mark.parametrize(("kind", "law", "wrong"), [(k, *v) for k, v in FAILING.items()])
def test_every_kind_of_failure_fails_in_its_program(kind, law, wrong):
    """The call that raised raises, any other one is met by the assertion with the message."""
    session = Session(target(wrong), 0, EVERYTHING)
    seen = session.recheck(load_laws()[law], by_hand("float64"))
    assert seen.failure.kind == kind.partition(" ")[0]
    source = written("Local", seen, by_hand("float64"), session.target.convention)
    done = run(source, wrong, "Local")
    if seen.failure.exception:
        assert type(done.error).__name__ == seen.failure.exception
        assert str(done.error) == seen.failure.got
    else:
        assert isinstance(done.error, AssertionError)
        assert done.error.args == (describe_measurement(seen, load_laws()[law].says),)
    right = run(source, (OnWorkers if "range" in kind else NumpyBatchNorm)(), "Local")
    # A refusal is asked for, or as good as an answer, and ends the program with status 0.
    assert right.error is None


def test_a_statistic_that_has_to_be_absent_is_met_by_its_assertion():
    """Without running statistics ``None`` has to come back, and a value is a failure."""

    class Invents(NumpyBatchNorm):
        def train(self, *arguments, **options):
            y, mean, var = super().train(*arguments, **options)
            return y, mean, np.ones(y.shape[1]) if var is None else var

    session = Session(target(Invents()), 0, EVERYTHING)
    seen = session.recheck(load_laws()["untracked"], by_hand())
    assert (seen.failure.kind, seen.failure.got) == (FailureKind.PRESENCE, "a value")
    source = written("Local", seen, by_hand(), session.target.convention)
    assert "assert answer[2] is None" in source
    assert isinstance(run(source, Invents(), "Local").error, AssertionError)
    assert run(source, NumpyBatchNorm(), "Local").error is None


def see(law, made, case):
    """What a law sees of an implementation, and the program for it."""
    session = Session(target(made), 0, EVERYTHING)
    seen = session.recheck(load_laws()[law], case)
    return seen, written("Local", seen, case, session.target.convention)


@pytest.mark.parametrize(
    ("law", "name"), [("untouched", "F12"), ("untouched", "O14"), ("layout-fold", "O14")]
)
def test_an_argument_that_is_modified_is_met_by_the_assertion(law, name):
    """Its copy is made before the call, in whatever layout it is handed over."""
    seen, source = see(law, list_mutants()[name].make(), by_hand())
    assert seen.failure.kind == FailureKind.MODIFIED
    wrong = run(source, list_mutants()[name].make(), "Local")
    assert isinstance(wrong.error, AssertionError)
    assert wrong.names["before"].tobytes() != wrong.names[seen.failure.subject].tobytes()
    assert run(source, NumpyBatchNorm(), "Local").error is None


def test_numbers_that_are_not_finite_are_written_as_they_are_read():
    """NaN and infinity are no names of a program, and both are handed in by a law."""
    handed = set()
    for first in (0.25, 0.5, 0.75, 1.25):
        x = by_hand("float64").x.copy()
        x[0, 0, 0] = first
        seen, source = see("channels-apart", LeaksNaN(), by_hand("float64", x=x))
        done = run(source, LeaksNaN(), "Local")
        assert isinstance(done.error, AssertionError)
        assert done.names["x"].tobytes() == seen.calls[0].arguments["x"].tobytes()
        assert run(source, NumpyBatchNorm(), "Local").error is None
        handed |= set(np.abs(done.names["x"][~np.isfinite(done.names["x"])]).astype(str))
    assert handed == {"nan", "inf"}


# -- layers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["R11", "R13-layer", "R16", "R21", "I05", "G21"])
def test_a_sequence_is_a_program(name):
    """The calls that lead to the violation, with what they print; where a number is wrong they end
    in an assertion, which holds for a right layer."""
    model = list_mutants()[name].make
    wanted = frozenset(law.id for law in load_laws().values() if law.measure is None)
    found = explore(Walked(model, resolve_convention("torch"), EVERYTHING, wanted))
    obtained = "\n".join(obtain(name_of(model), "make"))
    for law, broken in found.items():
        message = describe_measurement(broken.seen, load_laws()[law].says)
        source = write_walk(name_of(model), law, message, broken.steps, broken.seen)
        assert "layer" in source
        assert message in source
        lines, names = run_walk(source)
        assert lines
        # laws about the state, which has to be seen
        if law in ("fresh-state", "sequence-frozen", "sequence-reload"):
            assert "running_mean" in str(lines[-1])
        assert source.count(obtained) == 1
        _, right = run_walk(source.replace(obtained, ""), make=NumpyLayer)
        if broken.seen.got is None:
            assert names["error"] is right["error"] is None
        else:
            assert isinstance(names["error"], AssertionError)
            assert names["got"] == broken.seen.got
        # What I05 shows of its state is wrong, and later steps are held to what it shows.
        if broken.seen.got is not None and (name != "I05" or law == "sequence-statistics"):
            assert right["error"] is None
            assert abs(right["got"] - broken.seen.exact[0]) <= right["allowed"]


def run_walk(source, **names):
    """What a program about a layer prints, and the names that it leaves."""
    lines, names = [], {"error": None, **names}
    names["print"] = lambda *values: lines.append(values)
    try:
        exec(compile(source, "sequence", "exec"), names)
    except AssertionError as error:
        names["error"] = error
    return lines, names


def test_a_sequence_in_half_precision_runs_by_itself(tmp_path):
    """bfloat16 is made known to NumPy by the program, not by luck."""
    own = (
        "from bnproof.mutants.inference import SumsHandedOut\n\nclass Half(SumsHandedOut):\n   "
        " pass\n"
    )
    (tmp_path / "mine.py").write_text(own)
    law = load_laws()["sequence-statistics"]
    make, supports = list_mutants()["I05"].make, Supports(dtypes=("bfloat16",))
    walked = Walked(make, resolve_convention("torch"), supports, frozenset({law.id}))
    (broken,) = explore(walked).values()
    message = describe_measurement(broken.seen, law.says)
    source = write_walk(f"{tmp_path / 'mine.py'}:Half", broken.law, message, broken.steps)
    (tmp_path / "reproducer.py").write_text(source)
    done = subprocess.run(
        [sys.executable, tmp_path / "reproducer.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "running_mean" in done.stdout


def test_a_violation_that_reads_from_state_asks_through_the_adapter(cases):
    """Laws of single calls on a layer run through the module that sets its state."""
    model = list_mutants()["R09-layer"].make
    session = Session(target(model), 0, EVERYTHING)
    case = next(case for case in cases if session.recheck(load_laws()["running-mean"], case))
    seen = session.recheck(load_laws()["running-mean"], case)
    source = written(name_of(model), seen, case, session.target.convention, "layer")
    done = run(source)
    assert float(done.answers[0]["running_mean"][seen.where]) == seen.got
    assert isinstance(done.error, AssertionError)
