"""Cases of a statement: every way in which free indices coincide is one of them, and exactly
one."""

from itertools import product

import pytest
from sympy import Derivative, Eq, Integer, KroneckerDelta, Sum, Symbol

from bnproof.symbolic.index_cases import (
    MOST_TERMS,
    find_given_size,
    list_cases,
    list_concrete_cases,
    partitions,
)
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.reading import read
from bnproof.symbolic.setting import i, j, k, m, mu, x

p = Symbol("p", integer=True)
one, two = Integer(1), Integer(2)
BESIDE = [(), (one,), (one, two), (m,), (m, one), (i + 1,), (i + 1, two), (m, i + 1), (m + 1 - i,)]
BESIDE += [(i + 1, k + 1)]  # equal where i = k, and only there


def compare(*terms):
    """A statement that compares index terms."""
    return read(Eq(sum(x[term] for term in terms) * KroneckerDelta(i, k), 0))


@pytest.mark.parametrize(("count", "bell"), [*enumerate([1, 1, 2, 5, 15, 52])])
def test_partitions_are_counted_by_bell(count, bell):
    """Each partition occurs once, and has every term in one block."""
    terms = [Integer(term) for term in range(count)]
    found = [frozenset(map(frozenset, blocks)) for blocks in partitions(terms)]
    assert len(found) == len(set(found)) == bell
    assert all(sorted(term for block in blocks for term in block) == terms for blocks in found)


@pytest.mark.parametrize("extra", BESIDE, ids=str)
def test_every_batch_lies_in_one_case(extra):
    """For all values of i, k and m one case, and only one, has its replacements true and its
    distinct terms distinct; m is at least what it says."""
    cases = list_cases(compare(*extra))
    for size in range(1, 4):
        for first, second in product(range(1, size + 1), repeat=2):
            values = {i: Integer(first), k: Integer(second), m: Integer(size)}
            fitting = [
                case
                for case in cases
                if all((old - new).xreplace(values) == 0 for old, new in case.replace.items())
                and len({term.xreplace(values) for term in case.distinct}) == len(case.distinct)
            ]
            assert len(fitting) == 1
            assert size >= fitting[0].least_size


def test_what_compares_nothing_has_one_case():
    """Entries alone do not ask which indices are equal; a delta, a derivative by an entry and a
    condition on an index do."""
    plain = read(Eq(x[i] * x[k], 0))
    (only,) = list_cases(plain)
    assert (only.replace, only.distinct, only.least_size) == ({}, frozenset(), 1)
    for question in (
        read(Eq(x[i] * x[k] * KroneckerDelta(i, k), 0)),
        read(Eq(Derivative(x[i] ** 2, x[k]), 0)),
        read(Eq(x[i] * x[k], 0), (i < k,)),
    ):
        assert len(list_cases(question)) == 2


def test_a_case_names_what_is_equal():
    """Two free indices are one, or they differ and need a batch of two."""
    merged, apart = sorted(list_cases(compare(i, k)), key=lambda case: case.least_size)
    assert (str(merged), merged.replace, merged.least_size) == ("k = i", {k: i}, 1)
    assert (str(apart), apart.replace, apart.least_size) == ("i != k", {}, 2)


def test_what_cannot_be_is_no_case():
    """``i`` and ``i + 1`` are never equal, an index is never 0, and one that equals 3 needs a batch
    of three."""
    assert all(0 not in case.replace.values() for case in list_cases(compare(i, Integer(0))))
    assert all(
        len({case.replace.get(i, i), (i + 1).xreplace(case.replace)} & case.distinct) == 2
        for case in list_cases(compare(i, i + 1))
    )
    sizes = {case.least_size for case in list_cases(compare(i, Integer(3))) if i in case.replace}
    assert sizes == {3}


def test_too_many_terms_are_refused():
    """One index term more than the most that are told apart."""
    terms = [i + shift for shift in range(MOST_TERMS)]
    with pytest.raises(Undecided, match=f"more than {MOST_TERMS}"):
        list_cases(compare(*terms, k))


def test_a_given_size_writes_every_value_out():
    """``m = 3`` with two free indices has nine cases; a condition on another size gives none."""
    question = read(Eq(x[i] * x[j] * mu, Sum(x[p], (p, 1, m))), (Eq(m, 3),))
    assert find_given_size(question) == 3
    cases = list_concrete_cases(question, 3)
    assert {(int(case.replace[i]), int(case.replace[j])) for case in cases} == {
        *product((1, 2, 3), repeat=2)
    }
    assert all(case.replace[m] == case.least_size == 3 for case in cases)
    for condition in (m >= 3, Eq(m, p), Eq(i, 3), Eq(m, 0, evaluate=False)):
        assert find_given_size(read(Eq(x[i], 0), (condition,))) is None
