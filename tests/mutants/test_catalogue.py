"""The catalogue's own rules: one class for an id, and rows as they are written, in order."""

import csv
from importlib.resources import files

import pytest

from bnproof.mutants import catalogue
from bnproof.mutants.catalogue import bug, list_mutants, read_bugs, strip_variant


@pytest.fixture
def registered(monkeypatch):
    """A registry of its own."""
    monkeypatch.setattr(catalogue, "_REGISTERED", {})
    return catalogue._REGISTERED


def test_a_class_is_registered_as_it_is(registered):
    """The decorator hands the class back, with what was said of it kept beside."""

    class Model:
        """Something is wrong."""

    assert bug("F01", mechanism="eps misplaced", grade="broken")(Model) is Model
    (model,) = registered.values()
    assert (model.id, model.bug.id, model.make) == ("F01", "F01", Model)
    kept = (model.kind, model.mechanism, model.says, model.grade)
    assert kept == ("semantic", "eps misplaced", "Something is wrong.", "broken")


def test_an_id_is_modelled_once(registered):
    """A second class is refused in one line that names both; the same class again is not."""

    class First:
        """One."""

    class Second:
        """Another."""

    bug("F01", mechanism="a")(First)
    bug("F01", mechanism="a")(First)
    with pytest.raises(ValueError, match="F01 is modelled twice, by First and Second"):
        bug("F01", mechanism="a")(Second)


def test_rows_are_those_of_the_file():
    """Every line is read, its addresses apart, and no id stands there twice."""
    text = files("bnproof.mutants").joinpath("sources.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert list(read_bugs()) == [row["id"] for row in rows]
    for row in rows:
        read = read_bugs()[row["id"]]
        assert " ".join(read.sources) == row["sources"]
        assert all(source.startswith("https://") for source in read.sources)
        assert read.severity in ("none", "low", "medium", "high", "critical")


def test_models_come_in_the_order_of_the_rows():
    """A row's own model stands before its variants, and rows in the order of the file."""
    order, names = list(read_bugs()), list(list_mutants())
    places = [order.index(strip_variant(name)) for name in names]
    assert places == sorted(places)
    assert names.index("F03") < names.index("F03-own") < names.index("F03-square")


def test_a_docstring_is_one_line_of_a_message():
    """What is said of a mutant is one paragraph, since it is printed as a likely cause."""
    assert all("\n\n" not in mutant.says for mutant in list_mutants().values())
    assert all(mutant.says == mutant.says.strip() for mutant in list_mutants().values())


def test_a_variant_belongs_to_its_row():
    """Everything after the first hyphen names the variant."""
    assert [strip_variant(name) for name in ("F03", "F03-square", "C04-nan-too")] == [
        "F03",
        "F03",
        "C04",
    ]
