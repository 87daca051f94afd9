"""Value laws: one for each quantity, each about that quantity and no other."""

import numpy as np
import pytest

from bnproof.contract import QUANTITIES
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws import values
from bnproof.laws.answers import Answers
from bnproof.laws.oracle import Oracle
from tests.laws.draws import by_hand, target

CASE = by_hand()
LAWS = {law.quantities[0]: law for law in values.list_laws()}


def test_every_quantity_has_one_law():
    """In the table of the contract and here there are the same names, and no id occurs twice."""
    listed = list(values.list_laws())
    assert sorted(name for law in listed for name in law.quantities) == sorted(QUANTITIES)
    assert len({law.id for law in listed}) == len(listed)


def shifted(quantity):
    """The reference, with one quantity a thousand off."""
    method = QUANTITIES[quantity].method

    class Shifted(NumpyBatchNorm):
        pass

    def call(self, *arguments, **options):
        answer = getattr(NumpyBatchNorm, method)(self, *arguments, **options)
        names = [name for name in QUANTITIES if QUANTITIES[name].method == method]
        if len(names) == 1:
            return answer + answer.dtype.type(1000)
        moved = [
            value if name != quantity else move(value)
            for name, value in zip(names, answer, strict=True)
        ]
        return tuple(moved)

    setattr(Shifted, method, call)
    return Shifted()


def move(value):
    """A thousand more, also in each of several shards."""
    if isinstance(value, list):
        return [move(part) for part in value]
    return value + value.dtype.type(1000)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_wrong_quantity_breaks_its_own_law_alone(quantity):
    """All the other laws of values hold, those of the same method too."""
    answers, oracle = Answers(target(shifted(quantity)), CASE), Oracle(CASE)
    seen = {name: law.measure(answers, oracle) for name, law in LAWS.items()}
    assert [name for name in LAWS if not seen[name].holds] == [quantity]
    assert all(seen[name].law == law.id for name, law in LAWS.items())
    assert seen[quantity].error > 900


def test_an_absent_gradient_is_not_judged():
    """Without a gamma there is no gradient of it, and that of beta is judged as ever."""
    case = by_hand(gamma=None)
    answers, oracle = Answers(target(NumpyBatchNorm()), case), Oracle(case)
    assert LAWS["dgamma"].measure(answers, oracle) is None
    assert LAWS["dbeta"].measure(answers, oracle).holds


def test_the_limit_of_entries_is_that_of_the_arithmetic():
    """The double backward is evaluated in balls and judged on small cases alone; all else on every
    case, the longest ones included."""
    few = {name for name, law in LAWS.items() if law.most < np.prod((70_001, 1))}
    assert few == {"d_dy", "d_x", "d_gamma"}
