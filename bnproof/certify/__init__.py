"""What batch normalisation must return, for exactly the numbers handed in, and how far arithmetic
may be off.

``train``, ``infer`` and ``fold`` answer with :class:`~bnproof.certify.enclosure.Enclosure`: float64
arrays ``mid``, ``low``, ``rad`` with the exact value of the formula, for exactly the numbers handed
in, inside ``mid + low +- rad``.  What is not computed at once is computed when asked for, from the
same arrays: they must not be modified until then.

Three tiers, in the manner of Ziv: compiled double-word arithmetic with a proved error bound
(``compiled``, ``errors``).  Where its interval is too wide or holds zero, exact sums of the channel
(``exact``).  From those, single entries in balls of rising precision (``refine``); whether one is
zero is decided as a statement about rational numbers.  Width of every quantity: at most
``2^-(20 + tighten)`` ulp, in x's format, of the sum of magnitudes it is made of,
``|gamma xhat| + |beta|`` for y, or the smallest double.  Entries that cancel below what double
words resolve, and tighten beyond 30, cost microseconds each.

NaN stands for what has no exact value, and for nothing else: a channel with NaN or infinity in it
(for inference, the entry), ``v = 0`` with ``eps = 0``, the unbiased running variance for ``m = 1``.
Constant channels give ``xhat = 0`` and ``y = beta`` exactly. Squares never overflow: channels with
magnitudes beyond ``2^400`` or below ``2^-400`` are done in balls throughout (microseconds an entry
instead of nanoseconds); a value beyond the largest double has ``mid = inf``, ``lower`` the largest
double.
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
