"""Rigorous enclosures of what batch normalisation must return, errors in ulp, and a-priori error bounds."""

from bnproof.certify.enclosure import Enclosure
from bnproof.certify.machine import UnsoundArithmetic
from bnproof.certify.normalisation import fold, infer, train
from bnproof.certify.statistics import Statistics, statistics
from bnproof.certify.ulp import UlpSummary, ulp_error, ulp_table

__all__ = [
    "Enclosure",
    "Statistics",
    "UlpSummary",
    "UnsoundArithmetic",
    "fold",
    "infer",
    "statistics",
    "train",
    "ulp_error",
    "ulp_table",
]
