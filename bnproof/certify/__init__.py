"""What batch normalisation must return, for exactly the numbers handed in, and how far arithmetic may be off.

Every answer is an :class:`~bnproof.certify.enclosure.Enclosure`: float64 arrays ``mid``, ``low``, ``rad`` with the exact value
of the formula, for exactly the numbers handed in, inside ``mid + low +- rad``.

Three tiers, in the manner of Ziv: compiled double-word arithmetic with a proved error bound (``compiled``, ``errors``); where it is
too wide, or reaches zero, exact sums of the channel (``exact``); and with those the single entries in balls of rising
precision (``refine``), where a zero is decided as a statement about rational numbers.  Width, for every quantity: at most
``2^-(20 + tighten)`` ulp, in x's format, of the sum of magnitudes it is made of, ``|gamma xhat| + |beta|`` for y; never less
is asked than the smallest double.

What has no exact value is NaN, and only there: a channel with NaN or infinity in it (for inference, the entry), ``v = 0``
with ``eps = 0``, the unbiased running variance for ``m = 1``.  Constant channels give ``xhat = 0`` and ``y = beta`` exactly.
Squares never overflow: channels with magnitudes beyond ``2^400`` or below ``2^-400`` are done in balls throughout (microseconds an
entry instead of nanoseconds); a value beyond the largest double has ``mid = inf``, ``lower`` the largest double.
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
