"""Statistics of parts of a batch add up to those of the whole, exactly."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof import certify
from bnproof.benchmarks.adversarial import draw_input, enclose_quantities, find_misses


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 20), max_size=3))
def test_any_cut_gives_the_same_statistics(seed, cuts):
    """Cut a batch anywhere, empty parts included: the sums are equal, and y of the parts lies in
    the whole's enclosures."""
    given_ = draw_input(np.random.default_rng(seed))
    x, dy = given_.x, given_.dy
    edges = sorted({0, len(x), *(min(cut, len(x)) for cut in cuts)})
    parts = [(x[a:b], dy[a:b]) for a, b in pairwise(edges)]
    merged = sum((certify.statistics(*part) for part in parts[1:]), certify.statistics(*parts[0]))
    assert merged == certify.statistics(x, dy)
    found = [
        certify.train(part, given_.gamma, given_.beta, eps=given_.eps, dy=up, statistics=merged)
        for part, up in parts
    ]
    joined = {
        name: certify.Enclosure(
            *(
                np.concatenate([getattr(getattr(f, name), w) for f in found])
                for w in ("mid", "low", "rad")
            )
        )
        for name in ("y", "dx")
    }
    joined |= {name: getattr(found[0], name) for name in ("mu", "v", "s", "dgamma", "dbeta")}
    assert find_misses(given_, joined) == []


def test_parts_agree_with_the_whole_for_long_batches():
    """The double words from the data and those from merged exact sums enclose the same numbers."""
    x = np.random.default_rng(0).normal(size=(3000, 4)) + 100
    merged = certify.statistics(x[:1000]) + certify.statistics(x[1000:])
    whole, part = certify.train(x, eps=1e-5), certify.train(x[:1000], eps=1e-5, statistics=merged)
    pairs = zip(whole.y.to_balls()[:1000].reshape(-1), part.y.to_balls().reshape(-1), strict=True)
    assert all(one.overlaps(other) for one, other in pairs)


def test_parts_of_different_batches_are_refused():
    """Other channels, or dy on one side only."""
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match="parts of one batch"):
        certify.statistics(x) + certify.statistics(np.ones((2, 4)))
    with pytest.raises(ValueError, match="parts of one batch"):
        certify.statistics(x) + certify.statistics(x, x)
    with pytest.raises(ValueError, match=r"hand dy to certify\.statistics"):
        certify.train(x, eps=1e-5, dy=x, statistics=certify.statistics(x))


def test_answers_repeat():
    """Supports again, every quantity is the same."""
    given_ = draw_input(np.random.default_rng(5))
    first, second = enclose_quantities(given_), enclose_quantities(given_)
    assert all(np.array_equal(first[name].mid, second[name].mid, equal_nan=True) for name in first)
