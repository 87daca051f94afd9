"""Cases for tests: drawn ones, the same in every run, and one made by hand; and what is needed to
ask about them."""

import warnings
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from bnproof.contract import Case, Weights
from bnproof.formats import dtype_of, is_half
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.targets import as_implementation
from bnproof.laws.answers import Answers, Target
from bnproof.laws.cases import draw_conditioned_case, draw_long_case, draw_semantic_case
from bnproof.laws.law import load_laws
from bnproof.laws.oracle import Oracle
from bnproof.laws.supports import EVERYTHING, Supports


def drawn(strategy, count):
    """So many cases of a strategy, from a fixed seed."""
    found = []
    run = settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )(given(strategy)(lambda case: found.append(case)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        seed(0)(run)()
    return found


def by_hand(dtype="float32", **changed):
    """Four samples of two channels with two positions each: nothing is 0 or 1, everything is of the
    order of 1."""
    random = np.random.default_rng(7)
    like = dtype_of(dtype)
    kept = np.dtype(np.float32) if is_half(like) else like
    x, dy, ddx = (
        random.integers(-12, 12, size=(3, 4, 2, 2)) * 0.25
        + np.array([3.25, 0.5, -0.25])[:, None, None, None]
    ).astype(like)
    case = Case(
        x=x,
        dy=dy,
        gamma=np.array([1.5, -0.625], kept),
        beta=np.array([-0.75, 2.25], kept),
        running_mean=np.array([2.5, -3.5], kept),
        running_var=np.array([2.75, 5.5], kept),
        eps=0.25,
        momentum=0.3,
        ddx=ddx,
        parts=(1, 3),
        layer=Weights(
            random.normal(size=(2, 3)).astype(kept), np.array([0.5, -1.5], kept), "linear"
        ),
    )
    return replace(case, **changed)


def target(implementation):
    """An implementation under the convention it declares."""
    found = as_implementation(implementation, "the one under test")
    return Target(found, resolve_convention(getattr(found, "convention", "torch")))


def ratio(law, implementation, case):
    """What a law sees: its ratio, or ``None`` where there is nothing to judge."""
    of = target(implementation)
    seen = load_laws()[law].measure(Answers(of, case), Oracle.from_convention(of.convention, case))
    return None if seen is None else seen.ratio


DRAWN = st.integers(0, 2**32 - 1)


def semantic(supports: Supports = EVERYTHING) -> st.SearchStrategy[Case]:
    """Semantic cases, for properties."""
    return DRAWN.map(lambda seed: draw_semantic_case(supports, np.random.default_rng(seed)))


def conditioned(supports: Supports = EVERYTHING) -> st.SearchStrategy[Case]:
    """Conditioned cases, for properties."""
    return DRAWN.map(lambda seed: draw_conditioned_case(supports, np.random.default_rng(seed)))


def long(supports: Supports = EVERYTHING) -> st.SearchStrategy[Case]:
    """Long cases, for properties."""
    return DRAWN.map(lambda seed: draw_long_case(supports, np.random.default_rng(seed)))


def cases(supports: Supports = EVERYTHING) -> st.SearchStrategy[Case]:
    """All kinds of cases, for properties."""
    return semantic(supports) | conditioned(supports) | long(supports)
