"""Objects users already have become layers: what adapters share, and PyTorch's modules."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from bnproof.contract import Convention
from bnproof.implementations.adapters import (
    FIELDS,
    AdaptedLayer,
    UnusableLayer,
    adapt_candidate,
    construct,
    make_factory,
    read_channel_axis,
    sample_width,
    select_keywords,
)
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_layer import NumpyLayer
from bnproof.verification.planning import CheckOptions
from bnproof.verification.run import check


class Biased(NumpyBatchNorm):
    def bessel(self, v, m):
        return v


class BiasedLayer(NumpyLayer):
    formula = Biased()


def reference(factory, channels, options):
    """The NumPy layer in the convention of the factory; its momentum weighs the new value."""
    new = options["momentum"] if factory.convention.momentum == "new" else 1 - options["momentum"]
    kind = BiasedLayer if factory.convention.running_var == "biased" else NumpyLayer
    return kind(channels, eps=options["eps"], momentum=new)


def made(factory, channels=3):
    """A layer with what the factory leaves open filled in, and these options."""
    options = {
        "eps": factory.supports.get("eps", 1e-3),
        "momentum": factory.supports.get("momentum", 0.3),
    }
    fixed = {name: factory.supports.get(name, True) for name in ("affine", "track_running_stats")}
    return factory(channels, **options, **fixed), options


def drawn(factory, layer, shape, dtype):
    """x, dy of the factory's layout, and a state for what the layer has."""
    random = np.random.default_rng(3)
    last = shape[:1] + shape[2:] + shape[1:2]
    x, dy = random.normal(
        2, 1, size=(2, *(shape if factory.convention.channel_axis == 1 else last))
    ).astype(dtype)
    kept = "float32" if np.dtype(dtype).itemsize == 2 else dtype
    state = {f: random.uniform(0.5, 2, size=shape[1]).astype(kept) for f in FIELDS}
    return x, dy, {f: None if layer.state[f] is None else value for f, value in state.items()}


def errors(
    factory, shape, dtype="float64", precision=None, modes=(True, False), differentiates=True
):
    """Errors of y, gradients and statistics against NumPy, each in units of
    ``100 eps m (1 + |largest|)``."""
    layer, options = made(factory, shape[1])
    model = reference(factory, shape[1], options)
    x, dy, state = drawn(factory, layer, shape, dtype)
    layer.state = model.state = state

    def first(array):
        return (
            array
            if array is None or factory.convention.channel_axis == 1
            else np.moveaxis(array, -1, 1)
        )

    unit = 100 * np.finfo(precision or dtype).eps * x.size / shape[1]
    found = {}
    for training in modes:
        got, expected = (
            {"y": first(layer.forward(x, training=training))},
            {"y": model.forward(first(x), training=training)},
        )
        assert got["y"].dtype == x.dtype
        if differentiates:
            dx, *parameters = layer.backward(dy)
            got |= dict(zip(("dx", "dgamma", "dbeta"), (first(dx), *parameters), strict=True))
            expected |= dict(zip(("dx", "dgamma", "dbeta"), model.backward(first(dy)), strict=True))
        got, expected = got | layer.state, expected | model.state
        moved = [(got[f] != state[f]).any() for f in FIELDS[2:] if got[f] is not None]
        assert all(moved) if training else not any(moved)
        assert {name for name, value in got.items() if value is None} == {
            n for n, v in expected.items() if v is None
        }
        found |= {
            f"{name}, training={training}": (
                np.abs(got[name] - value).max() / (unit * (1 + np.abs(value).max()))
            )
            for name, value in expected.items()
            if value is not None
        }
        state = model.state = layer.state
    return found


def test_the_measure_sees_a_wrong_formula():
    """The biased running variance where the unbiased one is declared, and nothing else, is out of
    bounds."""
    factory = adapt_candidate(torch.nn.BatchNorm1d)
    biased = Convention("mine", running_var="biased")
    found = errors(type(factory)(factory.name, biased, factory.supports, factory.build), (4, 3))
    assert {name for name, error in found.items() if error > 1} == {"running_var, training=True"}


# -- PyTorch ---------------------------------------------------------------------------------------

OF_RANK = {
    "1d, rank 2": (torch.nn.BatchNorm1d, (5, 3)),
    "1d, rank 3": (torch.nn.BatchNorm1d, (4, 3, 2)),
    "2d": (torch.nn.BatchNorm2d, (4, 3, 2, 2)),
    "3d": (torch.nn.BatchNorm3d, (2, 3, 2, 1, 3)),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("kind", "shape"), OF_RANK.values(), ids=OF_RANK)
def test_torch_classes_and_instances_agree_with_numpy(kind, shape, dtype):
    """Output, gradients and running statistics, in training and eval mode."""
    without_beta = kind(3, momentum=0.7)
    without_beta.register_parameter("bias", None)
    instances = (
        kind(3),
        kind(3, affine=False, eps=0.1),
        kind(3, track_running_stats=False),
        without_beta,
    )
    for candidate in (kind, *instances):
        found = errors(adapt_candidate(candidate), shape, dtype)
        assert max(found.values()) < 1, found


class ByHand(torch.nn.Module):
    """Two passes in tensor operations; its statistics are no buffers, its parameters have four
    axes."""

    def __init__(self, num_features, eps, momentum):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = torch.nn.Parameter(torch.ones(1, num_features, 1, 1))
        self.beta = torch.nn.Parameter(torch.zeros(1, num_features, 1, 1))
        self.running_mean, self.running_var = torch.zeros(num_features), torch.ones(num_features)

    def forward(self, x):
        mean, var = self.running_mean.reshape(1, -1, 1, 1), self.running_var.reshape(1, -1, 1, 1)
        if self.training:
            mean = x.mean((0, 2, 3), keepdim=True)
            var = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
            m = x.numel() // x.shape[1]
            self.running_mean = (
                1 - self.momentum
            ) * self.running_mean + self.momentum * mean.flatten()
            self.running_var = (
                1 - self.momentum
            ) * self.running_var + self.momentum * var.flatten() * m / (m - 1)
        if not mean.isfinite().all():
            raise FloatingPointError("not finite")
        return (x - mean) / torch.sqrt(var + self.eps) * self.gamma + self.beta


def test_a_batch_norm_written_as_a_module_agrees_with_numpy():
    """Other names, plain tensors, statistics that drag a graph along."""
    for candidate in (ByHand, ByHand(3, 0.01, 0.2)):
        factory = adapt_candidate(candidate)
        assert factory.supports["affine"] is factory.supports["track_running_stats"] is True
        found = errors(factory, (4, 3, 2, 2))
        assert max(found.values()) < 1, found


def test_a_forward_that_raises_leaves_the_state_as_it_was():
    """One value per channel; a module that raises after its statistics have moved, or that
    broadcasts one channel to two."""
    for candidate, x, error in (
        (torch.nn.BatchNorm1d, np.ones((1, 1)), ValueError),
        (ByHand, np.full((2, 1, 1, 1), np.nan), FloatingPointError),
        (ByHand, np.ones((2, 2, 1, 1)), ValueError),
    ):
        layer, _ = made(adapt_candidate(candidate), channels=1)
        layer.forward(np.random.default_rng(1).normal(size=(4, 1, *x.shape[2:])), training=True)
        before = layer.state
        with pytest.raises(error):
            layer.forward(x, training=True)
        assert all((before[f] == layer.state[f]).all() for f in FIELDS)


@pytest.mark.parametrize("training", [True, False])
def test_backward_is_of_its_forward_however_often(training):
    """Neither a second call nor a new state changes it; an absent parameter has no gradient."""
    layer, _ = made(adapt_candidate(torch.nn.BatchNorm1d))
    x, dy = np.random.default_rng(2).normal(size=(2, 4, 3))
    layer.forward(x, training=training)
    first = layer.backward(dy)
    layer.state = {f: value + 1 for f, value in layer.state.items()}
    for again in (layer.backward(dy), layer.backward(dy)):
        assert all((a == b).all() for a, b in zip(first, again, strict=True))
    layer = adapt_candidate(torch.nn.BatchNorm1d)(3, eps=1e-3, momentum=0.1, affine=False)
    layer.forward(x, training=training)
    assert layer.backward(dy)[1:] == (None, None)


def test_half_precision_keeps_parameters_in_float32():
    """y and dx in x's dtype, gradients of parameters and statistics in float32."""
    layer, _ = made(adapt_candidate(torch.nn.BatchNorm1d))
    x, dy = np.random.default_rng(2).normal(size=(2, 4, 3)).astype("float16")
    y = layer.forward(x, training=True)
    dx, dgamma, dbeta = layer.backward(dy)
    assert (y.dtype, dx.dtype) == (x.dtype, x.dtype)
    assert {value.dtype.name for value in (dgamma, dbeta, *layer.state.values())} == {"float32"}


def test_an_instance_stays_what_it_is():
    """Its options are what may be asked, its parameters the first state, and it is not trained
    itself."""
    module = torch.nn.BatchNorm2d(3, eps=0.5, momentum=0.25)
    with torch.no_grad():
        module.weight.mul_(2)
    factory = adapt_candidate(module)
    expected = {
        "ranks": [4],
        "num_features": 3,
        "eps": 0.5,
        "momentum": 0.25,
        "affine": True,
        "track_running_stats": True,
    }
    assert factory.supports == expected
    for wrong in (
        {"num_features": 4},
        {"eps": 1e-3},
        {"momentum": 0.1},
        {"affine": False},
        {"track_running_stats": False},
    ):
        with pytest.raises(NotImplementedError, match=f"BatchNorm2d has {next(iter(wrong))}"):
            factory(**({"num_features": 3, "eps": 0.5, "momentum": 0.25} | wrong))
    layer = factory(3, eps=0.5, momentum=0.25)
    assert (layer.state["gamma"] == 2).all()
    layer.forward(np.random.default_rng(1).normal(size=(2, 3, 2, 2)), training=True)
    assert (module.running_mean == 0).all()


def test_what_an_object_says_of_itself_goes_before():
    """``supports`` and ``convention`` of a class."""

    class Mine(torch.nn.BatchNorm1d):
        convention = "flax"
        supports = {"ranks": [2], "dtypes": ["float32"]}

    factory = adapt_candidate(Mine)
    assert factory.supports == Mine.supports
    assert (factory.convention.momentum, factory.convention.channel_axis) == ("old", 1)


@pytest.mark.parametrize("kind", [torch.nn.BatchNorm1d, torch.nn.BatchNorm2d])
def test_a_compiled_instance_is_the_module_inside(kind):
    """Its ranks are asked, and what the compiler wraps is what the module raised."""
    factory = adapt_candidate(torch.compile(kind(3), backend="eager"))
    assert factory.supports["ranks"] == adapt_candidate(kind(3)).supports["ranks"]
    layer, _ = made(factory)
    with pytest.raises(ValueError, match="Expected more than 1 value"):
        layer.forward(np.ones((1, 3, *(1,) * (min(factory.supports["ranks"]) - 2))), training=True)


def test_an_instance_without_running_statistics_is_checked():
    """By its gradients and its sequences: what needs the statistics is not offered."""
    verdict = check(torch.nn.BatchNorm1d(3, track_running_stats=False), CheckOptions("quick"))
    assert verdict.ok
    assert {"gradient-x", "gradient-gamma", "sequence-output", "sequence-backward"} <= set(
        verdict.passed
    )


def test_eps_zero_in_training_is_not_offered_where_torch_refuses_it():
    """PyTorch 2.10 and later; inference is offered everywhere."""
    layer = adapt_candidate(torch.nn.BatchNorm1d)(3, eps=0.0, momentum=0.1)
    x = np.random.default_rng(1).normal(size=(4, 3))
    assert np.isfinite(layer.forward(x, training=False)).all()
    if tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 10):
        with pytest.raises(NotImplementedError, match="refuse eps = 0"):
            layer.forward(x, training=True)


class NotYet(torch.nn.Module):
    def __init__(self, num_features):
        raise NotImplementedError("not yet")


class NoEps(torch.nn.Module):
    def __init__(self, num_features):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(num_features))


class OtherNames(torch.nn.Module):
    def __init__(self, num_features, eps, momentum):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(num_features))


class NeedsMore(torch.nn.Module):
    def __init__(self, num_features, groups):
        super().__init__()


UNUSABLE = {
    "one without eps": (NoEps, "NoEps has eps = None: set this attribute"),
    "other names": (
        OtherNames,
        "OtherNames has no weight or gamma, no bias or beta.* but scale: say which is which",
    ),
    "more arguments": (
        NeedsMore,
        "NeedsMore.num_features. cannot be made .*groups.*: name an instance",
    ),
    "a linear layer": (
        torch.nn.Linear(3, 2),
        "gamma .2, 3. on cpu, beta .2,. on cpu: give each one value per channel",
    ),
    "a network": (
        torch.nn.Sequential(torch.nn.BatchNorm1d(3)),
        "but 0.weight.*: say which is which, as in bn = bnproof.wrap.*'gamma': '0.weight'",
    ),
    "on no device": (
        torch.nn.BatchNorm1d(3, device="meta"),
        "on meta: give each one value per channel, on the CPU",
    ),
    "cumulative": (
        torch.nn.BatchNorm1d(3, momentum=None),
        "BatchNorm1d has momentum = None: set this attribute",
    ),
    "lazy": (
        torch.nn.LazyBatchNorm1d,
        "LazyBatchNorm1d has no parameters before its first batch: name",
    ),
    "synchronised": (
        torch.nn.SyncBatchNorm(3),
        "SyncBatchNorm needs a process group on GPUs: name",
    ),
}


@pytest.mark.parametrize(("candidate", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_checked_is_refused_in_one_line(candidate, message):
    """The message says what is missing and names the mend."""
    with pytest.raises(UnusableLayer, match=message) as refused:
        adapt_candidate(candidate)
    assert "\n" not in str(refused.value)


def test_what_is_not_there_yet_is_not_offered():
    """``NotImplementedError`` of a constructor passes."""
    with pytest.raises(NotImplementedError, match="not yet"):
        adapt_candidate(NotYet)


def test_a_state_has_to_fit():
    """Parameters are neither added nor taken away; shapes are the layer's; backward needs a
    forward."""
    layer = adapt_candidate(torch.nn.BatchNorm1d)(
        3, eps=1e-3, momentum=0.1, track_running_stats=False
    )
    with pytest.raises(RuntimeError, match="needs a forward first"):
        layer.backward(np.ones((2, 3)))
    with pytest.raises(NotImplementedError, match="BatchNorm1d has gamma"):
        layer.state = layer.state | {"gamma": None}
    with pytest.raises(NotImplementedError, match="BatchNorm1d has no running_mean"):
        layer.state = layer.state | {"running_mean": np.zeros(3)}
    with pytest.raises(ValueError, match=r"gamma has shape \(1,\): BatchNorm1d needs \(3,\)"):
        layer.state = layer.state | {"gamma": np.ones(1)}


def test_a_stranger_is_accepted_by_no_adapter_and_imports_no_framework():
    """An object of no framework gives None, and no framework is imported to find out."""
    code = (
        "import sys; from bnproof.implementations.adapters import adapt_candidate; "
        "print(adapt_candidate(object()), adapt_candidate(dict)); "
    )
    code += (
        "print([n for n in ('torch', 'jax', 'flax', 'keras', 'onnx', 'onnxruntime', 'tensorflow')"
        " if n in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split("\n") == ["None None", "[]", ""]


# -- what adapters share, on a made-up framework ---------------------------------------------------


class Norm:
    """A layer of a framework that was made up: ``scale (x + offset)``, with no running
    statistics."""

    def __init__(self, width, epsilon=0.5, use_scale=True, use_offset=True):
        self.epsilon = epsilon
        self.scale = np.ones(width) if use_scale else None
        self.offset = np.zeros(width) if use_offset else None


class NormLayer(AdaptedLayer):
    """Its adapter, which notes what is written."""

    def __init__(self, norm):
        self.norm, self.written = norm, []

    @property
    def name(self):
        return "Norm"

    def read_state(self):
        state = {"gamma": self.norm.scale, "beta": self.norm.offset}
        copies = {f: None if value is None else value.copy() for f, value in state.items()}
        return copies | {"running_mean": None, "running_var": None}

    def write_state(self, values):
        self.written.append(sorted(values))
        self.norm.scale = values.get("gamma")
        self.norm.offset = values.get("beta")

    def call_layer(self, x, *, training):
        if x.shape[1] != 2:
            raise OverflowError("another width")
        scale = self.norm.scale
        return x * scale, lambda dy: (dy * scale, None, None)


KEYS = {"eps": ("epsilon",), "momentum": ("inertia",), "affine": ("use_scale", "use_offset")}


def norm_factory(candidate, sample, present=None, **changed):
    """The factory of a made-up layer, channels last."""
    shown = {"num_features": 2, "affine": True, "track_running_stats": False}
    options = {
        "framework": "keras",
        "axis": -1,
        "keywords": KEYS,
        "sample": sample,
        "present": shown if present is None else present,
        "fresh": True,
    }
    return make_factory(candidate, lambda **asked: asked, **(options | changed))


def test_a_state_is_checked_before_anything_is_written():
    """One wrong field among right ones, and the layer is as it was; absent fields are not
    written."""
    layer = NormLayer(Norm(2))
    state = {"gamma": [3.0, 4.0], "beta": [1.0, 2.0], "running_mean": None, "running_var": None}
    for wrong, error in (
        ({"beta": np.ones(3)}, ValueError),
        ({"beta": None}, NotImplementedError),
        ({"running_var": np.ones(2)}, NotImplementedError),
    ):
        with pytest.raises(error):
            layer.state = state | wrong
        assert layer.written == []
    layer.state = state
    assert layer.written == [["beta", "gamma"]]
    assert layer.state["gamma"].tolist() == [3.0, 4.0]


def test_an_assigned_state_belongs_to_the_layer():
    """Changing an array after it was assigned does not reach the layer."""
    layer, gamma = NormLayer(Norm(2)), np.array([3.0, 4.0])
    layer.state = layer.state | {"gamma": gamma}
    gamma += 1
    assert layer.state["gamma"].tolist() == [3.0, 4.0]


def test_a_gradient_is_of_the_latest_forward_that_went_well():
    """A later forward replaces it, one that raises does not."""
    layer, x = NormLayer(Norm(2)), np.ones((1, 2))
    for gamma in ([3.0, 4.0], [5.0, 6.0]):
        layer.state = layer.state | {"gamma": np.array(gamma)}
        layer.forward(x, training=True)
        layer.state = layer.state | {"gamma": np.array([7.0, 7.0])}
        with pytest.raises(OverflowError):
            layer.forward(np.ones((1, 3)), training=True)
        assert layer.backward(x)[0].tolist() == [gamma]


def test_a_class_fixes_what_its_constructor_does_not_take():
    """Channels, eps and parameters are open; ``use_scale`` alone would not be enough."""

    class ScaleAlone(Norm):
        def __init__(self, width, use_scale=True):
            super().__init__(width, use_scale=use_scale)

    for kind, fixed in (
        (Norm, {"track_running_stats": False}),
        (ScaleAlone, {"track_running_stats": False, "affine": True, "eps": 0.5}),
    ):
        assert norm_factory(kind, kind(2)).supports == fixed


def test_an_instance_fixes_everything_and_says_the_rest_itself():
    """What its tensors show, its eps as a float, and what the adapter narrows; what it declares
    goes first."""
    norm = Norm(2, epsilon=np.float32(0.25))
    expected = {
        "ranks": [3],
        "num_features": 2,
        "affine": True,
        "track_running_stats": False,
        "eps": 0.25,
    }
    supports = norm_factory(norm, norm, narrowed={"ranks": [3]}).supports
    assert supports == expected
    assert type(supports["eps"]) is float
    norm.supports = {"eps": 2.0, "ranks": [2], "num_features": 5}
    supports = norm_factory(norm, norm, narrowed={"ranks": [3]}).supports
    assert supports == expected | norm.supports


def test_momentum_has_to_be_known_where_something_is_tracked():
    """Without running statistics nobody asks for it; with them the attribute is named."""
    norm = Norm(2)
    tracked = {"num_features": 2, "affine": True, "track_running_stats": True}
    for inertia in (None, "0.5"):
        norm.inertia = inertia
        with pytest.raises(UnusableLayer, match=f"Norm has inertia = {inertia}: set this"):
            norm_factory(norm, norm, tracked)
    norm.inertia = 1
    assert norm_factory(norm, norm, tracked).supports["momentum"] == 1.0


def test_a_factory_has_the_convention_of_its_framework_unless_the_object_declares_one():
    """A name keeps the object's own channel axis, a whole convention does not."""
    own = Convention("mine", channel_axis=1)
    for declared, expected in (
        (None, ("keras", "old", -1)),
        ("torch", ("torch", "new", -1)),
        (own, ("mine", "new", 1)),
    ):
        norm = Norm(2)
        if declared is not None:
            norm.convention = declared
        factory = norm_factory(norm, norm, fresh=False)
        convention = factory.convention
        assert (convention.name, convention.momentum, convention.channel_axis) == expected
        assert (factory.name, factory.fresh) == ("Norm", False)


def test_a_factory_builds_with_all_five_options():
    """By name; one that the object fixes at another value is refused, at the same value not."""
    factory = norm_factory(Norm, Norm(2))
    with pytest.raises(NotImplementedError, match="Norm has track_running_stats = False: True"):
        factory(4, eps=0.125, momentum=0.5)
    assert factory(4, eps=0.125, momentum=0.5, track_running_stats=False) == {
        "num_features": 4,
        "eps": 0.125,
        "momentum": 0.5,
        "affine": True,
        "track_running_stats": False,
    }


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (1, (1, {})),
        (-1, (-1, {})),
        (2, (-1, {"ranks": [3]})),
        (4, (-1, {"ranks": [5]})),
        (-2, (1, {"ranks": [3]})),
        (-4, (1, {"ranks": [5]})),
    ],
)
def test_an_axis_leaves_the_ranks_in_which_it_is_that_of_the_channels(axis, expected):
    """Axis 2 is the last of three, axis -2 the second of three."""
    assert read_channel_axis(axis, "Norm") == expected
    assert all(axis % rank in (1, rank - 1) for rank in expected[1].get("ranks", ()))


@pytest.mark.parametrize("axis", [0, 5, -5, (1, 2), None, 1.5], ids=str)
def test_an_axis_of_no_channels_is_refused(axis):
    """The batch's, one that is too far out, several, and none."""
    with pytest.raises(UnusableLayer, match=r"Norm has axis = .*: give the one axis"):
        read_channel_axis(axis, "Norm")


def test_a_sample_is_as_wide_as_the_object_says():
    """In ``supports``, otherwise 2."""
    norm = Norm(2)
    assert (sample_width(norm), sample_width(Norm)) == (2, 2)
    norm.supports = {"num_features": 7}
    assert sample_width(norm) == 7


def test_a_constructor_gets_the_keywords_it_takes():
    """Some, all with ``**keywords``, and those of a parent through it."""

    class Anything(Norm):
        def __init__(self, width, **options):
            super().__init__(width, **options)

    asked = {"epsilon": 0.25, "momentum": 0.5}
    assert select_keywords(Norm, asked) == {"epsilon": 0.25}
    assert select_keywords(Anything, asked) == asked
    assert construct(Norm, 3, **asked).epsilon == 0.25
    with pytest.raises(
        UnusableLayer, match=r"Anything\(num_features, epsilon=..., momentum=...\) cannot be made"
    ):
        construct(Anything, 3, **asked)
