"""Which subjects have to be found and which have to pass, on a catalogue of three models."""

from types import SimpleNamespace

import pytest

from bnproof.detection import subjects
from bnproof.detection.subjects import MODULES, list_correct, list_wrong, load_subject
from bnproof.implementations.targets import UnusableTarget


class Model:
    def train(self):
        """Be an implementation."""


MODELS = {
    "F99": SimpleNamespace(kind="semantic", make=Model),
    "C99": SimpleNamespace(kind="correct", make=Model),
    "V99": SimpleNamespace(kind="graded", make=Model),
}


@pytest.fixture(autouse=True)
def _three_models(monkeypatch):
    """A catalogue and two built-in implementations made by hand."""
    monkeypatch.setattr(subjects, "list_mutants", lambda: MODELS)
    monkeypatch.setattr(subjects, "list_builtin", lambda: {"mine": Model, "yours": Model})


def test_models_are_wrong_unless_they_are_correct():
    """Graded ones are wrong as well; both lists keep the order of the catalogue."""
    assert list_wrong() == ["F99", "V99"]
    assert list_correct() == ["mine", "yours", *MODULES, "C99"]


def test_a_model_is_loaded_by_its_id_and_anything_else_as_a_target():
    """A model is a new instance each time; a name that is neither is refused in one line."""
    first, second = load_subject("C99"), load_subject("C99")
    assert isinstance(first, Model)
    assert first is not second
    assert hasattr(load_subject("numpy"), "train")
    with pytest.raises(UnusableTarget, match="no implementation 'X99'") as refused:
        load_subject("X99")
    assert "\n" not in str(refused.value)
