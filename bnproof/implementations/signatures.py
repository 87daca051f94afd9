"""Methods of the contract that take their arguments by name.

An implementation that is written with them shows what it does with its arguments, and leaves out
the signatures, which :data:`bnproof.contract.METHODS` holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from bnproof.contract import METHODS, Array, Method

# what training, and what a vector-Jacobian product returns
Trained = tuple[Array, Array | None, Array | None]
Gradients = tuple[Array, Array | None, Array | None]
# either of these of all workers
Stepped = tuple[list[Array], Array | None, Array | None]


class Arguments:
    """The arguments of one call, as attributes: ``a.x``, ``a.gamma``, ``a.eps``.

    Attributes
    ----------
    method
        The method that is called.
    values
        Its arguments by name.
    """

    def __init__(self, method: Method, values: Mapping[str, Any]) -> None:
        self.method, self.values = method, values

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(f"{self.method.name} takes no {name}") from None

    def call(self, function: Callable[..., Any], **changed: Any) -> Any:
        """Call a function of the same signature with these arguments.

        Parameters
        ----------
        function
            Another implementation of the method, such as that of a base class.
        **changed
            The arguments that are another value there.
        """
        values = {**self.values, **changed}
        positional = (values[name] for name in self.method.parameters)
        return function(*positional, **{name: values[name] for name in self.method.keywords})


def pack_arguments(function: Callable[[Any, Arguments], Any]) -> Callable[..., Any]:
    """A method of the contract whose body gets its arguments as one :class:`Arguments`.

    Examples
    --------
    >>> from bnproof.implementations.numpy import NumpyBatchNorm
    >>> class GammaIgnored(NumpyBatchNorm):
    ...     @pack_arguments
    ...     def infer(self, a):
    ...         return a.call(super().infer, gamma=None)
    """
    method = METHODS[function.__name__]

    @wraps(function)
    def call(self: Any, *positional: Any, **keywords: Any) -> Any:
        given = dict(zip(method.parameters, positional, strict=False)) | keywords
        return function(self, Arguments(method, given))

    return call
