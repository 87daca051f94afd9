"""The order in which families are told; the patterns of real laws are in ``test_diagnosis``."""

import numpy as np
import pytest

from bnproof.contract import Measurement
from bnproof.laws.law import Law
from bnproof.verification.families import MOSTLY, ORDER, SMALL_KAPPA, find_family
from tests.laws.draws import by_hand

ANY = by_hand()


def tell(families, cases=(ANY,), quantities=("y",), output=0.0):
    """The family, where laws of these families are broken on these cases."""
    laws = [Law("made", "", "", (), None, families=frozenset(one)) for one in families]
    broken = [(case, Measurement("made", quantities, 2.0)) for case in cases]
    return find_family(laws, broken, {"output": output})


def test_of_several_shared_families_the_narrowest_is_named():
    """A fold is part of inference, so a bug of folding is not called one of inference."""
    assert tell([ORDER]) == "fold"
    assert tell([ORDER[1:], ORDER[:2] + ORDER[4:]]) == ORDER[1]


def test_laws_that_share_nothing_have_no_family():
    """One law that does not belong is enough, and nothing is guessed from the others."""
    assert tell([{"fold", "layout"}, {"layout"}]) == "layout"
    assert tell([{"fold", "layout"}, {"layout"}, set()]) == ""


def test_statistics_alone_are_told_before_any_pattern():
    """Where nothing but running statistics was wrong, that is what the bug is about."""
    assert tell([{"layout"}], quantities=("running_mean", "running_var")) == "running-stats"
    assert tell([{"layout"}], quantities=("running_mean", "y")) == "layout"
    assert tell([{"layout"}], quantities=()) == "layout", "nothing was compared"


@pytest.mark.parametrize(("kappa", "name"), [(0.5, ""), (2.0, "variance-numerics")])
def test_a_mean_that_is_large_against_the_spread_is_told_from_a_moderate_one(kappa, name):
    """The bound is a ratio of mean to standard deviation, and a single channel is enough."""
    x = np.zeros((2, 2, 1), np.float32)
    x[:, 1, 0] = kappa * SMALL_KAPPA + np.array([-1.0, 1.0])  # standard deviation 1
    x[:, 0, 0] = [-1.0, 1.0]
    assert tell([set()], cases=[by_hand(x=x)]) == name


def test_one_case_that_differs_speaks_against_what_the_others_have_in_common():
    """Half precision and large means explain a bug only where every failing case has them."""
    half, far = by_hand("float16"), by_hand(x=ANY.x + np.float32(1e4))
    assert tell([set()], cases=[half, by_hand("bfloat16")]) == "dtype"
    assert tell([set()], cases=[half, ANY]) == ""
    assert tell([set()], cases=[far, far]) == "variance-numerics"
    assert tell([set()], cases=[far, ANY]) == ""


def test_an_output_that_is_mostly_wrong_has_a_wrong_formula():
    """Only beyond the share, and only where nothing else is in common."""
    assert tell([set()], output=MOSTLY) == ""
    assert tell([set()], output=1.0) == "forward"
    assert tell([set()], cases=[by_hand("float16")], output=1.0) == "dtype"
