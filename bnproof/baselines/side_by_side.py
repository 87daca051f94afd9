"""The same batch through an implementation and through PyTorch: what both allclose baselines have
in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from bnproof.baselines.baseline import Check, require_method
from bnproof.baselines.closeness import assert_close
from bnproof.baselines.declared import Declared
from bnproof.contract import METHODS, Array, Case
from bnproof.implementations.signatures import Arguments

# An image batch and a batch of rows, as a unit test has them: 128 and 32 values per channel.
USUAL = ((8, 16, 4, 4), (32, 16))
OTHERS = ((8, 16, 8), (4, 16, 2, 3, 3))  # for what takes neither images nor rows
EPS, MOMENTUM = 1e-5, 0.1  # the defaults of torch.nn.BatchNorm2d
Answer = Mapping[str, Array]
State = tuple[Array, Array, Array, Array]  # gamma, beta, running mean, running variance


def draw_batches(
    declared: Declared, seed: int, state: Callable[[np.random.Generator, int], State]
) -> Iterator[Case]:
    """Standard normal x and dy for each supported shape, float32 where that is supported.

    Parameters
    ----------
    declared
        What the implementation declares.
    seed
        The seed of everything that is drawn.
    state
        ``state(random, C)`` returns the layer's gamma, beta, running mean and running variance.

    Yields
    ------
    Case
        In PyTorch's layout, with the weight of the new value for momentum.
    """
    random = np.random.default_rng(seed)
    dtype = declared.choose_dtype("float32", "float64", "float16")
    for shape in declared.choose_shapes(USUAL, OTHERS) if dtype else ():
        x, dy = random.standard_normal((2, *shape)).astype(dtype)
        # parameters of half precision are kept in single
        kept = np.float32 if dtype == "float16" else x.dtype
        gamma, beta, mean, var = (values.astype(kept) for values in state(random, shape[1]))
        yield Case(
            x,
            dy,
            gamma,
            beta,
            mean,
            var,
            eps=declared.choose_eps(EPS),
            momentum=declared.choose_momentum(MOMENTUM),
        )


@dataclass(frozen=True)
class Side:
    """Calls of an implementation on one batch, the answers by name.

    The arrays are handed over as they are, without copies in between: what one call does to them,
    the next one sees.

    Attributes
    ----------
    implementation
        Whose methods are called.
    case
        The batch, in the implementation's layout.
    momentum
        In the implementation's convention.
    """

    implementation: Any
    case: Case
    momentum: float

    def call(self, name: str) -> dict[str, Any]:
        """What a method returns on the batch, under names that training and inference share."""
        method = METHODS[name]
        arguments = Arguments(method, vars(self.case) | {"momentum": self.momentum})
        answer = arguments.call(require_method(self.implementation, name))
        names = [quantity.removeprefix("infer_") for quantity in method.names]
        return dict(zip(names, answer if len(names) > 1 else (answer,), strict=True))


def prepare_side(implementation: Any, declared: Declared, case: Case) -> Side:
    """The implementation with the batch in its own layout and the momentum in its own
    convention."""
    own = replace(case, x=declared.convert_layout(case.x), dy=declared.convert_layout(case.dy))
    return Side(implementation, own, declared.convert_momentum(case.momentum))


def call_reference(reference: Any, declared: Declared, case: Case, call: str) -> Answer | None:
    """What the reference answers, in the implementation's convention.

    Parameters
    ----------
    reference
        PyTorch behind the contract.
    declared
        What the implementation declares.
    case
        The batch in PyTorch's layout.
    call
        The name of a method of the contract.

    Returns
    -------
    The answers by name, or ``None`` where the reference does not offer the case.
    """
    # The reference gets the eps that the implementation will compute with, and momentum in its own
    # convention, which is that of the case.
    side = Side(reference, replace(case, eps=declared.convert_eps(case.eps)), case.momentum)
    try:
        answer = side.call(call)
    except NotImplementedError:
        return None
    # Only these two have the shape of x; everything else has one value per channel.
    for name in answer.keys() & {"y", "dx"}:
        answer[name] = declared.convert_layout(answer[name])
    if "running_var" in answer:
        answer["running_var"] = declared.convert_running_var(
            answer["running_var"], case.running_var, case.momentum, case.m
        )
    return answer


def assert_agrees(call: Callable[[], Mapping[str, Any]], answer: Answer) -> None:
    """Assert that every value of a call is close to the reference's.

    Parameters
    ----------
    call
        Returns the values by name.
    answer
        What they have to be.  A value that is not in it is not looked at.

    Raises
    ------
    Differs
        By the defaults of ``torch.testing.assert_close``.
    """
    got = call()
    for name, value in answer.items():
        assert_close(name, got[name], value)


def list_checks(
    implementation: Any,
    reference: Any,
    seed: int,
    state: Callable[[np.random.Generator, int], State],
    *,
    calls: Sequence[str],
    values: Collection[str],
) -> Iterator[Check]:
    """One check for each shape and call that the reference offers.

    Parameters
    ----------
    implementation, reference
        What is compared with what.
    seed, state
        As in :func:`draw_batches`.
    calls
        The methods that are called.
    values
        The names of what is looked at in their answers.
    """
    declared = Declared.from_implementation(implementation)
    for case in draw_batches(declared, seed, state):
        # All answers first: an implementation that writes into its arguments must not spoil the
        # expected values of the calls after it.
        answers = {call: call_reference(reference, declared, case, call) for call in calls}
        side = prepare_side(implementation, declared, case)
        for call, answer in answers.items():
            if answer is not None:
                expected = {name: answer[name] for name in answer if name in values}
                check = partial(assert_agrees, partial(side.call, call), expected)
                yield f"{call} on {case.x.shape}", check
