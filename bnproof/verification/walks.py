"""Judging the laws of sequences: one state machine, run until no further law breaks."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import UnsatisfiedAssumption
from hypothesis.internal.conjecture import providers
from hypothesis.reporting import with_reporter
from hypothesis.stateful import run_state_machine_as_test

from bnproof.contract import Convention, Measurement, Violation
from bnproof.laws.answers import one_line
from bnproof.laws.asked import Asked
from bnproof.laws.law import Law
from bnproof.verification.judge import LawBroken, Subject
from bnproof.verification.machine import LayerMachine
from bnproof.verification.reproducer import ARRAY, imports, obtain
from bnproof.verification.verdict import Verdict, Worst

STEPS = (3, 12)  # of the random sequences
FRESH, LONG = "fresh", 30  # a sequence that no state is assigned before; training steps of a long one
SCRIPTS = (  # what goes wrong most often, short ones first
    ("train", "backward"),
    ("infer", "backward"),
    ("train", "infer", "train"),
    ("train", "assign", "backward", "infer"),
    ("infer", "assign", "backward", "train"),
    ("train", "backward", "infer", "backward", "train", "backward"),
    ("refused", "train", "reload", "infer", "backward", "refused", "train", "backward"),
    (FRESH, "infer", "train", "backward", "train", "infer"),
    (FRESH, *("train",) * LONG),
)


def judge(
    make: Any,
    plan: Iterable[Law],
    convention: Convention,
    asked: Asked,
    *,
    count: int,
    seed: int,
    alone: bool,
    verdict: Verdict,
) -> dict[str, LawBroken]:
    """Law by law what breaks it, by the shortest sequence there is; ``verdict.worst`` learns what was judged."""
    wanted = {law.id: law for law in plan if law.measure is None}
    judged: dict[str, int] = {}
    broken = explored(make, wanted.values(), convention, asked, count=count, seed=seed, judged=judged, alone=alone)
    for name, law in wanted.items():
        if name in judged or name in broken:
            verdict.worst[name] = Worst(law.theorem, judged.get(name, 1), int(name in broken))
    return broken


def explored(
    make: Any,
    wanted: Iterable[Law],
    convention: Convention,
    asked: Asked,
    *,
    seed: int,
    count: int = 15,
    judged: dict[str, int] | None = None,
    alone: bool = False,
) -> dict[str, LawBroken]:
    """What each broken law saw, and the steps to it: the machine runs until no further law breaks."""
    names = frozenset(law.id for law in wanted)
    found: dict[str, LawBroken] = {}
    while names - found.keys():
        subject = Subject(make, convention, asked, names - found.keys(), {} if judged is None else judged, alone)
        broken = run(subject, count, seed)
        if broken is None or broken.law not in subject.laws:
            break
        found[broken.law] = broken
    return found


def run(subject: Subject, count: int, seed: int) -> LawBroken | None:
    """Drive a layer; a sequence that breaks a law, short if there is a short one, or ``None``."""
    machine: type[LayerMachine] = type("layer", (LayerMachine,), {"subject": subject})
    hypothesis.seed(seed)(machine)
    broken = scripted(machine, max(3, count // 15), seed)
    if broken is not None:
        return broken
    for steps in STEPS:
        options = settings(
            max_examples=count,
            stateful_step_count=steps,
            database=None,
            deadline=None,
            derandomize=False,
            report_multiple_bugs=False,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        try:
            with (
                only_the_seed(),
                with_reporter(lambda text: None),
                warnings.catch_warnings(),
                np.errstate(all="ignore"),
            ):
                warnings.simplefilter("ignore")
                run_state_machine_as_test(machine, settings=options)
        except LawBroken as broken:
            return broken
        except Exception as error:  # whatever a stranger's layer raises
            return raised(error, [f"# raised {type(error).__name__}"])
    return None


def raised(error: Exception, steps: list[str]) -> LawBroken:
    """What a layer raises outside of its calls, such as when its state is read."""
    seen = Measurement("sequence-output", "state", float("inf"), message=f"{type(error).__name__}: {one_line(error)}")
    return LawBroken("sequence-output", seen, steps)


@contextmanager
def only_the_seed() -> Iterator[None]:
    """Hypothesis mixes constants of the modules that happen to be loaded into what it draws: not here."""
    kept = getattr(providers, "_get_local_constants", None)
    if kept is not None:
        providers._get_local_constants = type(kept())
    try:
        yield
    finally:
        if kept is not None:
            providers._get_local_constants = kept


def scripted(machine: type[LayerMachine], times: int, seed: int) -> LawBroken | None:
    """Every script a few times, each with other numbers, once without running statistics; the first to break a law."""
    random = np.random.default_rng([seed, 7])
    for script in SCRIPTS:
        for number in range(times):
            driven = machine()
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    _drive(driven, script, random, tracked=number != 1)
            except LawBroken as broken:
                return broken
            except UnsatisfiedAssumption:  # not offered, or nothing to judge by
                continue
            except Exception as error:  # whatever a stranger's layer raises
                return raised(error, driven.steps)
    return None


def _drive(driven: LayerMachine, script: tuple[str, ...], random: np.random.Generator, *, tracked: bool) -> None:
    driven.fresh(drawn=int(random.integers(2**20)), assigned=script[0] != FRESH, tracked=tracked)
    for step in script[script[0] == FRESH :]:
        drawn = int(random.integers(2**20))
        if step == "refused":
            driven.refused(single=bool(drawn % 2))
        elif step == "reload":
            driven.reload()
        elif (step != "infer" or driven.tracked) and (step != "backward" or driven.latest is not None):
            getattr(driven, step)(drawn=drawn)


def told(broken: LawBroken, target: str) -> Violation:
    """The violation, with the sequence as a program."""
    lines = [*imports(broken.steps), "", *obtain(target, "make"), "", *ARRAY, "", *broken.steps]
    seen = broken.seen
    lines.append(f"# law {broken.law}: {seen.message}")
    return Violation(
        broken.law,
        seen.quantity,
        seen.message,
        "\n".join(lines) + "\n" if broken.steps else "",
        got=seen.got,
        expected=seen.expected,
        ulp=seen.ulp,
    )
