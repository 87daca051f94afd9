"""A layer driven through training, inference, backward, reloading and resetting, against the recurrences of chapter 5.

Every step is judged by what the layer's own state was just before it, so errors do not add up and each call answers for itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bnproof.contract import Array, Case
from bnproof.formats import dtype_of, parameter_dtype
from bnproof.implementations.layers import FIELDS
from bnproof.laws.answers import malformed
from bnproof.laws.behaviour import outcome
from bnproof.laws.cases import EPS, MOMENTA
from bnproof.laws.oracle import Oracle
from bnproof.verification.judge import Judge, LawBroken, Subject, altered, short
from bnproof.verification.reproducer import literal

STATE = "print('state', layer.state)"
DRAWN = st.integers(0, 2**20)


@dataclass(frozen=True)
class Latest:
    """The latest forward: the case it was, and whether it trained."""

    case: Case
    training: bool


class LayerMachine(RuleBasedStateMachine):
    """One layer under random calls; ``subject`` is set on a subclass."""

    subject: Subject

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []
        self.judge = Judge(self.subject, self.steps)
        self.latest: Latest | None = None

    # -- a layer, and its state --------------------------------------------------------------------------------------

    @initialize(drawn=DRAWN, assigned=st.booleans(), tracked=st.integers(0, 9).map(bool))
    def fresh(self, drawn: int, assigned: bool, tracked: bool) -> None:  # noqa: FBT001
        """Make a layer and look at what it starts from.

        ``assigned``: it gets another state first, else it is fed its own dtype; ``tracked``: with running statistics, where both is
        possible.
        """
        asked, random = self.subject.asked, np.random.default_rng(drawn)
        self.dtype = dtype_of(str(random.choice(asked.full)))
        channels = asked.channels or int(random.integers(1, 4))
        spatial = (2,) * (int(random.choice(asked.ranks)) - 2)
        self.shape = (int(random.integers(2, 5)), channels, *spatial)
        self.eps = float(random.choice(EPS)) if asked.eps is None else asked.eps
        self.alpha = float(random.choice(MOMENTA)) if asked.momentum is None else asked.momentum
        self.affine = bool(random.random() < 0.8) if asked.affine is None else asked.affine
        self.tracked = tracked if asked.track_running_stats is None else asked.track_running_stats
        self.reset()
        self.judge_fresh()
        self.judge_defaults()
        own = {a.dtype for a in self.read().values() if a is not None} or {self.dtype}
        if assigned or len(own) > 1 or own.isdisjoint(map(dtype_of, asked.full)):
            self.assign(drawn)
        else:
            (self.dtype,) = own

    def reset(self) -> None:
        """A new layer with the same options."""
        own = self.alpha if self.subject.convention.momentum == "new" else 1 - self.alpha
        options = {"eps": self.eps, "momentum": own, "affine": self.affine, "track_running_stats": self.tracked}
        self.layer = self.judge.offered("fresh-state", self.subject.make, self.shape[1], **options)
        shown = ", ".join(f"{name}={value!r}" for name, value in options.items())
        self.steps += [f"layer = make({self.shape[1]}, {shown})", STATE]
        self.latest = None

    def judge_fresh(self) -> None:
        if getattr(self.subject.make, "fresh", True):  # else a copy of one in use
            expected = dict(zip(FIELDS, (1, 0, 0, 1), strict=True))
            state = self.read()
            for name, value in expected.items():
                right = (
                    state[name] is None
                    if not self.present(name)
                    else state[name] is not None and np.all(state[name] == value)
                )
                self.judge.note("fresh-state", "" if right else f"a fresh layer's {name} is {short(state[name])}")

    def judge_defaults(self) -> None:
        """Parameters and running statistics are there unless they are declined."""
        if self.subject.asked.affine is self.subject.asked.track_running_stats is None:
            layer = self.judge.offered(
                "fresh-state", self.subject.make, self.shape[1], eps=self.eps, momentum=self.alpha
            )
            missing = [name for name in FIELDS if layer.state[name] is None]
            self.judge.note("fresh-state", f"by default there is no {missing[0]}" if missing else "")

    def read(self) -> dict[str, Any]:
        """Copies of the state's arrays."""
        state = self.layer.state
        return {name: None if state[name] is None else np.array(state[name]) for name in FIELDS}

    @rule(drawn=DRAWN)
    def assign(self, drawn: int) -> None:
        """Another state: parameters far from 1 and 0, statistics far from 0 and 1."""
        random, like = np.random.default_rng([drawn, 1]), self.state_dtype
        unit = 2.0 ** np.round(np.log2(max(self.eps, 2.0**-20)) / 2)
        channels = self.shape[1]
        drawn_state = {
            "gamma": random.integers(2, 12, size=channels) * random.choice([-0.25, 0.25], size=channels),
            "beta": random.integers(-12, 12, size=channels) * 0.25 + 0.125,
            "running_mean": random.integers(8, 24, size=channels) * 0.25 * unit,
            "running_var": random.integers(2, 40, size=channels) * 0.125 * unit**2,
        }
        self.load({name: value.astype(like) if self.present(name) else None for name, value in drawn_state.items()})

    def present(self, name: str) -> bool:
        """Whether the layer has this parameter or statistic."""
        return self.affine if name in ("gamma", "beta") else self.tracked

    @property
    def state_dtype(self) -> Any:
        """Parameters and statistics are float32 for half-precision input."""
        return parameter_dtype(self.dtype)

    def load(self, state: dict[str, Any]) -> None:
        """Assign a state and read it back."""
        self.steps += [f"layer.state = {literal(state)}", STATE]
        self.layer.state = {name: None if value is None else value.copy() for name, value in state.items()}
        changed = altered(state, self.read())
        self.judge.note("sequence-reload", f"{changed} does not come back as it was assigned" if changed else "")

    @rule()
    def reload(self) -> None:
        """The state into a new layer, which takes the old one's place."""
        state = self.read()
        self.reset()
        self.load(state)

    # -- calls -------------------------------------------------------------------------------------------------------

    @rule(drawn=DRAWN)
    def train(self, drawn: int) -> None:
        """A training step: the output by the batch, the statistics by the recurrence."""
        case = self.case(drawn)
        y = self.forward(case, training=True)
        oracle = Oracle(case)
        self.judge.value("sequence-output", "y", y, oracle)
        after = self.read()
        changed = altered({n: getattr(case, n) for n in ("gamma", "beta")}, after)
        self.judge.note("sequence-frozen", f"training changes {changed}" if changed else "")
        for name in ("running_mean", "running_var") if self.tracked else ():
            self.judge.value("sequence-statistics", name, after[name], oracle)

    @precondition(lambda self: self.tracked)
    @rule(drawn=DRAWN)
    def infer(self, drawn: int) -> None:
        """Inference: the output by the running statistics, and nothing moves."""
        case = self.case(drawn)
        y = self.forward(case, training=False)
        self.judge.value("sequence-output", "infer_y", y, Oracle(case))
        self.frozen(case, "inference")

    def batch_shape(self, random: np.random.Generator) -> tuple[int, ...]:
        """Batches of different sizes, as the last one of an epoch is."""
        return (int(random.integers(2, 6)), *self.shape[1:])

    def case(self, drawn: int) -> Case:
        """A batch, its upstream gradient, and the layer's state as it is now; a state that is none ends the example."""
        random = np.random.default_rng([drawn, 2])
        unit = 2.0 ** np.round(np.log2(max(self.eps, 2.0**-20)) / 2)
        shape = self.batch_shape(random)
        x = (random.integers(-12, 12, size=shape) * 0.125 * unit).astype(self.dtype)
        x.reshape(*shape[:2], -1)[0, :, 0] += self.dtype.type(3.125 * unit)
        state, channels = self.read(), self.shape[1]
        tracked = (np.zeros(channels, self.state_dtype), np.ones(channels, self.state_dtype))
        mean, var = (state["running_mean"], state["running_var"]) if self.tracked else tracked
        dy = (random.integers(-8, 8, size=shape) * 0.25).astype(self.dtype)
        usable = all(
            state[name] is not None and np.all(np.isfinite(state[name])) for name in FIELDS if self.present(name)
        )
        assume(
            usable
            and np.all(var >= 0)
            and all(state[name] is None or state[name].shape == (channels,) for name in FIELDS)
        )
        return Case(x, dy, state["gamma"], state["beta"], mean, var, self.eps, self.alpha)

    def forward(self, case: Case, *, training: bool) -> Array:
        x = self.placed(case.x)
        self.steps += [f"y = layer.forward({literal(x)}, training={training})", "print('y', y)", STATE]
        y = self.judge.offered("sequence-output", self.layer.forward, x.copy(), training=training)
        self.latest = Latest(case, training)
        problem = malformed("y", y, x)
        if problem:
            raise LawBroken("sequence-output", outcome("sequence-output", "state", f"forward: {problem}"), self.steps)
        return np.array(y if self.subject.convention.channel_axis == 1 else np.moveaxis(y, -1, 1))

    def placed(self, x: Array) -> Array:
        """Channels where the convention has them."""
        return x if self.subject.convention.channel_axis == 1 else np.ascontiguousarray(np.moveaxis(x, 1, -1))

    @precondition(lambda self: self.latest is not None)
    @rule(drawn=DRAWN)
    def backward(self, drawn: int) -> None:
        """The gradients of the latest forward, twice; the state stays."""
        assert self.latest is not None
        random = np.random.default_rng([drawn, 3])
        dy = (random.integers(-8, 8, size=self.latest.case.x.shape) * 0.25).astype(self.dtype)
        before, case = self.read(), replace(self.latest.case, dy=dy)
        self.steps += [f"print('dx, dgamma, dbeta', layer.backward({literal(self.placed(dy))}))", STATE]
        first, second = (
            self.judge.offered("sequence-backward", self.layer.backward, self.placed(dy).copy()) for _ in range(2)
        )
        for answer in (first, second):
            if not isinstance(answer, (tuple, list)) or len(answer) != 3:
                self.judge.note(
                    "sequence-backward", f"backward returned {type(answer).__name__}, not (dx, dgamma, dbeta)"
                )
                return
        prefix, oracle = "" if self.latest.training else "infer_", Oracle(case)
        for name, value, again in zip(("dx", "dgamma", "dbeta"), first, second, strict=True):
            self.gradient(prefix + name, value, again, oracle)
        changed = altered(before, self.read())
        self.judge.note("sequence-frozen", f"backward changes {changed}" if changed else "")

    def gradient(self, quantity: str, value: Any, again: Any, oracle: Oracle) -> None:
        absent = quantity.removeprefix("infer_") != "dx" and not self.affine
        if absent or value is None or again is None:
            problem = "" if value is again is None and absent else f"{quantity} is {short(value)}"
            self.judge.note("sequence-backward", problem)
            return
        if not np.array_equal(value, again, equal_nan=True):
            self.judge.note("sequence-backward", f"a second backward gives another {quantity}")
        entry = quantity.removeprefix("infer_") == "dx"
        like = self.placed(oracle.case.x) if entry else oracle.case.gamma
        problem = malformed(quantity, value, like)
        if problem:
            self.judge.note("sequence-backward", problem)
            return
        moved = entry and self.subject.convention.channel_axis == -1
        self.judge.value("sequence-backward", quantity, np.moveaxis(value, -1, 1) if moved else np.array(value), oracle)

    @rule(single=st.booleans())
    def refused(self, single: bool) -> None:  # noqa: FBT001
        """One value per channel, or another number of channels: refused or not, the state stays if it raises."""
        before, self.latest = self.read(), None
        ones, more = (1,) * len(self.shape[2:]), 0 if single else 1
        x = self.placed(np.ones((1 if single else 2, self.shape[1] + more, *ones), self.dtype))
        try:
            self.layer.forward(x, training=True)
        except Exception:  # of any kind: how it refuses is its own affair
            self.steps.append(
                f"try: layer.forward(np.ones({x.shape}, {x.dtype.name!r}), training=True)\nexcept Exception: pass"
            )
            changed = altered(before, self.read())
            self.judge.note("sequence-refused", f"{changed} changes although forward raised" if changed else "")
        else:
            self.layer.state = before

    def frozen(self, case: Case, what: str) -> None:
        changed = altered({name: getattr(case, name) for name in FIELDS}, self.read())
        self.judge.note("sequence-frozen", f"{what} changes {changed}" if changed else "")
