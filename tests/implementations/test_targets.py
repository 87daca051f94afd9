"""From what a user types to an implementation: files, modules, classes, functions and layers."""

import sys

import pytest

from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_layer import NumpyLayer
from bnproof.implementations.targets import UnusableTarget, as_implementation, list_builtin, load
from bnproof.implementations.through_state import ThroughState


class Answers:
    """An implementation that says which one it is."""

    def __init__(self, name="made"):
        self.name = name

    def train(self):
        return self.name


class ReadingRaises:
    """Its ``train`` cannot even be looked up."""

    @property
    def train(self):
        raise ValueError("no")


class Unshowable(Exception):
    """An error whose text raises another one."""

    def __str__(self):
        raise RuntimeError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that the process is in, and that leaves no modules behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_builtin_names_lead_to_what_the_modules_declare():
    """The reference and the layer, the latter through its state."""
    assert list_builtin()["numpy"] is NumpyBatchNorm
    assert isinstance(load("numpy"), NumpyBatchNorm)
    layer = load("numpy-layer")
    assert isinstance(layer, ThroughState)
    assert layer.make is NumpyLayer


def test_a_file_may_import_its_neighbours_when_it_is_called(folder):
    """Its folder is on the path; instances and classes are taken alike, under the name given."""
    (folder / "bn_inner").mkdir()
    (folder / "bn_inner" / "bn_neighbour.py").write_text("NAME = 'from beside'\n")
    file = folder / "bn_inner" / "bn_mine.py"
    file.write_text(
        "class Late:\n    def train(self):\n        import bn_neighbour\n"
        "        return bn_neighbour.NAME\n\nready = Late()\n"
    )
    for name in ("Late", "ready"):
        assert load(f"{file}:{name}").train() == "from beside"


def test_a_module_of_the_working_folder_is_found_by_its_dotted_name(folder):
    """The last colon separates the name; a module with ``train`` is an implementation itself."""
    (folder / "bn_package").mkdir()
    (folder / "bn_package" / "__init__.py").write_text("from bn_package import inner\n")
    (folder / "bn_package" / "inner.py").write_text("def train():\n    return 'inner'\n")
    assert load("bn_package:inner").train() == "inner"


def test_what_goes_wrong_in_a_module_is_told_in_one_line(folder):
    """A package it needs, an error of several lines, an exit, and an error that cannot be shown."""
    texts = {
        "bn_needs": ("import bn_not_there\n", "bn_needs needs 'bn_not_there', .*: pip install it"),
        "bn_fails": (
            "raise RuntimeError('first\\nsecond')\n",
            "bn_fails does not import: RuntimeError: first$",
        ),
        "bn_exits": ("raise SystemExit(3)\n", "bn_exits does not import: SystemExit: 3$"),
        "bn_mute": (
            "class Mute(Exception):\n    def __str__(self):\n        raise RuntimeError\n"
            "raise Mute\n",
            "bn_mute does not import: Mute$",
        ),
    }
    for name, (text, message) in texts.items():
        (folder / f"{name}.py").write_text(text)
        with pytest.raises(UnusableTarget, match=message):
            load(f"{name}:Anything")


def test_a_name_that_is_not_there_gets_near_ones_or_those_that_train(folder):
    """A slip is answered with what is like it; otherwise the module's own implementations are
    offered, and nothing that is private or imported."""
    (folder / "bn_names.py").write_text(
        "from bnproof.implementations.numpy import NumpyBatchNorm\n"
        "class Mine:\n    def train(self): ...\n"
        "class _Hidden(Mine): ...\n"
        "class Untrained: ...\n"
    )
    for name, offered in (("Mien", "Mine"), ("Zzzz", "Mine")):
        with pytest.raises(UnusableTarget, match=f"has no '{name}': it offers {offered}$"):
            load(f"bn_names:{name}")


@pytest.mark.parametrize("target", ["", ":", "x:", ":x", "nothing like it"])
def test_what_names_nothing_is_answered_with_all_there_is(target):
    """An empty place or name: the built-in names are listed, in one line."""
    with pytest.raises(UnusableTarget, match=r"try compensated, .*numpy.*, or package") as refused:
        load(target)
    assert "\n" not in str(refused.value)


def test_an_onnx_file_that_is_not_there_is_an_unusable_target():
    """A path needs no name, and the adapter's refusal becomes the target's."""
    with pytest.raises(UnusableTarget, match=r"there is no file nowhere\.onnx: check the path"):
        load("nowhere.onnx")


def test_classes_are_made_and_instances_are_kept():
    """A class without arguments is called once; an instance and a wrapped layer are as they are."""
    assert as_implementation(Answers, "it").train() == "made"
    own, wrapped = Answers("own"), ThroughState(NumpyLayer)
    assert as_implementation(own, "it") is own
    assert as_implementation(wrapped, "it") is wrapped


def test_layers_go_through_their_state_as_classes_and_as_functions():
    """A function is tried with two channels; a layer by itself has no options and is refused."""
    asked = []

    def make(num_features, **options):
        asked.append((num_features, options))
        return NumpyLayer(num_features, **options)

    of = as_implementation(make, "make")
    assert isinstance(of, ThroughState)
    assert of.make is make
    assert asked == [(2, {"eps": 0.25, "momentum": 0.25})]
    with pytest.raises(UnusableTarget, match="NumpyLayer is one layer: name its class"):
        as_implementation(NumpyLayer(2, eps=0.25, momentum=0.25), "layer")


def raise_two_lines(*arguments, **options):
    """A function that fails."""
    raise ValueError("first\nsecond")


def exit_at_once(*arguments):
    """The constructor of :class:`Exits`."""
    raise SystemExit(1)


def raise_unshowable(*arguments):
    """The constructor of :class:`Mute`."""
    raise Unshowable


UNUSABLE = {
    "a function that fails": (
        raise_two_lines,
        r"is a function, and raise_two_lines\(2, eps=0.25, momentum=0.25\) makes no layer"
        r" \(ValueError: first\): wrap it, as in bn = bnproof.wrap",
    ),
    "a function of anything": (lambda *_, **__: 3, "makes a int of 2 features, which is no layer"),
    "a class that exits": (type("Exits", (), {"__init__": exit_at_once}), r"it\(\) raises System"),
    "an error without a text": (
        type("Mute", (), {"__init__": raise_unshowable}),
        r"it\(\) raises Unshowable: name an instance",
    ),
    "train that cannot be read": (ReadingRaises(), "it.train cannot be read: ValueError: no$"),
    "train that is no method": (type("Data", (), {"train": 3}), "it has no method of the contract"),
    "nothing": (None, "it has no method of the contract"),
}


@pytest.mark.parametrize(("candidate", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_is_no_implementation_is_refused_in_one_line(candidate, message):
    """The message says why, whatever the object does when it is looked at."""
    with pytest.raises(UnusableTarget, match=message) as refused:
        as_implementation(candidate, "it")
    assert "\n" not in str(refused.value)
