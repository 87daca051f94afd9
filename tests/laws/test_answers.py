"""The methods as a table: what each is handed under a convention, and what its answers have to look
like."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.contract import METHODS, QUANTITIES, Convention, FailureKind, Weights
from bnproof.formats import is_half
from bnproof.implementations.conventions import NAMED
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Answers, Failed, Monitor, NotOffered, Target
from bnproof.laws.arguments import build_arguments, build_prototype, is_available, split
from tests.laws.draws import by_hand, cases, target

TORCH = NAMED["torch"]
LAST = Convention("last", channel_axis=-1)
OLD = Convention("old", momentum="old")


@pytest.mark.parametrize("method", METHODS)
def test_the_table_is_the_signature_of_the_contract(method):
    """Positional and keyword parameters as the reference has them."""
    kinds = inspect.signature(getattr(NumpyBatchNorm(), method)).parameters.values()
    assert (
        tuple(p.name for p in kinds if p.kind is not p.KEYWORD_ONLY) == METHODS[method].parameters
    )
    assert tuple(p.name for p in kinds if p.kind is p.KEYWORD_ONLY) == METHODS[method].keywords


def test_every_answer_has_one_method():
    """Names of answers are unique, and those with an entry per value are known."""
    assert len(QUANTITIES) == sum(len(method.names) for method in METHODS.values())
    entries = {"y", "dx", "infer_y", "infer_dx", "d_dy", "d_x", "shards_y", "shards_dx"}
    assert {name for name in QUANTITIES if QUANTITIES[name].entrywise} == entries


@given(case=cases())
def test_shards_are_the_batch_in_parts(case):
    """As many rows as ``parts`` says, in order, and together the whole."""
    parts = split(case.x, case.parts)
    assert tuple(len(part) for part in parts) == case.parts
    assert np.array_equal(np.concatenate(parts), case.x)


@given(sizes=st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_an_idle_worker_holds_an_empty_shard(sizes):
    """Its channels and positions are there, its rows are not."""
    x = np.arange(6.0 * sum(sizes)).reshape(sum(sizes), 2, 3)
    parts = split(x, tuple(sizes))
    assert [part.shape for part in parts] == [(size, 2, 3) for size in sizes]
    assert np.array_equal(np.concatenate(parts), x)


@given(case=cases())
def test_momentum_is_handed_over_in_the_convention(case):
    """The weight of the new value, or of the old one."""
    assert build_arguments("train", case, TORCH)["momentum"] == case.momentum
    assert build_arguments("train", case, OLD)["momentum"] == 1 - case.momentum


@pytest.mark.parametrize("convention", [TORCH, LAST])
@pytest.mark.parametrize("method", METHODS)
def test_arguments_are_fresh_arrays_with_the_channels_in_their_place(method, convention):
    """Contiguous copies; channels on axis 1 or on the last; parameters and weights as they are."""
    case = by_hand()
    handed = build_arguments(method, case, convention)
    assert list(handed) == [*METHODS[method].parameters, *METHODS[method].keywords]
    own = {"x": case.x, "dy": case.dy, "ddx": case.ddx, "shards": case.x, "dys": case.dy}
    for name, value in handed.items():
        if name in own:
            whole = np.concatenate(value) if isinstance(value, list) else value
            channels = whole if convention is TORCH else np.moveaxis(whole, -1, 1)
            assert np.array_equal(channels, own[name])
        for array in value if isinstance(value, list) else [value]:
            if isinstance(array, np.ndarray):
                assert array.flags.c_contiguous
                assert array.flags.writeable
                assert not any(np.shares_memory(array, held) for held in held_by(case))


def held_by(case):
    """Every array of a case."""
    values = [*vars(case).values(), *vars(case.layer).values()]
    return [value for value in values if isinstance(value, np.ndarray)]


def test_a_case_asks_only_what_it_has_arguments_for():
    """No fold without a layer, no double backward without its upstream gradient, no workers without
    parts."""
    bare = by_hand(ddx=None, parts=(), layer=None)
    assert [method for method in METHODS if is_available(method, bare)] == [
        "train",
        "infer",
        "train_vjp",
        "infer_vjp",
    ]
    assert all(is_available(method, by_hand()) for method in METHODS)


def test_absent_arguments_stay_absent():
    """``None`` is handed over for what the case does without, and expected back."""
    case = by_hand(gamma=None)
    case = replace(case, layer=Weights(case.layer.weight, None, "linear"))
    assert build_arguments("train", case, TORCH)["gamma"] is None
    assert build_arguments("fold", case, TORCH)["bias"] is None
    assert build_prototype("dgamma", case, TORCH) is None
    assert build_prototype("dbeta", case, TORCH).shape == (2,)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("convention", [TORCH, LAST])
def test_answers_have_the_shape_and_dtype_of_their_arguments(dtype, convention):
    """y and dx like x, statistics and gradients float32 in half precision, a folded bias like the
    weight."""
    case = by_hand(dtype)
    kept = "float32" if is_half(case.dtype) else dtype
    shape = case.x.shape if convention is TORCH else np.moveaxis(case.x, 1, -1).shape
    for name in ("y", "dx", "infer_y", "infer_dx", "d_dy", "d_x"):
        assert (
            build_prototype(name, case, convention).shape,
            build_prototype(name, case, convention).dtype.name,
        ) == (
            shape,
            dtype,
        )
    for name in (
        "running_mean",
        "running_var",
        "dgamma",
        "dbeta",
        "folded_bias",
        "shards_running_var",
    ):
        assert (
            build_prototype(name, case, convention).shape,
            build_prototype(name, case, convention).dtype.name,
        ) == (
            (2,),
            kept,
        )
    assert [part.shape for part in build_prototype("shards_y", case, convention)] == [
        (n, *shape[1:]) for n in case.parts
    ]


MALFORMED = {
    "return 3 values, not 2": lambda y, mean, var: (y, mean),
    "y has shape": lambda y, mean, var: (y[:1], mean, var),
    "y has dtype": lambda y, mean, var: (y.astype("float64"), mean, var),
    "not a NumPy array": lambda y, mean, var: (y.tolist(), mean, var),
    "running_mean is None": lambda y, mean, var: (y, None, var),
    "running_var has shape": lambda y, mean, var: (y, mean, var[:1]),
    "running_mean has shape": lambda y, mean, var: (y, mean.reshape(2, 1, 1)[:, :0], var),
}


@pytest.mark.parametrize(("problem", "spoil"), MALFORMED.items(), ids=MALFORMED)
def test_an_answer_of_another_form_is_named(problem, spoil):
    """One line that says what came back and what was expected."""

    class Spoils(NumpyBatchNorm):
        def train(self, *arguments, **options):
            return spoil(*super().train(*arguments, **options))

    answer = Answers(target(Spoils()), by_hand()).answer("train")
    assert isinstance(answer, Failed)
    assert problem in str(answer)
    assert "\n" not in str(answer)


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (1, 2, 1, 1)])
def test_values_per_channel_with_further_axes_are_read_and_noted(shape):
    """Their numbers are judged as any others, and their shape is a failure of its own."""

    class Spoils(NumpyBatchNorm):
        def train(self, *arguments, **options):
            y, mean, var = super().train(*arguments, **options)
            return y, mean, var.reshape(shape)

    answers, right = (Answers(target(made), by_hand()) for made in (Spoils(), NumpyBatchNorm()))
    assert np.array_equal(
        answers.answer("train")["running_var"], right.answer("train")["running_var"]
    )
    (noted,) = answers.noted
    assert (noted.kind, noted.subject) == (FailureKind.SHAPE, "running_var")
    assert (noted.got, noted.expected) == (str(shape), "(2,)")
    assert right.noted == []


class Raises(NumpyBatchNorm):
    def __init__(self, error):
        self.error = error

    def infer(self, *arguments, **options):
        raise self.error


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "error", [ValueError("no\nmore"), SystemExit(3), Unspeakable(), MemoryError(), AssertionError()]
)
def test_what_is_raised_comes_back_as_failed(error):
    """With its type, and the first line of its text where it has one."""
    answer = Answers(target(Raises(error)), by_hand()).answer("infer")
    assert isinstance(answer, Failed)
    assert f"infer raised {type(error).__name__}" in str(answer)
    assert answer.__cause__ is error
    assert "more" not in str(answer)


def refuse(x):
    """Plainly."""
    raise ValueError("only on Sundays")


def refuse_in_a_context(x):
    """The context passes it on."""
    with np.errstate(all="ignore"):
        raise TypeError("only on Sundays")


def refuse_by_assertion(x):
    """As older code does."""
    assert len(x) < 0, "only on Sundays"


def refuse_after_an_attempt(x):
    """In words of its own."""
    try:
        x.reshape(1)
    except ValueError as error:
        raise ValueError("only on Sundays") from error


def raise_without_a_word(x):
    """Nobody learns why."""
    raise ValueError


def raise_of_another_kind(x):
    """A type that stands for an accident."""
    raise KeyError("only on Sundays")


def fail_in_an_operation(x):
    """NumPy raises, and no statement of this function."""
    x.reshape(1)


def fail_in_a_context(x):
    """The context passes it on."""
    with np.errstate(all="ignore"):
        x.reshape(1)


def fail_and_clean_up(x):
    """Something is done on the way out."""
    try:
        x.reshape(1)
    finally:
        x.sum()


def fail_and_pass_it_on(x):
    """It is caught, and raised as it was."""
    try:
        x.reshape(1)
    except ValueError:
        raise


REFUSING = (refuse, refuse_in_a_context, refuse_by_assertion, refuse_after_an_attempt)
CRASHING = (
    raise_without_a_word,
    raise_of_another_kind,
    fail_in_an_operation,
    fail_in_a_context,
    fail_and_clean_up,
    fail_and_pass_it_on,
)


@pytest.mark.parametrize("fail", [*REFUSING, *CRASHING])
def test_a_refusal_is_raised_on_purpose_and_says_why(fail):
    """A ``raise`` with a message by which Python code refuses an input; an operation that fails is
    a crash, whatever its type is and wherever it is caught on the way."""

    class Fails(NumpyBatchNorm):
        def infer(self, x, *arguments, **options):
            return fail(x)

    failure = Answers(target(Fails()), by_hand()).answer("infer").failure
    assert failure.refusal == (fail in REFUSING)
    # A model that refuses and a target that crashes fail alike.
    assert failure == replace(failure, refusal=not failure.refusal)


def test_a_method_that_is_left_out_is_not_called():
    """It counts as not offered, and all others are asked."""
    called = []
    monitor = Monitor(watch=lambda method, number: called.append(method))
    of = Target(NumpyBatchNorm(), TORCH, monitor, methods=frozenset({"train", "fold"}))
    answers = {method: Answers(of, by_hand()).answer(method) for method in METHODS}
    offered = {method for method, one in answers.items() if not isinstance(one, Exception)}
    assert offered == {"train", "fold"} == set(called) - {""}
    assert all(isinstance(answers[method], NotOffered) for method in METHODS.keys() - offered)


def test_not_implemented_is_not_offered():
    """Neither is a method that is missing."""
    answers = Answers(target(Raises(NotImplementedError("float64 only"))), by_hand())
    assert isinstance(answers.answer("infer"), NotOffered)
    assert str(answers.answer("infer")) == "float64 only"
    assert isinstance(Answers(target(OnlyTrains()), by_hand()).answer("infer"), NotOffered)


class OnlyTrains:
    def train(self, *arguments, **options):
        return NumpyBatchNorm().train(*arguments, **options)


def test_calls_are_watched_and_asked_once():
    """Each is announced by method and number before it is made, and its end; the answer is kept."""
    told = []
    monitor = Monitor(watch=lambda *call: told.append(call))
    answers = Answers(Target(NumpyBatchNorm(), TORCH, monitor), by_hand())
    first = answers.answer("train")
    assert answers.answer("train") is first
    answers.ask("train")
    assert told == [("train", 1), ("", 0), ("train", 2), ("", 0)]
