"""The catalogue: no known bug is forgotten, every model answers, and what is called correct is
correct."""

import numpy as np
import pytest

from bnproof.implementations.conventions import resolve_convention
from bnproof.mutants.catalogue import list_mutants, read_bugs, strip_variant
from bnproof.mutants.unmodelled import UNMODELLED

MUTANTS = list_mutants()
FUNCTIONAL = [name for name, mutant in MUTANTS.items() if hasattr(mutant.make, "train")]
LAYERS = [name for name in MUTANTS if name not in FUNCTIONAL]
CORRECT = [name for name in FUNCTIONAL if MUTANTS[name].kind == "correct"]
X = np.array([[1.0, -2.0, 3.5], [2.5, 0.5, 3.0], [-1.5, 1.0, 5.0], [0.5, -1.0, 4.0]])
GAMMA, BETA = np.array([1.5, -0.5, 2.0]), np.array([0.25, 1.0, -3.0])
MEAN, VAR = np.array([0.5, -0.5, 3.0]), np.array([2.0, 0.5, 1.5])
ALPHA = 0.25
OPERATIONS = 2 * len(X) + 10  # roundings that lie one behind the other


def eps_of(name):
    """What ``supports`` fixes, else 0.1."""
    return getattr(MUTANTS[name].make, "supports", {}).get("eps", 0.1)


def trained(name):
    """``(y, running_mean, running_var)`` of the benign case, and whether gamma and beta were
    taken."""
    implementation = MUTANTS[name].make()
    convention = resolve_convention(getattr(implementation, "convention", "torch"))
    options = {
        "eps": eps_of(name),
        "momentum": ALPHA if convention.momentum == "new" else 1 - ALPHA,
    }
    try:
        return implementation.train(
            X.copy(), GAMMA.copy(), BETA.copy(), MEAN.copy(), VAR.copy(), **options
        ), True
    except NotImplementedError:
        return implementation.train(X.copy(), None, None, MEAN.copy(), VAR.copy(), **options), False


def expected(name, affine):
    """The formulas in extended precision, each with the sum of the magnitudes it is made of."""
    x = X.astype(np.longdouble)
    m, mu, v, square = len(x), x.mean(0), x.var(0), (x**2).mean(0)
    gamma, beta = (GAMMA, BETA) if affine else (np.ones(3), np.zeros(3))
    s2 = v + np.longdouble(eps_of(name))
    xhat, large = (x - mu) / np.sqrt(s2), (abs(x) + abs(mu)) / np.sqrt(s2) * (1 + square / s2)
    convention = resolve_convention(getattr(MUTANTS[name].make, "convention", "torch"))
    factor = m / np.longdouble(m - 1) if convention.running_var == "unbiased" else 1
    return (
        (gamma * xhat + beta, abs(gamma) * large + abs(beta)),
        ((1 - ALPHA) * MEAN + ALPHA * mu, abs(MEAN) + abs(x).mean(0)),
        ((1 - ALPHA) * VAR + ALPHA * factor * v, VAR + factor * square),
    )


def test_every_row_is_modelled_or_explained():
    """Each known bug has a model or a reason why it has none, never both."""
    modelled = {strip_variant(name) for name in MUTANTS}
    assert set(read_bugs()) == modelled | UNMODELLED.keys()
    assert not modelled & UNMODELLED.keys()


@pytest.mark.parametrize("name", UNMODELLED)
def test_reasons_are_given(name):
    """What the bug was and why the contract cannot say it, a sentence each."""
    assert all(part.endswith(".") for part in UNMODELLED[name])


@pytest.mark.parametrize("name", MUTANTS)
def test_says_what_is_wrong_and_where_it_was_seen(name):
    """A docstring, a mechanism and at least one source."""
    mutant = MUTANTS[name]
    assert mutant.says
    assert mutant.mechanism
    assert mutant.bug.sources


@pytest.mark.parametrize("name", FUNCTIONAL)
def test_implementations_answer(name):
    """A benign training step gives three arrays."""
    assert all(isinstance(value, np.ndarray) for value in trained(name)[0])


@pytest.mark.parametrize("name", LAYERS)
def test_layers_answer(name):
    """A training step, its gradients, a reloaded state and inference."""
    layer = MUTANTS[name].make(3, eps=0.1, momentum=ALPHA)
    state = layer.state
    assert layer.forward(X, training=True).shape == X.shape
    assert layer.backward(X)[0].shape == X.shape
    layer.state = state | {"running_mean": MEAN, "running_var": VAR}
    assert layer.forward(X, training=False).shape == X.shape


@pytest.mark.parametrize("name", CORRECT)
def test_correct_ones_are_correct(name):
    """Every output within ``OPERATIONS`` roundings of the formula."""
    answers, affine = trained(name)
    for answer, (value, magnitude) in zip(answers, expected(name, affine), strict=True):
        assert np.all(abs(answer - value) <= OPERATIONS * np.finfo(np.float64).eps * magnitude)


@pytest.mark.parametrize("name", [name for name in CORRECT if hasattr(MUTANTS[name].make, "infer")])
def test_correct_ones_infer_and_fold(name):
    """Inference, and a linear layer with the batch norm folded into it, give the exact map within a
    few roundings."""
    implementation, eps = MUTANTS[name].make(), eps_of(name)
    s = np.sqrt(VAR.astype(np.longdouble) + eps)
    gamma, beta = (GAMMA, BETA) if trained(name)[1] else (None, None)
    scale, shift = (1 if gamma is None else gamma) / s, 0 if beta is None else beta
    unit = OPERATIONS * np.finfo(np.float64).eps
    y = implementation.infer(X.copy(), gamma, beta, MEAN, VAR, eps=eps)
    assert np.all(
        abs(y - ((X - MEAN) * scale + shift))
        <= unit * ((abs(X) + abs(MEAN)) * abs(scale) + abs(shift))
    )
    weight, bias = X[:3].copy(), BETA.copy()
    folded, b = implementation.fold(
        weight, bias, gamma, beta, MEAN, VAR, eps=eps, kind="linear", groups=1
    )
    assert np.all(abs(folded - X[:3] * scale[:, None]) <= unit * abs(X[:3] * scale[:, None]))
    assert np.all(
        abs(b - ((BETA - MEAN) * scale + shift))
        <= unit * ((abs(BETA) + abs(MEAN)) * abs(scale) + abs(shift))
    )


@pytest.mark.parametrize(
    "name", [name for name, row in read_bugs().items() if row.severity == "none"]
)
def test_what_is_no_bug_has_correct_models(name):
    """A documented difference, an equivalent formula or a false alarm has to pass."""
    assert all(mutant.kind == "correct" for mutant in MUTANTS.values() if mutant.bug.id == name)
