"""ONNX files with one BatchNormalization become layers that agree with NumPy; skipped where
onnxruntime is not installed."""

import sys

import numpy as np
import pytest

from bnproof.implementations.adapters import UnusableLayer, adapt_candidate
from tests.implementations.test_adapters import errors, made

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper = onnx.helper

pytestmark = pytest.mark.onnx
SHAPES = [(5, 3), (4, 3, 2), (2, 3, 2, 2), (2, 3, 2, 1, 3)]
STATISTICS = ["new_mean", "new_var"]


def tensor(name, kind, shape):
    """A declared input or output."""
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape
    )


def model(
    shape=(1, 3),
    kind="float32",
    training=0,
    given=STATISTICS,
    nodes=(),
    stored="sbmv",
    names="sbmv",
):
    """A model of one batch norm, ``x`` to ``y``, and of other nodes."""
    outputs = ["y", *(STATISTICS if training else [])]
    norm = helper.make_node(
        "BatchNormalization",
        ["x", *names],
        outputs,
        epsilon=0.25,
        momentum=0.75,
        training_mode=training,
    )
    parameters = [onnx.numpy_helper.from_array(np.array([1, 2, 3], kind), name) for name in stored]
    results = [tensor("y", kind, shape), *(tensor(name, kind, (3,)) for name in given if training)]
    graph = helper.make_graph([*nodes, norm], "g", [tensor("x", kind, shape)], results, parameters)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=9)


@pytest.fixture
def saved(tmp_path):
    """Saves a model and gives its path."""

    def save(made):
        onnx.save(made, tmp_path / "norm.onnx")
        return tmp_path / "norm.onnx"

    return save


@pytest.mark.parametrize("training", [0, 1])
@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_file_agrees_with_numpy_at_every_rank(saved, shape, kind, training):
    """Output and running statistics, though the file was exported for another batch and other
    spatial sizes."""
    factory = adapt_candidate(saved(model((1, 3, *[7] * (len(shape) - 2)), kind, training)))
    found = errors(factory, shape, kind, modes=[bool(training)], differentiates=False)
    assert max(found.values()) < 1, found


def test_what_the_file_fixes_is_narrowed(saved):
    """Its dtype, rank, channels, epsilon and momentum; its parameters are the first state."""
    factory = adapt_candidate(saved(model()))
    assert factory.supports == {
        "dtypes": ["float32"],
        "num_features": 3,
        "eps": 0.25,
        "momentum": 0.75,
        "affine": True,
        "track_running_stats": True,
        "ranks": [2],
    }
    assert (factory.convention.name, factory.convention.channel_axis) == ("onnx", 1)
    layer, _ = made(factory)
    assert all(list(value) == [1, 2, 3] for value in layer.state.values())


def test_a_file_does_one_thing_and_holds_no_gradients(saved):
    """The other mode and backward are not offered."""
    x = np.ones((2, 3), "float32")
    for training in (0, 1):
        layer, _ = made(adapt_candidate(saved(model(training=training))))
        with pytest.raises(NotImplementedError, match=f"training_mode = {training}"):
            layer.forward(x, training=not training)
        layer.forward(x, training=bool(training))
        with pytest.raises(NotImplementedError, match="no gradients"):
            layer.backward(x)


def test_statistics_that_are_not_given_out_are_not_tracked(saved):
    """A training step whose graph outputs y alone has no running statistics."""
    factory = adapt_candidate(saved(model(training=1, given=[])))
    assert factory.supports["track_running_stats"] is False
    layer, _ = made(factory)
    assert layer.state["running_mean"] is layer.state["running_var"] is None


def test_parameters_may_be_constant_nodes(saved):
    """They are replaced as initialisers are."""
    value = onnx.numpy_helper.from_array(np.ones(3, "float32"), "value")
    constant = helper.make_node("Constant", [], ["s"], value=value)
    found = errors(
        adapt_candidate(saved(model(nodes=[constant], stored="bmv"))),
        (4, 3),
        "float32",
        modes=[False],
        differentiates=False,
    )
    assert max(found.values()) < 1, found


def test_the_graph_runs_as_a_whole(saved):
    """A node behind the batch norm takes part: ``-gamma (x - mu)/sqrt(v + eps) - beta`` by hand,
    and a new state arrives in the file's dtype."""
    norm = model()
    norm.graph.node[-1].output[0] = "norm"
    norm.graph.node.append(helper.make_node("Neg", ["norm"], ["y"]))
    layer, _ = made(adapt_candidate(saved(norm)))
    layer.state = {field: np.full(3, 3.75) for field in layer.state}
    assert layer.state["gamma"].dtype == np.float32
    y = layer.forward(np.full((1, 3), 7.75, "float32"), training=False)
    assert y.tolist() == [[-11.25] * 3]  # 3.75 (7.75 - 3.75)/2 + 3.75


def test_stored_parameters_may_be_declared_as_inputs(saved):
    """Older files list their initialisers among the inputs; x alone is the input, and a node that
    says nothing has the standard's eps and momentum."""
    norm = model()
    norm.graph.input.extend([tensor(name, "float32", (3,)) for name in "sbmv"])
    del norm.graph.node[-1].attribute[:]
    factory = adapt_candidate(saved(norm))
    assert factory.supports["eps"] == np.float32(1e-5)
    assert factory.supports["momentum"] == np.float32(0.9)
    assert made(factory)[0].state["running_mean"].tolist() == [1, 2, 3]


def unusable():
    """Bytes or models, and what is said about them."""
    relu = helper.make_node("Relu", ["x"], ["y"])
    nothing = helper.make_graph(
        [relu], "g", [tensor("x", "float32", (1, 3))], [tensor("y", "float32", (1, 3))]
    )
    second = helper.make_node("BatchNormalization", ["x", *"sbmv"], ["z"])
    negated = helper.make_node("Neg", ["b"], ["s"])
    return {
        "garbage": (b"garbage", "is no ONNX model: export it again"),
        "none": (helper.make_model(nothing), "has no BatchNormalization where there has to be one"),
        "two": (model(nodes=[second]), "has 2 BatchNormalization where there has to be one"),
        "computed": (
            model(nodes=[negated], stored="bmv"),
            "stores no gamma: export its parameters as initialisers",
        ),
        "bfloat16": (
            model(kind="bfloat16"),
            "onnxruntime cannot run norm.onnx: .*BatchNormalization",
        ),
    }


@pytest.mark.parametrize("case", ["garbage", "none", "two", "computed", "bfloat16"])
def test_what_cannot_be_checked_is_refused_in_one_line(tmp_path, case):
    """The message says what is missing and names the mend."""
    content, message = unusable()[case]
    path = tmp_path / "norm.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    with pytest.raises(UnusableLayer, match=message) as refused:
        adapt_candidate(path)
    assert "\n" not in str(refused.value)


def test_no_file_is_refused_in_one_line(tmp_path):
    """The path is named."""
    with pytest.raises(UnusableLayer, match=r"there is no file .*nowhere.onnx: check the path"):
        adapt_candidate(tmp_path / "nowhere.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(saved, monkeypatch, package):
    """Without onnx or onnxruntime a file cannot be run."""
    path = saved(model())
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        UnusableLayer,
        match=f"norm.onnx needs {package}, not installed here: pip install onnx onnxruntime",
    ):
        adapt_candidate(path)
