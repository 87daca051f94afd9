"""Which laws a check judges, and which requests are refused before anything slow begins."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.contract import AREAS, Cause, Finding
from bnproof.implementations.conventions import NAMED, UnknownConvention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.law import load_laws
from bnproof.verification.examining import examine
from bnproof.verification.planning import (
    CheckOptions,
    UnknownLaw,
    names_finding,
    plan_laws,
    select_laws,
    tells,
)

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


@pytest.mark.parametrize("name", ["edgs", "edgs/R23"])
def test_a_slip_in_an_area_is_met_as_well(name):
    """The id of a finding begins with an area, and only an area that there is."""
    with pytest.raises(UnknownLaw, match=rf"'{name}': try .*edges"):
        select_laws((name,))


def test_a_name_that_is_near_none_gets_all_of_them():
    """Where nothing is similar, the message lists every law and every area."""
    with pytest.raises(UnknownLaw) as refused:
        select_laws(("xyzzy",))
    assert refused.value.args[0].endswith(f"try {', '.join([*load_laws(), *AREAS])}")


def find_planned(*select, ignore=()):
    """The ids of the laws that are planned for these names."""
    return {law.id for law in select_laws(select, ignore)}


NUMERIC = {law.id for law in load_laws().values() if not law.area}


@pytest.mark.parametrize("area", ["statistics", "folding", "workers", "behaviour"])
def test_an_area_stands_for_the_laws_that_it_can_be_broken_in(area):
    """Those about its quantities and those that are put into it, and no others."""
    expected = {law.id for law in load_laws().values() if area in law.areas}
    assert find_planned(area) == expected
    assert 0 < len(expected) < len(load_laws())


def test_the_areas_of_laws_are_those_of_their_quantities():
    """Spot checks: a formula, a statistic, one that may be either, a fold and a repeated call."""
    assert {"output", "gradient-x", "double-backward-x"} <= find_planned("formula")
    assert "running-mean" not in find_planned("formula")
    assert {"running-mean", "running-var-matters", "untracked"} <= find_planned("statistics")
    assert {"running-var-matters", "inference-output"} <= find_planned("inference")
    assert find_planned("folding") == {"fold-weight", "fold-bias"}
    assert {"answers", "untouched", "repeats", "sequence-output"} <= find_planned("behaviour")


@pytest.mark.parametrize("area", ["accuracy", "half"])
def test_a_defect_of_numbers_may_come_from_any_law_about_numbers(area):
    """Where it shows, and not its law, makes it one of accuracy or of half precision."""
    assert find_planned(area) == NUMERIC


def test_an_area_of_special_inputs_has_laws_of_its_own_besides():
    """A degenerate batch is asked for by some laws, and met by chance by the others."""
    own = {law.id for law in load_laws().values() if law.area == "edges"}
    assert {"one-value", "empty-batch", "empty-shard"} <= own
    assert find_planned("edges") == NUMERIC | own


def test_the_area_layout_is_more_than_the_law_of_that_name():
    """One name stands for both, and the area is the wider one."""
    own = {law.id for law in load_laws().values() if law.area == "layout"}
    assert {"layout", "layout-gradient", "broadcast-input"} <= own
    assert find_planned("layout") == NUMERIC | own
    assert "layout" not in find_planned(ignore=("layout",))


def test_a_finding_stands_for_the_laws_of_its_area():
    """What it is called beyond that is only known once it is found."""
    assert find_planned("folding/O01") == find_planned("folding")
    assert find_planned("folding/O01", "output") == find_planned("folding") | {"output"}
    assert find_planned("folding", ignore=("fold-bias",)) == {"fold-weight"}


def test_ignoring_an_area_leaves_out_no_law():
    """A law may show something in another area, so only what is told is narrowed."""
    assert find_planned(ignore=("half", "edges/R23")) == set(load_laws())


FINDING = Finding(
    "half/D01", "half", "", ("output", "gradient-x"), "only float16", Cause("", "", "unknown"), ""
)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("half/D01", True),
        ("half", True),
        ("output", True),
        ("gradient-x", True),
        ("half/D0", False),
        ("formula", False),
        ("gradient-gamma", False),
        ("", False),
    ],
)
def test_a_finding_is_named_by_its_id_its_area_or_its_laws(name, named):
    """Nothing that merely begins alike stands for it."""
    assert names_finding(name, FINDING) == named


@pytest.mark.parametrize(
    ("select", "ignore", "told"),
    [
        ((), (), True),
        (("half",), (), True),
        (("output",), (), True),
        (("formula", "half/D01"), (), True),
        (("formula",), (), False),
        (("half/D02",), (), False),
        ((), ("half",), False),
        ((), ("half/D01",), False),
        ((), ("half/D02", "formula"), True),
        # The law was not judged, so what is left of the finding is another matter.
        ((), ("output",), True),
        (("half",), ("half/D01",), False),
    ],
)
def test_what_is_told_is_selected_and_not_ignored(select, ignore, told):
    """Both by the names that a finding goes by."""
    assert tells(CheckOptions(select=select, ignore=ignore), FINDING) == told


def test_with_half_precision_alone_everything_found_is_told():
    """No other dtype was asked, so that a finding is in the area of its formula."""
    elsewhere = replace(FINDING, id="formula/F01", area="formula", laws=("affine",))
    assert tells(CheckOptions(select=("half",)), elsewhere)
    assert not tells(CheckOptions(select=("half",), ignore=("formula",)), elsewhere)
    assert not tells(CheckOptions(select=("accuracy",)), elsewhere)


def test_half_narrows_the_dtypes_that_are_asked():
    """Unless dtypes are asked for by name, and then only to those that the target takes."""
    for select, dtypes, asked in (
        (("half",), (), {"float16", "bfloat16"}),
        ((), (), {"float16", "bfloat16", "float32", "float64"}),
        (("half",), ("float32",), {"float32"}),
        ((), ("float16",), {"float16"}),
    ):
        options = CheckOptions("quick", select=select, dtypes=dtypes, methods=("train",))
        session = examine(NumpyBatchNorm(), [load_laws()["running-mean"]], options).session
        assert {traits.dtype for traits in session.traits} == asked


def test_a_method_is_one_that_there_is():
    """A slip is met before anything is asked, and the message lists the methods."""
    with pytest.raises(ValueError, match=r"no method 'trane': use train, infer"):
        plan_laws(CheckOptions(methods=("train", "trane")))


def test_an_area_may_be_expected_to_fail_whatever_is_judged():
    """Its laws are not known beforehand, so only a law has to be among those judged."""
    for name in ("half", "half/D01"):
        assert plan_laws(CheckOptions(select=("output",), expect={name: "known"}))
    with pytest.raises(UnknownLaw, match="shift is expected to fail, but is not judged"):
        plan_laws(CheckOptions(select=("output",), expect={"shift": "known"}))


def test_a_law_that_is_expected_to_fail_is_judged_with_the_others():
    """An expectation narrows nothing: it is planned among all laws."""
    plan = plan_laws(CheckOptions(expect={"shift": "known"}))
    assert [law.id for law in plan] == list(load_laws())


def test_a_convention_is_one_that_there_is():
    """A name is looked up at once, and an instance is taken as it is."""
    with pytest.raises(UnknownConvention, match="teras"):
        plan_laws(CheckOptions(convention="teras"))
    assert plan_laws(CheckOptions(convention=NAMED["keras"], select=("output",)))
