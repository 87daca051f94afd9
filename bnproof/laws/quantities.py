"""The table of quantities: each one's theorem, exact value, error bound and magnitude, and its law.

This is the one table to touch where a formula or a bound of a quantity changes.  The names,
methods, shapes and dtypes are in :data:`bnproof.contract.QUANTITIES`, the error theory is in
:mod:`bnproof.certify.bounds`, and the exact values come from certified steps
(:mod:`bnproof.laws.reference`).  Start reading at :class:`Formula`; the entries follow by groups.

Every function in the table takes a :class:`bnproof.laws.reference.Reference`, which is a correct
batch norm on one case, called ``r`` throughout.  A bound takes one of its batches too, ``b``, since
the same errors arise in the batch of one machine and in one merged from workers.  A quantity with
an entry for every entry of x has columns, ``(m, C)``; the others have shape ``(C,)``, and folded
weights have the shape of the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bnproof.certify import bounds
from bnproof.certify.bounds import Bound, ExactBatch
from bnproof.certify.enclosure import Enclosure
from bnproof.certify.folding import arrange_by_output
from bnproof.contract import Array
from bnproof.laws import balls
from bnproof.laws.columns import to_columns
from bnproof.laws.reference import Reference
from bnproof.theorems.formulas import list_predictions

# the families of known bugs: where all broken laws share one, a diagnosis names it
GRADIENT, INFERENCE, FOLD = frozenset({"gradient"}), frozenset({"inference"}), frozenset({"fold"})
RUNNING, WORKERS = frozenset({"running-stats"}), frozenset({"distributed"})
# entries of x: more than any case has, so no batch is too long
EVERY = 10**9
FEW = 1000  # entries of x up to which a formula is evaluated in balls, at microseconds each


@dataclass(frozen=True)
class Formula:
    """What is known of one quantity.

    Attributes
    ----------
    law, says
        The id of its law, and the law in words.
    exact
        Its exact value on one case.
    bound_in
        The a-priori bound of its error on one case, where a batch has the statistics that it is
        computed with.
    magnitude
        The sum of magnitudes that it is made of, on one case.  ``None`` stands for the magnitude of
        the exact value itself.
    theorem
        The theorem its formula comes from; empty where the book says so itself, in the assertion
        that predicts the quantity.
    offset
        What is added to the part of it that a wrong factor would change, on one case: beta, or the
        old statistic's share.
    changing
        That part, in words; empty where it is the whole.
    batch
        That batch: the case's own "batch", the one "merged" from workers, or the one that the
        running statistics normalise ("fixed").
    most
        Up to how many entries of x it is judged.
    families, by_convention, follows
        As in :class:`bnproof.laws.law.Law`.

    Notes
    -----
    Value, bound and magnitude are three different sizes.  For ``y = gamma xhat + beta`` the value
    may be near 0, while the magnitude ``|gamma xhat| + |beta|`` is not; the bound is about as many
    units roundoff of that magnitude as there are roundings on the way.

    Examples
    --------
    >>> from bnproof.laws.quantities import FORMULAS
    >>> FORMULAS["dx"].law, FORMULAS["dx"].says
    ('gradient-x', "the input's gradient is the compact form")
    """

    law: str
    says: str
    exact: Callable[[Reference], Enclosure]
    bound_in: Callable[[Reference, ExactBatch], Bound]
    magnitude: Callable[[Reference], Array] | None = None
    theorem: str = ""
    offset: Callable[[Reference], Array | float] = lambda r: 0.0
    changing: str = ""
    batch: Literal["batch", "merged", "fixed"] = "batch"
    most: int = EVERY
    families: frozenset[str] = frozenset()
    by_convention: bool = False
    follows: tuple[str, ...] = ()

    def select_batch(self, r: Reference) -> ExactBatch:
        """Return the batch with the statistics that the quantity is computed with."""
        batch: ExactBatch = getattr(r, self.batch)
        return batch

    def bound(self, r: Reference) -> Bound:
        """Return the a-priori bound of its error on one case."""
        return self.bound_in(r, self.select_batch(r))


def _reshape_columns(enclosure: Enclosure) -> Enclosure:
    """An enclosure in x's shape as columns."""
    return enclosure.reshape(to_columns) if enclosure.mid.ndim > 1 else enclosure


def _old_share(r: Reference, name: str) -> Array:
    """``(1 - alpha) r``: what a running statistic keeps of its old value."""
    old: Array = getattr(r.case, name).astype(float)
    return (1 - r.case.momentum) * old


# -- training: the batch's own statistics, or those merged from workers ----------------------------


def _bound_of_running_variance(r: Reference, b: ExactBatch) -> Bound:
    """The bound of ``(1 - alpha) r + alpha f v`` with Bessel's factor f, or with ``f = 1``.

    The factor is rounded too, so the unbiased variance has a bound of its own.  ``b`` is the batch
    of one machine or the one merged from workers.
    """
    # The error of the batch statistic, which momentum then scales down.
    computed = (
        bounds.bessel(r.precision, b)
        if r.running_var == "unbiased"
        else bounds.variance(r.precision, b)
    )
    return bounds.running_statistic(
        r.precision, r.fixed.v, b.v * r.bessel, r.case.momentum, computed
    )


def _magnitude_of_input_gradient(r: Reference) -> Array:
    """``|gamma|/s (|g| + mean |g| + |xhat| mean |g xhat|)``.

    These are the three paths of the gradient: directly, through the mean and through the variance.
    """
    dy, xhat = np.abs(r.dy), np.abs(r.batch.xhat)
    # With absolute values throughout, since the paths may cancel in dx itself.
    paths = dy.mean(axis=0) + xhat * (dy * xhat).mean(axis=0)
    return np.abs(r.gamma) / r.batch.s * (dy + paths)


def _magnitude_of_running_mean(r: Reference) -> Array:
    """``|1 - alpha| |r| + |alpha| mean |x|``: a mean near 0 is made of large values."""
    alpha = r.case.momentum
    return abs(1 - alpha) * np.abs(r.fixed.mu) + abs(alpha) * np.abs(r.batch.x).mean(axis=0)


def _magnitude_of_running_variance(r: Reference) -> Array:
    """``|1 - alpha| r + |alpha| f v``, with Bessel's factor f where it is tracked."""
    alpha = r.case.momentum
    return abs(1 - alpha) * r.fixed.v + abs(alpha) * r.bessel * r.batch.v


_TRAINED = {
    "y": Formula(
        "output",
        "the training output is gamma xhat + beta",
        bound_in=lambda r, b: bounds.output(r.precision, b, r.gamma, r.beta),
        exact=lambda r: _reshape_columns(r.trained.y),
        magnitude=lambda r: np.abs(r.gamma) * np.abs(r.batch.xhat) + np.abs(r.beta),
        offset=lambda r: r.beta,
        changing="the part of the output that is not beta",
    ),
    "dx": Formula(
        "gradient-x",
        "the input's gradient is the compact form",
        bound_in=lambda r, b: bounds.input_gradient(r.precision, b, r.dy, r.gamma),
        families=GRADIENT,
        exact=lambda r: _reshape_columns(r.trained.dx),
        magnitude=_magnitude_of_input_gradient,
    ),
    "dgamma": Formula(
        "gradient-gamma",
        "gamma's gradient is sum g xhat",
        # Both gradients come from one function, since they share the sums over the batch.
        bound_in=lambda r, b: bounds.parameter_gradients(r.precision, b, r.dy)[0],
        families=GRADIENT,
        exact=lambda r: r.trained.dgamma,
        magnitude=lambda r: (np.abs(r.dy) * np.abs(r.batch.xhat)).sum(axis=0),
    ),
    "dbeta": Formula(
        "gradient-beta",
        "beta's gradient is sum g",
        bound_in=lambda r, b: bounds.parameter_gradients(r.precision, b, r.dy)[1],
        families=GRADIENT,
        exact=lambda r: r.trained.dbeta,
        magnitude=lambda r: np.abs(r.dy).sum(axis=0),
    ),
    "running_mean": Formula(
        "running-mean",
        "the running mean is (1 - alpha) r + alpha mu",
        bound_in=lambda r, b: bounds.running_statistic(
            r.precision, r.fixed.mu, b.mu, r.case.momentum, bounds.mean(r.precision, b)
        ),
        families=RUNNING | INFERENCE,  # inference reads what training tracked
        by_convention=True,
        exact=lambda r: r.trained.running_mean,
        magnitude=_magnitude_of_running_mean,
        offset=lambda r: _old_share(r, "running_mean"),
        changing="the new statistic's share",
    ),
    "running_var": Formula(
        "running-variance",
        "the running variance is (1 - alpha) r + alpha v, v with the convention's factor",
        bound_in=_bound_of_running_variance,
        families=RUNNING | INFERENCE,  # inference reads what training tracked
        by_convention=True,
        exact=lambda r: r.trained.running_var,
        magnitude=_magnitude_of_running_variance,
        offset=lambda r: _old_share(r, "running_var"),
        changing="the new statistic's share",
    ),
}
_WORKERS = {  # the same quantities of a synchronised step: ids and sentences of their laws
    "y": ("shards-output", "workers with parts of a batch give what the whole batch gives"),
    "running_mean": ("shards-running-mean", "the running mean follows the whole batch's mean"),
    "running_var": (
        "shards-running-variance",
        "the running variance follows the whole batch's variance",
    ),
    "dx": ("shards-gradient-x", "the input's gradient on every worker is that of the whole batch"),
    "dgamma": ("shards-gradient-gamma", "gamma's gradient is summed over the workers, once"),
    "dbeta": ("shards-gradient-beta", "beta's gradient is summed over the workers, once"),
}


def _synchronise(formula: Formula, law: str, says: str) -> Formula:
    """The formula of the same quantity in a synchronised step.

    Exact values are those of the whole batch.  The bounds allow for statistics that are merged from
    the workers' parts, and the laws have sentences of their own.
    """
    # What is wrong with running statistics on one machine may be wrong with them on workers.
    families = WORKERS | (formula.families & RUNNING)
    return replace(
        formula,
        law=law,
        says=says,
        theorem="total-variance",
        families=families,
        batch="merged",
        # Workers compute with the formula of one machine.
        follows=(formula.law,),
    )


# -- inference: the running statistics -------------------------------------------------------------


_INFERRED = {
    "infer_y": Formula(
        "inference-output",
        "the inference output is gamma (x - mu_r)/s_r + beta",
        exact=lambda r: _reshape_columns(r.inferred.y),
        bound_in=lambda r, b: bounds.inference_output(r.precision, b, r.gamma, r.beta),
        magnitude=lambda r: np.abs(r.gamma) * np.abs(r.fixed.xhat) + np.abs(r.beta),
        offset=lambda r: r.beta,
        changing="the part of the output that is not beta",
        batch="fixed",
        families=INFERENCE,
    ),
    "infer_dx": Formula(
        "inference-gradient-x",
        "the input's gradient at inference is gamma/s_r g",
        exact=lambda r: _reshape_columns(r.inferred.dx),
        # One function gives all three gradients, as their errors share the rounding of 1/s_r.
        bound_in=lambda r, b: bounds.inference_gradients(r.precision, b, r.dy, r.gamma)[0],
        magnitude=lambda r: np.abs(r.gamma) / r.fixed.s * np.abs(r.dy),
        batch="fixed",
        families=INFERENCE,
    ),
    "infer_dgamma": Formula(
        "inference-gradient-gamma",
        "gamma's gradient at inference is sum g (x - mu_r)/s_r",
        exact=lambda r: r.inferred.dgamma,
        bound_in=lambda r, b: bounds.inference_gradients(r.precision, b, r.dy, r.gamma)[1],
        magnitude=lambda r: (np.abs(r.dy) * np.abs(r.fixed.xhat)).sum(axis=0),
        batch="fixed",
        families=INFERENCE,
    ),
    "infer_dbeta": Formula(
        "inference-gradient-beta",
        "beta's gradient at inference is sum g",
        exact=lambda r: r.inferred.dbeta,
        bound_in=lambda r, b: bounds.inference_gradients(r.precision, b, r.dy, r.gamma)[2],
        magnitude=lambda r: np.abs(r.dy).sum(axis=0),
        batch="fixed",
        families=INFERENCE,
    ),
}


# -- folding into the layer in front ---------------------------------------------------------------


def _bound_of_folded_weight(r: Reference, b: ExactBatch) -> Bound:
    """The bound of ``gamma/s_r w``.

    Scaling a weight by ``gamma/s_r`` of its output is what the gradient at inference does to dy, so
    that bound serves, with the weights in the place of dy and in the weights' own precision.
    """
    # Half precision and float32 are exact in float64.
    weight, layer = np.asarray(r.layer.weight, dtype=float), r.layer
    # Outputs first, whatever the kind of layer, since each output has a gamma and an s_r of its
    # own.
    arranged, back = arrange_by_output(weight, layer.kind, layer.groups)
    values = np.moveaxis(arranged, 1, -1)
    # The weights' dtype, which in half precision is not that of x.
    p = r.arithmetic(layer.weight.dtype)
    scaled = bounds.inference_gradients(p, r.build_fixed_batch(values), values, r.gamma)[0]
    return Bound({name: back(np.moveaxis(term, -1, 1)) for name, term in scaled.terms.items()})


def _bound_of_folded_bias(r: Reference, b: ExactBatch) -> Bound:
    """The bound of ``gamma (b - mu_r)/s_r + beta``.

    A folded bias is the inference output of the old one.
    """
    # A missing bias is 0, and its folded one is not.
    bias = np.zeros(len(r.gamma)) if r.layer.bias is None else np.asarray(r.layer.bias, dtype=float)
    p = r.arithmetic(r.layer.weight.dtype)
    # One row: a bias per channel, like a batch of a single sample.
    output_bound = bounds.inference_output(p, r.build_fixed_batch(bias[None]), r.gamma, r.beta)
    return Bound({name: term.reshape(-1) for name, term in output_bound.terms.items()})


_FOLDED = {
    "folded_weight": Formula(
        "fold-weight",
        "the folded weights of output o are gamma/s_r times its weights",
        exact=lambda r: r.folded.weight,
        bound_in=_bound_of_folded_weight,
        theorem="fold-linear",
        batch="fixed",
        families=FOLD,
    ),
    "folded_bias": Formula(
        "fold-bias",
        "the folded bias is gamma/s_r (b - mu_r) + beta, a missing b being 0",
        exact=lambda r: r.folded.bias,
        bound_in=_bound_of_folded_bias,
        theorem="fold-linear",
        batch="fixed",
        families=FOLD,
    ),
}


# -- double backward -------------------------------------------------------------------------------


def _build_double_formula(quantity: str, place: int, law: str, says: str) -> Formula:
    """A gradient of ``sum h dx``, the ``place``-th of the double backward.

    It has no certified kernel, so its formula is evaluated in balls.
    """
    return Formula(
        law,
        says,
        exact=lambda r: Enclosure.from_balls(balls.evaluate(quantity, r.case)),
        bound_in=lambda r, b: r.double_bounds[place],
        most=FEW,
        families=GRADIENT,
    )


_DOUBLE = {
    "d_dy": _build_double_formula(
        "d_dy",
        0,
        "double-backward-dy",
        "the gradient of sum h dx by dy is that of x, for h in the place of dy",
    ),
    "d_x": _build_double_formula(
        "d_x", 1, "double-backward-x", "the gradient of sum h dx by x, the statistics moving along"
    ),
    "d_gamma": _build_double_formula(
        "d_gamma",
        2,
        "double-backward-gamma",
        "the gradient of sum h dx by gamma is (1/gamma) sum h dx",
    ),
}

#: Every quantity of the contract; its law comes in this order.
FORMULAS: dict[str, Formula] = {
    **_TRAINED,
    **_INFERRED,
    **_FOLDED,
    **_DOUBLE,
    **{f"shards_{name}": _synchronise(_TRAINED[name], *words) for name, words in _WORKERS.items()},
}


def name_theorem(quantity: str) -> str:
    """Return the id of the theorem behind a quantity's formula.

    Parameters
    ----------
    quantity
        A key of :data:`FORMULAS`.

    Returns
    -------
    str
        The theorem that the table names, or else the one whose assertion predicts the quantity.
        The whole book is built to find it.

    Examples
    --------
    >>> from bnproof.laws.quantities import name_theorem
    >>> name_theorem("dx"), name_theorem("folded_bias")
    ('gradient-x', 'fold-linear')
    """
    # The book predicts the running variance once with Bessel's factor and once without.
    predicted = "running_var_unbiased" if quantity == "running_var" else quantity
    return FORMULAS[quantity].theorem or list_predictions()[predicted][0]
