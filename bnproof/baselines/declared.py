"""What an implementation says of itself, and how a baseline keeps to it: convention, layout, and
what it supports.

The tools that are modelled here know none of this: whoever uses them on a Keras layer converts
momentum and layout by hand. The baselines do it for them, so that a flag means a bug and not a
convention.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnproof.contract import Array, Convention
from bnproof.implementations.conventions import resolve_convention

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Declared:
    """What an implementation declares.

    Attributes
    ----------
    convention
        Its convention.
    supports
        The optional ``supports``: dtypes, ranks, num_features, eps and momentum, each absent where
        nothing is ruled out.
    """

    convention: Convention
    supports: Mapping[str, Any]

    @classmethod
    def from_implementation(cls, implementation: Any) -> Declared:
        """Read both declarations; without them the convention is ``torch`` and everything is
        supported."""
        convention = resolve_convention(getattr(implementation, "convention", "torch"))
        return cls(convention, getattr(implementation, "supports", None) or {})

    # -- what is supported -------------------------------------------------------------------------

    def takes(self, *, dtype: str, shape: Shape, eps: float, momentum: float | None = None) -> bool:
        """Whether a given case lies inside what is supported.

        Parameters
        ----------
        dtype
            The name of x's dtype.
        shape
            ``(N, C, *spatial)``, whatever the layout of the implementation.
        eps
            What is added to the variance.
        momentum
            In the implementation's own convention; ``None`` where the case has none.

        Examples
        --------
        >>> from bnproof.implementations.conventions import resolve_convention
        >>> images = Declared(resolve_convention("torch"), {"ranks": [4]})
        >>> images.takes(dtype="float32", shape=(2, 3, 4, 4), eps=1e-5)
        True
        >>> images.takes(dtype="float32", shape=(2, 3), eps=1e-5)
        False
        """
        fixed = {"num_features": shape[1], "eps": eps} | (
            {} if momentum is None else {"momentum": momentum}
        )
        return (
            dtype in self._select_dtypes((dtype,))
            and len(shape) in self.supports.get("ranks", (len(shape),))
            and all(self._choose_value(name, value) == value for name, value in fixed.items())
            and eps >= self.convention.eps_min
        )

    def choose_dtype(self, *usual: str) -> str | None:
        """The first of the usual dtypes that is supported."""
        return next(iter(self._select_dtypes(usual)), None)

    def choose_shapes(self, usual: Sequence[Shape], others: Sequence[Shape]) -> list[Shape]:
        """The usual shapes of a supported rank, or else the others.

        Parameters
        ----------
        usual
            Shapes that the model of the baseline tests.
        others
            Shapes for an implementation that takes none of the usual ranks.

        Returns
        -------
        The shapes with the only supported number of channels, where there is one.
        """
        # The ranks of the contract.
        ranks = self.supports.get("ranks", (2, 3, 4, 5))
        fitting = [s for s in usual if len(s) in ranks] or [s for s in others if len(s) in ranks]
        return [(s[0], self._choose_value("num_features", s[1]), *s[2:]) for s in fitting]

    def choose_eps(self, usual: float) -> float:
        """The usual eps, or the only one supported."""
        return float(self._choose_value("eps", usual))

    def choose_momentum(self, usual: float) -> float:
        """The weight of the new value: the usual one, or what the only supported momentum amounts
        to."""
        return self.convert_momentum(
            float(self._choose_value("momentum", self.convert_momentum(usual)))
        )

    def _select_dtypes(self, usual: Sequence[str]) -> list[str]:
        """Those of the usual dtypes that are supported, in their order."""
        # Dtypes may be declared by name or as types, such as ``np.float16``.
        supported = {np.dtype(name).name for name in self.supports.get("dtypes", usual)}
        return [name for name in usual if name in supported]

    def _choose_value(self, name: str, usual: Any) -> Any:
        """The only supported value of an option, or the usual one."""
        fixed = self.supports.get(name)
        return usual if fixed is None else fixed

    # -- its convention ----------------------------------------------------------------------------

    def convert_momentum(self, new: float) -> float:
        """From the weight of the new value to its own momentum, and back.

        It is rounded to 12 digits, so that ``1 - 0.9`` is 0.1 and not 0.09999999999999998.

        Examples
        --------
        >>> from bnproof.implementations.conventions import resolve_convention
        >>> Declared(resolve_convention("keras"), {}).convert_momentum(0.1)
        0.9
        """
        return new if self.convention.momentum == "new" else round(1 - new, 12)

    def convert_eps(self, eps: float) -> float:
        """The eps it computes with: a smaller one is raised to the convention's least."""
        return max(eps, self.convention.eps_min)

    def convert_layout(self, x: Array) -> Array:
        """``(N, C, *spatial)`` with the channels where it has them, contiguous."""
        return np.ascontiguousarray(np.moveaxis(x, 1, self.convention.channel_axis))

    def convert_running_var(self, unbiased: Array, old: Array, alpha: float, m: int) -> Array:
        """PyTorch's updated running variance as the implementation has to have it.

        Where the biased variance is tracked, ``(1 - alpha) old + alpha v`` is recovered from
        ``(1 - alpha) old + alpha m/(m - 1) v``.

        Parameters
        ----------
        unbiased
            The updated running variance with Bessel's factor, ``(C,)``.
        old
            The running variance before the step, ``(C,)``.
        alpha
            The weight of the new value.
        m
            The number of values per channel.

        Examples
        --------
        ``v = 3`` with m = 4 has the unbiased variance 4:

        >>> from bnproof.implementations.conventions import resolve_convention
        >>> declared = Declared(resolve_convention("onnx"), {})
        >>> declared.convert_running_var(np.array([2.5]), np.array([1.0]), 0.5, 4)
        array([2.])
        """
        if self.convention.running_var == "unbiased":
            return unbiased
        # In float64, so that the conversion adds no rounding that the tolerance would see.
        kept = (1 - alpha) * old.astype(float)
        return (kept + (unbiased - kept) * ((m - 1) / m)).astype(old.dtype)
