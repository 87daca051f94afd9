"""Which laws a check judges, and which requests are refused before anything slow begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.implementations.conventions import NAMED, UnknownConvention
from bnproof.laws.law import load_laws
from bnproof.verification.planning import CheckOptions, UnknownLaw, plan_laws, select_laws

SOME = st.lists(st.sampled_from(["shift", "output", "fold-bias", "answers", "affine"])).map(tuple)


@given(SOME, SOME)
def test_laws_come_in_the_order_of_the_list(select, ignore):
    """Whatever the order in which they are selected, each comes once, and ignoring wins."""
    wanted = set(select or load_laws()) - set(ignore)
    assert [law.id for law in select_laws(select, ignore)] == [
        name for name in load_laws() if name in wanted
    ]


@pytest.mark.parametrize("place", ["select", "ignore", "named"])
def test_a_slip_is_met_wherever_it_stands(place):
    """A name that is no law's would otherwise narrow nothing, in silence."""
    with pytest.raises(UnknownLaw, match="'shiftt': try shift"):
        select_laws(**{"select": ("output",), place: ("shiftt",)})


def test_a_name_that_is_near_none_gets_all_of_them():
    """Where no law is similar, the message lists every one."""
    with pytest.raises(UnknownLaw) as refused:
        select_laws(("xyzzy",))
    assert refused.value.args[0].endswith(f"try {', '.join(load_laws())}")


def test_a_law_that_is_expected_to_fail_is_judged_with_the_others():
    """An expectation narrows nothing: it is planned among all laws."""
    plan = plan_laws(CheckOptions(expect={"shift": "known"}))
    assert [law.id for law in plan] == list(load_laws())


def test_a_convention_is_one_that_there_is():
    """A name is looked up at once, and an instance is taken as it is."""
    with pytest.raises(UnknownConvention, match="teras"):
        plan_laws(CheckOptions(convention="teras"))
    assert plan_laws(CheckOptions(convention=NAMED["keras"], select=("output",)))
