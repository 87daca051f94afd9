"""Documented differences compute in their own way, and say so."""

import numpy as np
import pytest

from bnproof.mutants.catalogue import list_mutants
from tests.mutants.exact_case import MU, V, X, infer, train


def test_momentum_of_the_old_weighs_the_old_value():
    """With 1/4 it is 1/4 of the old and 3/4 of the new, and the convention says "old"."""
    _, mean, _ = train("C01", mean=np.array([8.0, 8.0]))
    np.testing.assert_array_equal(mean, 2 + 0.75 * MU)
    assert list_mutants()["C01"].make().convention.momentum == "old"


def test_a_biased_variance_is_tracked_and_declared():
    """v itself, where PyTorch tracks 2 v for m = 2."""
    np.testing.assert_array_equal(train("C02", var=np.zeros(2), momentum=1.0)[2], V)
    assert list_mutants()["C02"].make().convention.running_var == "biased"


def test_one_value_is_answered_as_declared():
    """It raises, is beta with variance 0, or is beta with a variance that is no number."""
    beta, zero = np.array([5.0, 6.0]), np.zeros(2)
    with pytest.raises(ValueError, match="more than one value"):
        train("C04", x=X[:1])
    for name, variance in (("C04-beta", [0, 0]), ("C04-nan", [np.nan, np.nan])):
        y, mean, var = train(name, x=X[:1], beta=beta, mean=zero, var=zero, momentum=1.0)
        np.testing.assert_array_equal(y, [beta])
        np.testing.assert_array_equal(mean, X[0])
        np.testing.assert_array_equal(var, variance)
    promised = {n: list_mutants()[n].make().convention.one_value for n in ("C04", "C04-beta")}
    assert promised == {"C04": "raise", "C04-beta": "beta"}


def test_a_layer_without_parameters_refuses_them():
    """Given a gamma it says in one line who has it; without, it normalises."""
    with pytest.raises(NotImplementedError, match="give None") as refused:
        train("C06", gamma=np.ones(2))
    assert "\n" not in str(refused.value)
    np.testing.assert_array_equal(train("C06")[0][:, 0], [-0.5, 0.5])


def test_eps_stored_with_the_variance_is_the_same_map():
    """``(x - mu_r)/sqrt(v_r + eps)``: with 1 + 3 the divisor is 2."""
    np.testing.assert_array_equal(infer("C07", eps=3.0)[:, 0], [-0.5, 0.5])


def test_an_eps_of_its_own_is_fixed_and_declared():
    """Whatever is asked, the divisor is ``sqrt(v + 0.001)``, and ``supports`` says 0.001."""
    np.testing.assert_array_equal(train("C03", eps=0.0)[0], train("C03", eps=9.0)[0])
    assert list_mutants()["C03"].make().supports == {"eps": 1e-3}
