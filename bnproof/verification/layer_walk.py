"""A layer driven through training, inference, backward, reloading and resetting, against the
recurrences of chapter 5.

Every step is judged by what the layer's own state was just before it, so errors do not add up and
each call answers for itself.  The exact values come from the same oracle as those of single calls;
what is new here is the state between the calls.

Along the way the walk writes down a program, line by line, that repeats what was done.  It is what
a violation shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bnproof.contract import QUANTITIES, Array, Case, Failure, FailureKind
from bnproof.formats import dtype_of, parameter_dtype
from bnproof.implementations.through_state import FIELDS
from bnproof.laws.answers import check_count, check_form
from bnproof.laws.cases import EPS, MOMENTA
from bnproof.laws.oracle import Oracle
from bnproof.verification.reproducer import write_literal
from bnproof.verification.walk_judge import Walked, WalkEnded, WalkJudge, shorten

# Printed after every call, so that a reader of the program sees where the state goes wrong.
STATE = "print('state', layer.state)"
OPERATIONS = ("train", "infer", "backward", "assign", "reload", "refuse")
Step = tuple[str, int]  # an operation, and the number its arguments are drawn from


@dataclass(frozen=True)
class Start:
    """What a walk starts from.

    Attributes
    ----------
    drawn
        The number that the layer's options are drawn from.
    assigned
        Whether the layer gets another state first.  Else it keeps the state it was made with, and
        is fed the dtype of that state.
    tracked
        Whether it has running statistics, where it may be made with and without.
    """

    drawn: int
    assigned: bool
    tracked: bool


@dataclass(frozen=True)
class Latest:
    """The latest forward, which a backward refers to.

    Attributes
    ----------
    case
        The batch, with the state as it was before the forward.
    training
        Whether it was a training step.
    """

    case: Case
    training: bool


class LayerWalk:
    """One layer on one walk.

    ``begin`` makes the layer, then ``perform`` does one operation after the other.  Either raises
    :class:`~bnproof.verification.walk_judge.LawBroken` at the first law that is broken, and
    :class:`~bnproof.verification.walk_judge.WalkEnded` where the walk cannot go on.

    Attributes
    ----------
    walked
        What is driven, by which convention, and which laws are judged.
    steps
        The program so far, a statement each.
    judge
        Holds answers against the laws.
    latest
        The latest forward; ``None`` before the first one and after a refused one.
    """

    def __init__(self, walked: Walked) -> None:
        self.walked = walked
        self.steps: list[str] = []
        self.judge = WalkJudge(walked, self.steps)
        self.latest: Latest | None = None

    # -- a layer, and its state --------------------------------------------------------------------

    def begin(self, start: Start) -> None:
        """Make a layer and look at what it starts from.

        dtype, shape, eps, momentum and whether there are parameters are drawn from ``start.drawn``,
        within what ``supports`` allows.
        """
        supports, random = self.walked.supports, np.random.default_rng(start.drawn)
        self.dtype = dtype_of(str(random.choice(supports.full)))
        # Few channels and positions: a walk makes many calls, and its program is printed.
        channels = supports.channels or int(random.integers(1, 4))
        spatial = (2,) * (int(random.choice(supports.ranks)) - 2)
        self.shape = (int(random.integers(2, 5)), channels, *spatial)
        self.eps = float(random.choice(EPS)) if supports.eps is None else supports.eps
        self.alpha = (
            float(random.choice(MOMENTA)) if supports.momentum is None else supports.momentum
        )
        # Mostly with parameters, for without them there is less to judge.
        self.affine = bool(random.random() < 0.8) if supports.affine is None else supports.affine
        tracked = supports.track_running_stats
        self.tracked = start.tracked if tracked is None else tracked
        self.reset()
        self.judge_fresh()
        self.judge_defaults()
        own = {a.dtype for a in self.read().values() if a is not None} or {self.dtype}
        # A state of several dtypes, or of one that may not be asked, says nothing about which dtype
        # to feed the layer. An assigned state settles it.
        if start.assigned or len(own) > 1 or own.isdisjoint(map(dtype_of, supports.full)):
            self.assign(start.drawn)
        else:
            (self.dtype,) = own

    def perform(self, operation: str, drawn: int) -> None:
        """Perform one operation, where it is possible here.

        Inference needs running statistics, and a backward needs a forward.  Otherwise the operation
        is passed over, so that any list of operations is a walk.
        """
        # Without running statistics layers differ in what inference means.
        possible = (operation != "infer" or self.tracked) and (
            operation != "backward" or self.latest is not None
        )
        if possible:
            getattr(self, operation)(drawn)

    def reset(self) -> None:
        """Make a new layer with the same options."""
        # A layer takes momentum in its own convention.
        own = self.alpha if self.walked.convention.momentum == "new" else 1 - self.alpha
        options = {
            "eps": self.eps,
            "momentum": own,
            "affine": self.affine,
            "track_running_stats": self.tracked,
        }
        self.layer = self.judge.call("fresh-state", self.walked.make, self.shape[1], **options)
        shown = ", ".join(f"{name}={value!r}" for name, value in options.items())
        self.steps += [f"layer = make({self.shape[1]}, {shown})", STATE]
        self.latest = None

    def judge_fresh(self) -> None:
        """Judge what a new layer starts from: gamma = 1, beta = 0, running mean 0 and running
        variance 1."""
        if not getattr(self.walked.make, "fresh", True):
            # An adapter may copy a layer that is in use already, whose state is what it is.
            return
        state = self.read()
        for name, expected in zip(FIELDS, (1, 0, 0, 1), strict=True):
            value = state[name]
            given = value is not None
            right = given == self.has(name) and (not given or bool(np.all(value == expected)))
            failure = (
                None if right else Failure(FailureKind.START, "make", name, got=shorten(value))
            )
            self.judge.expect("fresh-state", failure)

    def judge_defaults(self) -> None:
        """Judge that parameters and running statistics are there unless they are declined."""
        supports = self.walked.supports
        if supports.affine is supports.track_running_stats is None:
            options = {"eps": self.eps, "momentum": self.alpha}
            layer = self.judge.call("fresh-state", self.walked.make, self.shape[1], **options)
            missing = [name for name in FIELDS if layer.state[name] is None]
            failure = (
                Failure(FailureKind.START, "make", missing[0], got="None by default")
                if missing
                else None
            )
            self.judge.expect("fresh-state", failure)

    def read(self) -> dict[str, Any]:
        """Read copies of the state's arrays; what is absent is ``None``."""
        state = self.layer.state
        return {name: None if state[name] is None else np.array(state[name]) for name in FIELDS}

    def assign(self, drawn: int) -> None:
        """Assign a state in which every parameter and statistic matters.

        gamma is between 0.5 and 2.75 in magnitude and of either sign, beta is not 0, the running
        mean is at least two ``unit`` away from 0, and the running variance is between a quarter and
        five times ``unit^2``.  A layer that ignores one of them gives another answer.
        """
        # The second number keeps this apart from what else is drawn from the same ``drawn``.
        random, like = np.random.default_rng([drawn, 1]), self.state_dtype
        # As for a batch: statistics of the order of sqrt(eps) and eps.
        unit = 2.0 ** np.round(np.log2(max(self.eps, 2.0**-20)) / 2)
        channels = self.shape[1]
        drawn_state = {
            "gamma": (
                random.integers(2, 12, size=channels) * random.choice([-0.25, 0.25], size=channels)
            ),
            "beta": random.integers(-12, 12, size=channels) * 0.25 + 0.125,
            "running_mean": random.integers(8, 24, size=channels) * 0.25 * unit,
            "running_var": random.integers(2, 40, size=channels) * 0.125 * unit**2,
        }
        self.load(
            {
                name: value.astype(like) if self.has(name) else None
                for name, value in drawn_state.items()
            }
        )

    def has(self, name: str) -> bool:
        """Whether the layer has this parameter or statistic."""
        return self.affine if name in ("gamma", "beta") else self.tracked

    @property
    def state_dtype(self) -> Any:
        """The dtype of parameters and statistics: float32 for half-precision input, else that of
        the input."""
        return parameter_dtype(self.dtype)

    def load(self, state: dict[str, Any]) -> None:
        """Assign a state and judge that it comes back as it was assigned."""
        self.steps += [f"layer.state = {write_literal(state)}", STATE]
        # The layer gets copies: it may keep them and write into them.
        self.layer.state = {
            name: None if value is None else value.copy() for name, value in state.items()
        }
        self.judge.expect_unchanged(
            "sequence-reload", "state", state, self.read(), FailureKind.LOST
        )

    def reload(self, drawn: int) -> None:
        """Load the state into a new layer, which takes the old one's place."""
        state = self.read()
        self.reset()
        self.load(state)

    # -- calls -------------------------------------------------------------------------------------

    def train(self, drawn: int) -> None:
        """Take a training step: the output follows the batch, the statistics the recurrence.

        The running statistics have to be ``(1 - alpha) old + alpha new``, and gamma and beta have
        to stay as they are.
        """
        case = self.draw_case(drawn)
        y = self.forward(case, training=True)
        oracle = self.build_oracle(case)
        self.judge.compare("sequence-output", "y", y, oracle)
        after = self.read()
        parameters = {name: getattr(case, name) for name in ("gamma", "beta")}
        self.judge.expect_unchanged("sequence-frozen", "training", parameters, after)
        for name in ("running_mean", "running_var") if self.tracked else ():
            self.judge.compare("sequence-statistics", name, after[name], oracle)
        self.judge_kept()

    def judge_kept(self) -> None:
        """Judge how a module keeps its statistics, where its adapter can tell."""
        if self.tracked and hasattr(self.layer, "find_slip"):
            self.judge.expect("sequence-saved", self.layer.find_slip())

    def infer(self, drawn: int) -> None:
        """Ask for inference: the output follows the running statistics, and nothing moves."""
        case = self.draw_case(drawn)
        y = self.forward(case, training=False)
        self.judge.compare("sequence-output", "infer_y", y, self.build_oracle(case))
        before = {name: getattr(case, name) for name in FIELDS}
        self.judge.expect_unchanged("sequence-frozen", "inference", before, self.read())

    def build_oracle(self, case: Case) -> Oracle:
        """Build the exact values and bounds of a case, with the running variance of the
        convention."""
        return Oracle(case, self.walked.convention.running_var)

    def draw_case(self, drawn: int) -> Case:
        """Draw a batch and its upstream gradient, and take the layer's state as it is now.

        Raises
        ------
        WalkEnded
            Where the state is no state: an array is absent, has another shape or is not finite, or
            a running variance is negative.  There is nothing to judge by then.
        """
        random = np.random.default_rng([drawn, 2])
        # Values of the order of sqrt(eps) give a variance of the order of eps, so an eps in the
        # wrong place shows. A power of two, because multiplying by it is exact, in any precision.
        unit = 2.0 ** np.round(np.log2(max(self.eps, 2.0**-20)) / 2)
        # Batches have different sizes, as the last one of an epoch has.
        shape = (int(random.integers(2, 6)), *self.shape[1:])
        x = (random.integers(-12, 12, size=shape) * 0.125 * unit).astype(self.dtype)
        # Entries drawn so far differ by less than 3 units. One entry of every channel is moved by
        # more than that, so no channel is constant, and every channel has some spread beside eps.
        # The reshape is a view, because x has just been made.
        x.reshape(*shape[:2], -1)[0, :, 0] += self.dtype.type(3.125 * unit)
        state, channels = self.read(), self.shape[1]
        tracked = (np.zeros(channels, self.state_dtype), np.ones(channels, self.state_dtype))
        mean, var = (state["running_mean"], state["running_var"]) if self.tracked else tracked
        dy = (random.integers(-8, 8, size=shape) * 0.25).astype(self.dtype)
        for name in filter(self.has, FIELDS):
            value = state[name]
            if value is None or value.shape != (channels,) or not np.all(np.isfinite(value)):
                raise WalkEnded  # nothing to judge by
        if np.any(var < 0):
            raise WalkEnded
        return Case(x, dy, state["gamma"], state["beta"], mean, var, self.eps, self.alpha)

    def forward(self, case: Case, *, training: bool) -> Array:
        """Call the layer's ``forward``, and remember it for a backward.

        Parameters
        ----------
        case
            The batch, channels on axis 1.
        training
            Whether it is a training step.

        Returns
        -------
        Array
            A copy of the output, channels on axis 1.
        """
        x = self.place_channels(case.x)
        self.steps += [
            f"y = layer.forward({write_literal(x)}, training={training})",
            "print('y', y)",
            STATE,
        ]
        y = self.judge.call("sequence-output", self.layer.forward, x.copy(), training=training)
        # Kept before the answer is looked at: also after a wrong output the next backward refers to
        # it.
        self.latest = Latest(case, training)
        if not self.judge.expect("sequence-output", check_form("forward", "y", y, x)):
            raise WalkEnded
        return np.array(np.moveaxis(y, self.walked.convention.channel_axis, 1))

    def place_channels(self, x: Array) -> Array:
        """Put the channels where the convention has them, axis 1 or the last one."""
        return np.ascontiguousarray(np.moveaxis(x, 1, self.walked.convention.channel_axis))

    def backward(self, drawn: int) -> None:
        """Ask for the gradients of the latest forward twice, and judge that the state stays.

        The case of that forward holds the parameters as they were then, so a layer that reads its
        parameters only now gives other gradients.
        """
        assert self.latest is not None
        random = np.random.default_rng([drawn, 3])
        dy = (random.integers(-8, 8, size=self.latest.case.x.shape) * 0.25).astype(self.dtype)
        before, case = self.read(), replace(self.latest.case, dy=dy)
        self.steps += [
            f"gradients = layer.backward({write_literal(self.place_channels(dy))})",
            "print('dx, dgamma, dbeta', gradients)",
            STATE,
        ]
        first, second = (
            self.judge.call(
                "sequence-backward", self.layer.backward, self.place_channels(dy).copy()
            )
            for _ in range(2)
        )
        for answer in (first, second):
            if not self.judge.expect("sequence-backward", check_count("backward", answer, 3)):
                return
        prefix, oracle = "" if self.latest.training else "infer_", self.build_oracle(case)
        for name, value, again in zip(("dx", "dgamma", "dbeta"), first, second, strict=True):
            self.judge_gradient(prefix + name, value, again, oracle)
        self.judge.expect_unchanged("sequence-frozen", "backward", before, self.read())

    def judge_gradient(self, quantity: str, value: Any, again: Any, oracle: Oracle) -> None:
        """Judge one gradient: its form, that it comes again when asked again, and its value.

        Parameters
        ----------
        quantity
            ``dx``, ``dgamma`` or ``dbeta``, with ``infer_`` in front after an inference.
        value, again
            What the first and the second call returned.
        oracle
            The exact values of the forward that the gradient belongs to.
        """
        entrywise = QUANTITIES[quantity].entrywise
        if entrywise:
            expected: Any = self.place_channels(oracle.case.x)
        else:
            expected = oracle.case.gamma if self.affine else None
        for answer in (value, again):
            failure = check_form("backward", quantity, answer, expected)
            if not self.judge.expect("sequence-backward", failure):
                return
        if expected is None:
            return
        if not np.array_equal(value, again, equal_nan=True):
            failure = Failure(FailureKind.UNREPEATABLE, "backward", quantity)
            self.judge.expect("sequence-backward", failure)
        if entrywise:
            value = np.moveaxis(value, self.walked.convention.channel_axis, 1)
        self.judge.compare("sequence-backward", quantity, value, oracle)

    def refuse(self, drawn: int) -> None:
        """Hand in one value per channel, or another number of channels than the layer has.

        Whether the layer refuses is its own affair.  If it raises, its state has to stay as it was.
        """
        # The parity of the number decides which of the two is handed in.
        single = bool(drawn % 2)
        before, self.latest = self.read(), None
        ones, more = (1,) * len(self.shape[2:]), 0 if single else 1
        x = self.place_channels(
            np.ones((1 if single else 2, self.shape[1] + more, *ones), self.dtype)
        )
        try:
            self.layer.forward(x, training=True)
        except Exception:  # of any kind: how it refuses is its own affair
            self.steps.append(
                f"try: layer.forward(np.ones({x.shape}, {x.dtype.name!r}), training=True)\nexcept"
                " Exception: pass"
            )
            self.judge.expect_unchanged(
                "sequence-refused", "a forward that raised", before, self.read()
            )
        else:
            self.steps.append(f"layer.forward(np.ones({x.shape}, {x.dtype.name!r}), training=True)")
            if single:
                self.judge_kept()
            # It was accepted, and training has moved the statistics. The walk goes on from where it
            # was.
            self.steps.pop()
            self.layer.state = before
