"""What the ONNX adapter takes and refuses, without ONNX; with it and onnxruntime, the files are
tested in ``test_onnx.py``."""

import sys
from pathlib import Path

import numpy as np
import pytest

from bnproof.implementations.adapters import FIELDS, UnusableLayer
from bnproof.implementations.onnx_file import DEFAULTS, File, accepts, load_model, require_one


def test_paths_of_onnx_files_are_taken():
    """By their suffix, whether they are there or not; a text is no path."""
    taken = (Path("a/model.onnx"), Path("model.v2.onnx"))
    assert all(map(accepts, taken))
    others = ("model.onnx", Path("model.pt"), Path("onnx"), Path("model.onnx/weights"), None)
    assert not any(map(accepts, others))


@pytest.mark.parametrize(
    ("training", "statistics", "fields"),
    [
        (0, (), FIELDS),
        (1, ("new_mean", "new_var"), FIELDS),
        (1, (), ("gamma", "beta")),
    ],
)
def test_a_training_step_has_the_statistics_it_gives_out(training, statistics, fields):
    """At inference they are read, and belong to the state always."""
    attributes = DEFAULTS | {"training_mode": training}
    file = File("norm.onnx", None, attributes, {}, None, None, statistics)
    assert (file.trains, file.fields) == (bool(training), fields)


def test_a_node_that_says_nothing_infers_with_the_defaults_of_the_standard():
    """eps 1e-5 and momentum 0.9 as float32, in which the file would hold them."""
    for name, value in (("epsilon", "1e-5"), ("momentum", "0.9")):
        assert type(DEFAULTS[name]) is float
        # as floats, since NumPy compares a float32 with a float in float32
        assert DEFAULTS[name] == float(np.float32(value)) != float(value)
    assert DEFAULTS["training_mode"] == 0


def test_the_only_one_is_taken_and_none_or_several_are_refused():
    """In one line, with the number and the mend."""
    assert require_one(["this"], "input", "norm.onnx") == "this"
    for candidates, count in (([], "no"), (["a", "b", "c"], "3")):
        with pytest.raises(UnusableLayer, match=f"norm.onnx has {count} input where") as refused:
            require_one(candidates, "input", "norm.onnx")
        assert "\n" not in str(refused.value)


def test_a_path_is_checked_before_a_package_is_missed(tmp_path, monkeypatch):
    """A folder is no file; for a file that is there the missing package is named."""
    for package in ("onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UnusableLayer, match="there is no file"):
        load_model(tmp_path)
    path = tmp_path / "norm.onnx"
    path.write_bytes(b"")
    with pytest.raises(UnusableLayer, match=r"norm\.onnx needs onnx, not installed here"):
        load_model(path)
