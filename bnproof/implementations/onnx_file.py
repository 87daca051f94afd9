"""ONNX files with one ``BatchNormalization`` as they are, run by onnxruntime.
 They infer, or do one training step where ``training_mode = 1``.  The file's graph runs as a whole.
Only the initialisers of scale, B, mean and var are replaced, in a copy in which the sizes of all
axes but the channels' are open.  eps, momentum, the number of channels, the rank and the dtype are
the file's.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.adapters import (
    AdaptedLayer,
    Adapter,
    LayerFactory,
    Pullback,
    UnusableLayer,
)
from bnproof.implementations.conventions import NAMED
from bnproof.implementations.signatures import Gradients
from bnproof.implementations.through_state import FIELDS

# what a node without these attributes means by the ONNX standard, in its float32
DEFAULTS = {
    "epsilon": float(np.float32(1e-5)),
    "momentum": float(np.float32(0.9)),
    "training_mode": 0,
}


@dataclass(frozen=True)
class File:
    """What a model says of its batch norm.

    Attributes
    ----------
    name
        The file's name.
    model
        The ONNX model.
    attributes
        Those of the node, with ONNX's defaults for what it leaves out.
    places
        The initialiser of each of gamma, beta and the running statistics.
    entry, result
        What x and y are called.
    statistics
        The outputs that give the new running statistics out; empty where there are none.
    """

    name: str
    model: Any
    attributes: Mapping[str, Any]
    places: Mapping[str, str]
    entry: Any
    result: Any
    statistics: tuple[str, ...]

    @property
    def trains(self) -> bool:
        """Whether it is a training step, else inference."""
        return bool(self.attributes["training_mode"])

    @property
    def fields(self) -> tuple[str, ...]:
        """What makes up the state.

        A training step that does not give its running statistics out has none to speak of.
        """
        return FIELDS if self.statistics or not self.trains else FIELDS[:2]


class OnnxLayer(AdaptedLayer):
    """A file as a layer; it has no gradients.

    Parameters
    ----------
    file
        The batch norm in the file.
    """

    def __init__(self, file: File) -> None:
        from onnx.numpy_helper import to_array

        self.file, self.name = file, file.name
        stored = {tensor.name: tensor for tensor in file.model.graph.initializer}
        self.values = {
            field: np.array(to_array(stored[file.places[field]])) for field in file.fields
        }
        self.session = open_session(file, self.values)

    def read_state(self) -> dict[str, Array | None]:
        """Copies of the initialisers; ``None`` for statistics that are not given out."""
        return {
            field: self.values[field].copy() if field in self.values else None for field in FIELDS
        }

    def write_state(self, values: Mapping[str, Array]) -> None:
        """Replace the initialisers, in the dtypes of the file."""
        self.values = {
            field: value.astype(self.values[field].dtype) for field, value in values.items()
        }
        self.session = open_session(self.file, self.values)

    def call_layer(self, x: Array, *, training: bool) -> tuple[Array, Pullback]:
        """``y``, and in training the running statistics that the file gives out.

        Raises
        ------
        NotImplementedError
            For the mode that the file is not in.
        """
        if training != self.file.trains:
            raise NotImplementedError(
                f"{self.name} has training_mode = {int(self.file.trains)}: it does nothing else"
            )
        names = [self.file.result.name, *self.file.statistics]
        y, *statistics = self.session.run(names, {self.file.entry.name: np.ascontiguousarray(x)})
        if statistics:
            self.state = self.state | dict(zip(FIELDS[2:], statistics, strict=True))
        return y, self.refuse_gradients

    def refuse_gradients(self, dy: Array) -> Gradients:
        """Raise ``NotImplementedError``: an ONNX graph is its forward pass."""
        raise NotImplementedError(f"{self.name} holds no gradients")


def open_session(file: File, values: Mapping[str, Array]) -> Any:
    """An onnxruntime session on the CPU, for a copy of the model with these initialisers."""
    import onnxruntime
    from onnx.numpy_helper import from_array

    model, names = deepcopy(file.model), {file.places[field]: field for field in values}
    for tensor in model.graph.initializer:
        if tensor.name in names:
            tensor.CopyFrom(from_array(values[names[tensor.name]], tensor.name))
    options = onnxruntime.SessionOptions()
    # errors alone are logged; one thread, so that sums are added in one order
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def require_one(candidates: list[Any], what: str, name: str) -> Any:
    """The only candidate there is.

    Raises
    ------
    UnusableLayer
        Where there is none, or there are several.
    """
    if len(candidates) != 1:
        raise UnusableLayer(
            f"{name} has {len(candidates) or 'no'} {what} where there has to be one: export the"
            " batch norm by itself"
        )
    return candidates[0]


def load_model(path: Path) -> Any:
    """The model in a file.

    Raises
    ------
    UnusableLayer
        Where there is no model, or nothing to run it with.
    """
    if not path.is_file():
        raise UnusableLayer(f"there is no file {path}: check the path")
    try:
        import onnx
        import onnxruntime  # noqa: F401
    except ModuleNotFoundError as error:
        raise UnusableLayer(
            f"{path.name} needs {error.name}, not installed here: pip install onnx onnxruntime"
        ) from error
    try:
        return onnx.load(path)
    except Exception as error:
        raise UnusableLayer(f"{path} is no ONNX model: export it again") from error


def read_file(path: Path) -> File:
    """The batch norm in a file.

    Raises
    ------
    UnusableLayer
        Unless the graph has one batch norm, one input, one output, and stored parameters.
    """
    model, name = load_model(path), path.name
    from onnx.helper import get_attribute_value

    graph = model.graph
    for constant in [
        node
        for node in graph.node
        if node.op_type == "Constant" and node.attribute[0].name == "value"
    ]:
        constant.attribute[0].t.name = constant.output[0]  # a parameter may be written as a node
        graph.initializer.append(constant.attribute[0].t)
        graph.node.remove(constant)
    node = require_one(
        [node for node in graph.node if node.op_type == "BatchNormalization"],
        "BatchNormalization",
        name,
    )
    stored = {tensor.name for tensor in graph.initializer}
    places = dict(zip(FIELDS, node.input[1:5], strict=True))
    if computed := [field for field, place in places.items() if place not in stored]:
        raise UnusableLayer(
            f"{name} stores no {', '.join(computed)}: export its parameters as initialisers"
        )
    attributes = DEFAULTS | {
        attribute.name: get_attribute_value(attribute) for attribute in node.attribute
    }
    entry = require_one([value for value in graph.input if value.name not in stored], "input", name)
    result = require_one(
        [value for value in graph.output if value.name not in node.output[1:]], "output", name
    )
    open_axes(graph, entry, result)
    given = {value.name for value in graph.output}
    statistics = tuple(output for output in node.output[1:3] if output in given)
    return File(
        name, model, attributes, places, entry, result, statistics if len(statistics) == 2 else ()
    )


def open_axes(graph: Any, *values: Any) -> None:
    """Leave the sizes of all axes but the channels' open, so that any batch runs."""
    del graph.value_info[:]
    for value in values:
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            if axis != 1:
                dimension.dim_param = f"{value.name}_{axis}"


def accepts(candidate: object) -> bool:
    """Whether it is the path of an ``.onnx`` file."""
    return isinstance(candidate, Path) and candidate.suffix == ".onnx"


def adapt(candidate: Path) -> LayerFactory:
    """The factory of a file's layer.

    Raises
    ------
    UnusableLayer
        Where onnxruntime cannot run the file.
    """
    file = read_file(candidate)
    from onnx.helper import tensor_dtype_to_np_dtype

    try:
        values = OnnxLayer(file).values
    except Exception as error:
        raise UnusableLayer(
            f"onnxruntime cannot run {file.name}: {str(error).splitlines()[0]}"
        ) from error
    kind = file.entry.type.tensor_type
    supports = {
        "dtypes": [np.dtype(tensor_dtype_to_np_dtype(kind.elem_type)).name],
        "num_features": values["gamma"].size,
        "eps": float(file.attributes["epsilon"]),
        "momentum": float(file.attributes["momentum"]),
        "affine": True,
        "track_running_stats": len(values) == len(FIELDS),
        **({"ranks": [len(kind.shape.dim)]} if kind.HasField("shape") else {}),
    }
    return LayerFactory(
        file.name, NAMED["onnx"], supports, lambda **_: OnnxLayer(file), fresh=False
    )


ADAPTER = Adapter(accepts, adapt)
PACKAGE = "onnxruntime"
TAKES = "model.onnx with one BatchNormalization"
