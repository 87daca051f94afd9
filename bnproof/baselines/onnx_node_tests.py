"""The ONNX backend's own node tests for BatchNormalization, where the ``onnx`` package is
installed.

They are four: inference and one training step, each with the default eps and with 1e-2. Gradients
are no part of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np

from bnproof.baselines.baseline import Baseline, BaselineResult, Check, require_method, run_checks
from bnproof.baselines.closeness import assert_similar
from bnproof.baselines.declared import Declared
from bnproof.contract import Array

NODES = "onnx.backend.test.case.node"


@dataclass(frozen=True)
class NodeTest:
    """One node test.

    Attributes
    ----------
    name
        Its name in the package.
    inputs
        ``x, scale, bias, mean, var``, all float32.
    outputs
        What has to come out: ``y``, in training ``y, running_mean, running_var``.
    training
        Whether it is a training step.
    eps
        What is added to the variance.
    momentum
        The weight of the old value, as ONNX has it.  The running variance is the population's.
    rtol, atol
        The tolerances that the test states.
    """

    name: str
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    training: bool
    eps: float
    momentum: float
    rtol: float
    atol: float

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs' names in the contract."""
        return ("y", "running_mean", "running_var") if self.training else ("y",)


def run(implementation: Any, reference: Any) -> BaselineResult:
    """Run ``test_batchnorm_example``, ``test_batchnorm_epsilon`` and their training forms.

    The reference is not asked.

    Notes
    -----
    Tolerances are those of the test cases, ``rtol = 1e-3, atol = 1e-7``; shapes and dtypes have to
    agree.  Momentum and layout are converted to the implementation's convention.  The running
    variance is left out where the unbiased one is tracked, which ONNX's is not.
    """
    try:
        cases = collect_node_tests()
    except ImportError:
        return BaselineResult(flagged=False, reason="onnx is not installed", offered=False)
    return run_checks(_list_checks(implementation, cases))


def collect_node_tests() -> list[NodeTest]:
    """The collected test cases; raises ``ImportError`` without onnx.

    Only the module about batch normalisation is imported (all of them take seconds).  It draws its
    data from NumPy's global generator seeded with 0, which is left as it was found.
    """
    state = np.random.get_state()  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            package, schemas = import_module(NODES), import_module("onnx.defs")
            for info in iter_modules(package.__path__):
                # its name differs between versions
                if info.name.replace("_", "").startswith("batchnorm"):
                    import_module(f"{NODES}.{info.name}")
    finally:
        np.random.set_state(state)  # noqa: NPY002
    defaults = schemas.get_schema("BatchNormalization").attributes
    standard = {
        name: defaults[name].default_value for name in ("epsilon", "momentum", "training_mode")
    }
    # what onnx's own loader of node tests returns
    collected = getattr(package, "_NodeTestCases")  # noqa: B009
    nodes = ((case, case.model.graph.node[0]) for case in collected)
    return [
        _read_node(case, node, standard)
        for case, node in nodes
        if node.op_type == "BatchNormalization"
    ]


def _read_node(case: Any, node: Any, standard: dict[str, Any]) -> NodeTest:
    """A test case of the package as data, with the schema's defaults for what its node leaves
    out."""
    attributes = standard | {attribute.name: attribute for attribute in node.attribute}
    # A node test has exactly one data set; another number would be another format.
    ((inputs, outputs),) = case.data_sets
    training = bool(attributes["training_mode"].i)
    eps, momentum = (_recover_decimal(attributes[name].f) for name in ("epsilon", "momentum"))
    return NodeTest(
        case.name, tuple(inputs), tuple(outputs), training, eps, momentum, case.rtol, case.atol
    )


def _recover_decimal(attribute: float) -> float:
    """The number as it was written: attributes are stored in float32."""
    return float(str(np.float32(attribute)))


def _list_checks(implementation: Any, cases: list[NodeTest]) -> Iterator[Check]:
    """One check for each case that lies inside what the implementation supports."""
    declared = Declared.from_implementation(implementation)
    for case in cases:
        x = case.inputs[0]
        momentum = (
            # ONNX weighs the old value; ``convert_momentum`` starts from the weight of the new one.
            declared.convert_momentum(round(1 - case.momentum, 12)) if case.training else None
        )
        if declared.takes(dtype=x.dtype.name, shape=x.shape, eps=case.eps, momentum=momentum):
            yield case.name, partial(_check_node, implementation, declared, case, momentum)


def _check_node(
    implementation: Any, declared: Declared, case: NodeTest, momentum: float | None
) -> None:
    """One case; a momentum of ``None`` stands for inference."""
    x, *others = (np.array(value) for value in case.inputs)
    inputs = (declared.convert_layout(x), *others)
    if momentum is None:
        got = (require_method(implementation, "infer")(*inputs, eps=case.eps),)
    else:
        got = require_method(implementation, "train")(*inputs, eps=case.eps, momentum=momentum)
    y, *statistics = case.outputs
    for name, value, expected in zip(
        case.names, got, (declared.convert_layout(y), *statistics), strict=True
    ):
        if name != "running_var" or declared.convention.running_var == "biased":
            assert_similar(name, value, expected, case.rtol, case.atol)


BASELINE = Baseline(
    name="onnx-node-tests",
    says="the ONNX backend's node tests for BatchNormalization pass",
    source="https://github.com/onnx/onnx/tree/main/onnx/backend/test/case/node",
    run=run,
)
