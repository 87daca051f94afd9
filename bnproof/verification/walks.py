"""Walks through the calls of a layer: scripted ones, then random ones from the seed, until no
further law breaks.

A walk is a list of operations, each with a number that its arguments are drawn from.  The scripts
hold what goes wrong most often and every pair of operations; random walks find the rest.  A walk
that breaks a law is shortened: operations are left out as long as the law still breaks.

Because an operation draws its arguments from its own number, leaving one out does not change the
others.  Start reading at :func:`explore`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from bnproof.contract import FailureKind
from bnproof.laws.answers import wrap_exception
from bnproof.laws.behaviour import measure_failure
from bnproof.verification.layer_walk import OPERATIONS, LayerWalk, Start, Step
from bnproof.verification.walk_judge import LawBroken, Walked, WalkEnded

# The most operations of random walks: short ones read best, long ones reach further. Pairs of
# operations are in the scripts, so random walks are for what takes three or more.
LENGTHS = (3, 12)
# Training steps after which statistics that drift show. A layer that updates its statistics only
# for the first steps is found by this script alone, if it does so for fewer steps than these.
LONG = 30
#: What goes wrong most often, short ones first; ``"fresh"`` in front: no state is assigned before.
SCRIPTS = (
    ("train", "backward"),
    ("infer", "backward"),
    ("train", "infer", "train"),
    ("train", "assign", "backward", "infer"),
    ("infer", "assign", "backward", "train"),
    ("train", "backward", "infer", "backward", "train", "backward"),
    ("refuse", "train", "reload", "infer", "backward", "refuse", "train", "backward"),
    ("fresh", "infer", "train", "backward", "train", "infer"),
    ("fresh", *("train",) * LONG),
)
#: Every operation after every other one, and what shows the state they leave.
PAIRS = tuple(
    (first, second, "backward", "infer", "train") for first, second in product(OPERATIONS, repeat=2)
)


# Where a walk starts, and its operations.
Walk = tuple[Start, list[Step]]


def explore(walked: Walked) -> dict[str, LawBroken]:
    """Look for a walk that breaks each law.

    Parameters
    ----------
    walked
        What is driven, and which laws are judged.

    Returns
    -------
    dict
        By the id of each broken law: what was seen, with the steps that lead there.  Laws that no
        walk breaks are absent.

    Notes
    -----
    A walk ends at the first broken law.  To find the others, everything is driven again and the
    laws that are known to be broken are no longer judged.
    """
    broken_laws: dict[str, LawBroken] = {}
    while names := walked.laws - broken_laws.keys():
        broken = find_broken(replace(walked, laws=names))
        # A layer whose state cannot be read breaks ``sequence-output``, asked for or not. Without
        # this the search would not end.
        if broken is None or broken.law not in names:
            break
        broken_laws[broken.law] = broken
    return broken_laws


def find_broken(walked: Walked) -> LawBroken | None:
    """Find the first law that a walk breaks.

    Parameters
    ----------
    walked
        What is driven, and which laws are judged.

    Returns
    -------
    LawBroken or None
        What was seen at the end of a walk made short; ``None`` where no walk breaks a law.
    """
    # A script is driven three times at least: its second time is the one without running
    # statistics.
    scripts = plan_scripts(max(3, walked.count // 15), walked.seed)
    for start, steps in (*scripts, *plan_random(walked.count, walked.seed)):
        broken = drive(walked, start, steps)
        if broken is not None:
            return shorten_walk(walked, start, steps, broken)
    return None


def plan_scripts(times: int, seed: int) -> Iterator[Walk]:
    """Plan every script a few times, each with other numbers, once without running statistics; then
    every pair of operations once."""
    # The second number keeps the scripts apart from the random walks, so that a longer list of
    # scripts does not change these.
    random = np.random.default_rng([seed, 7])
    scripts = [(script, number) for script in SCRIPTS for number in range(times)]
    for script, number in (*scripts, *((pair, 0) for pair in PAIRS)):
        # A layer as it was made has statistics of 0 and 1, which many bugs do not show on. One
        # script in a few starts from there, for the bugs that show nowhere else.
        assigned = script[0] != "fresh"
        start = Start(_draw_number(random), assigned=assigned, tracked=number != 1)
        yield (
            start,
            [(operation, _draw_number(random)) for operation in script if operation != "fresh"],
        )


def plan_random(count: int, seed: int) -> Iterator[Walk]:
    """Plan walks of any operations, short ones first.

    Half of them start from an assigned state, and most of them have running statistics, for without
    these there is little to judge.
    """
    random = np.random.default_rng([seed, 11])
    for length in LENGTHS:
        for _ in range(count):
            assigned, tracked = bool(random.random() < 0.5), bool(random.random() < 0.9)
            start = Start(_draw_number(random), assigned=assigned, tracked=tracked)
            chosen = random.choice(OPERATIONS, size=int(random.integers(1, length + 1)))
            yield start, [(str(operation), _draw_number(random)) for operation in chosen]


def _draw_number(random: np.random.Generator) -> int:
    return int(random.integers(2**20))


def drive(walked: Walked, start: Start, steps: Iterable[Step]) -> LawBroken | None:
    """Drive one layer along one walk.

    Parameters
    ----------
    walked
        What is driven and judged.
    start
        What the walk starts from.
    steps
        Its operations, with the number that each is drawn from.

    Returns
    -------
    LawBroken or None
        The law it breaks; ``None`` where it breaks none or ends early.
    """
    walk = LayerWalk(walked)
    try:
        # NaN and overflow are judged, not warned of
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            walk.begin(start)
            for operation, drawn in steps:
                walk.perform(operation, drawn)
    except LawBroken as broken:
        return broken
    except WalkEnded:
        return None
    except Exception as error:
        # whatever a stranger's layer raises outside of its calls, as when its state is read
        failure = wrap_exception(error, "state", FailureKind.UNREADABLE)
        return LawBroken("sequence-output", measure_failure("sequence-output", failure), walk.steps)
    return None


def shorten_walk(walked: Walked, start: Start, steps: list[Step], broken: LawBroken) -> LawBroken:
    """Break the same law with fewer operations.

    Parameters
    ----------
    walked, start, steps
        The walk that breaks it.
    broken
        What was seen at its end.

    Returns
    -------
    LawBroken
        What is seen at the end of the shorter walk, or ``broken`` where nothing can be left out.

    Notes
    -----
    Each operation is left out in turn, the last ones first, and stays out if the law still breaks.
    What comes after the broken law goes first in this way, at the cost of one try each.
    """
    unnoticed = replace(walked, judgements={})  # what is tried here is no news for the verdict
    place = len(steps) - 1
    while place >= 0:
        fewer = steps[:place] + steps[place + 1 :]
        shorter = drive(unnoticed, start, fewer)
        if shorter is not None and shorter.law == broken.law:
            steps, broken = fewer, shorter
        place = min(place, len(steps)) - 1
    return broken
