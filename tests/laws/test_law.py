"""The list of laws: nothing is lost on the way into it, and every entry can be read."""

import sys
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import pytest

from bnproof import laws
from bnproof.contract import QUANTITIES
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


def test_only_laws_of_sequences_have_no_measurement():
    """They are judged while a layer is driven, and are about no single quantity."""
    without = {law.id for law in load_laws().values() if law.measure is None}
    assert without == {"fresh-state"} | {name for name in load_laws() if "sequence-" in name}
    assert all(load_laws()[name].quantities == () for name in without)
