"""What batch normalisation must return, for exactly the numbers handed in, and how far off it may
be.

``train``, ``infer`` and ``fold`` answer with :class:`~bnproof.certify.enclosure.Enclosure`: float64
arrays ``mid``, ``low`` and ``rad``, with the exact value of the formula inside
``mid + low +- rad``. Quantities that are not computed at once are computed when they are asked for,
from the same arrays, which must not be modified until then.

There are three tiers, in the manner of Ziv. The first is compiled double-word arithmetic with a
proved error bound (``compiled``, ``errors``). Where its interval is too wide or holds zero, exact
sums of the channel follow (``exact``). From those, single entries are computed in balls of rising
precision (``refine``), and whether one is zero is decided as a statement about rational numbers.

Every quantity is at most ``2^-(20 + tighten)`` ulp wide, in x's format, or as wide as the smallest
double. The ulp is that of the sum of magnitudes the quantity is made of, for y
``|gamma xhat| + |beta|``. Entries that cancel below what double words resolve, and ``tighten``
beyond 30, are much slower than others.

NaN stands for what has no exact value, and for nothing else: a channel with NaN or infinity in it
(for inference, the entry), ``v = 0`` with ``eps = 0``, the unbiased running variance for ``m = 1``.
Constant channels give ``xhat = 0`` and ``y = beta`` exactly. Squares never overflow, because
channels with magnitudes beyond ``2^400`` or below ``2^-400`` are done in balls throughout, which is
slower as well. A value beyond the largest double has ``mid = inf`` and that largest double as its
``lower`` end.

How far rounding may lead a correct implementation away from these values is the other half of this
room: ``bounds`` and ``double_bounds`` derive it from the standard model of arithmetic, and ``ulp``
measures errors. Start reading at ``training``; then ``moments`` and ``entries`` show how the tiers
follow each other.

Examples
--------
>>> import numpy as np
>>> from bnproof import certify
>>> x = np.array([[1.0], [2.0], [3.0], [6.0]])
>>> exact = certify.train(x, eps=0.5)
>>> exact.mu.mid, exact.v.mid, exact.s.mid
(array([3.]), array([3.5]), array([2.]))
>>> y = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 0.5)
>>> bool(certify.ulp_error(y, exact.y).max() < 2)
True
"""

from bnproof.certify.enclosure import Enclosure
from bnproof.certify.folding import Folded, fold
from bnproof.certify.inference import Inference, infer
from bnproof.certify.machine import UnsoundArithmetic
from bnproof.certify.moments import Statistics, statistics
from bnproof.certify.training import Training, train
from bnproof.certify.ulp import UlpSummary, ulp_error, ulp_table

__all__ = [
    "Enclosure",
    "Folded",
    "Inference",
    "Statistics",
    "Training",
    "UlpSummary",
    "UnsoundArithmetic",
    "fold",
    "infer",
    "statistics",
    "train",
    "ulp_error",
    "ulp_table",
]
