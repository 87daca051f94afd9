"""The list of laws: nothing is lost on the way into it, and every entry can be read."""

import sys
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import pytest

from bnproof import laws
from bnproof.contract import AREAS, QUANTITIES
from bnproof.laws.law import Law, load_laws
from bnproof.laws.relations import list_observations


def test_no_law_hides_another():
    """As many laws as the modules yield: an id that occurs twice would replace a law in silence."""
    modules = [import_module(f"bnproof.laws.{info.name}") for info in iter_modules(laws.__path__)]
    listed = [law.id for module in modules for law in getattr(module, "list_laws", list)()]
    assert len(listed) == len(set(listed)) > 50
    assert list(load_laws()) == listed


@pytest.fixture
def forgotten():
    """The list as if it had not been made yet, before and after."""
    load_laws.cache_clear()
    yield
    load_laws.cache_clear()


def test_a_module_in_the_folder_is_enough(tmp_path, monkeypatch, forgotten):
    """Its laws are among the others, in the place of its name; a module without any is no error."""
    for name in ("aaa_first", "aab_without"):
        (tmp_path / f"{name}.py").touch()
        monkeypatch.setitem(sys.modules, f"bnproof.laws.{name}", ModuleType(name))
    mine = Law("mine", "", "it is mine", ("y",), None)
    sys.modules["bnproof.laws.aaa_first"].list_laws = lambda: [mine]
    monkeypatch.setattr(laws, "__path__", [str(tmp_path), *laws.__path__])
    found = load_laws()
    assert next(iter(found.values())) is mine
    assert "output" in found


def test_laws_speak_of_quantities_that_there_are():
    """Of the contract's, or of what a relation observes."""
    for law in load_laws().values():
        assert set(law.quantities) <= QUANTITIES.keys() | list_observations(law.id).keys(), law.id


def test_every_law_belongs_to_an_area():
    """Its own one, or those of the quantities that it is about."""
    for law in load_laws().values():
        assert law.areas, law.id
        assert law.areas <= set(AREAS), law.id
    assert load_laws()["running-mean"].areas == {"statistics"}
    assert load_laws()["output"].areas == {"formula"}
    assert load_laws()["beta-matters"].areas == {"formula", "inference"}
    mixed = Law("mixed", "", "", ("running_var", "folded_bias", "of its own"), None)
    assert mixed.areas == {"statistics", "folding"}
    assert replace(mixed, area="edges").areas == {"edges"}


def test_what_a_law_follows_from_is_judged_by_itself():
    """Else what follows would be no news of something that nobody is told."""
    followed = {law.id: law.follows for law in load_laws().values() if law.follows}
    assert "sequence-output" in followed
    for name, causing in followed.items():
        assert all(load_laws()[law].measure is not None for law in causing), name
        assert name not in causing


def test_a_law_of_its_own_area_says_what_to_do():
    """No formula is wrong there, so no derivation would help; others name their theorem."""
    for law in load_laws().values():
        assert law.mend or law.theorem, law.id


def test_only_laws_of_sequences_have_no_measurement():
    """They are judged while a layer is driven, and are about no single quantity."""
    without = {law.id for law in load_laws().values() if law.measure is None}
    assert without == {"fresh-state"} | {name for name in load_laws() if "sequence-" in name}
    assert all(load_laws()[name].quantities == () for name in without)
