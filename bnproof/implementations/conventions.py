"""The named conventions: documented differences between correct batch norms."""

from bnproof.contract import Convention

NAMED = {
    convention.name: convention
    for convention in (
        Convention("torch", momentum="new", running_var="unbiased", one_value="raise"),
        Convention("paper", momentum="new", running_var="unbiased", one_value="any"),
        Convention("keras", momentum="old", running_var="biased", one_value="beta"),
        Convention("flax", momentum="old", running_var="biased", one_value="beta"),
        # Many implementations written by hand: PyTorch's momentum without Bessel's factor.
        Convention("biased", momentum="new", running_var="biased", one_value="any"),
        Convention("onnx", momentum="old", running_var="biased", one_value="any"),
        Convention("paddle", momentum="old", running_var="biased", one_value="any"),
    )
}


class UnknownConvention(LookupError):
    """No convention has this name; the message lists those there are."""


def resolve_convention(declared: object) -> Convention:
    """The convention that a name or an instance stands for.

    Parameters
    ----------
    declared
        What an implementation has as its ``convention``.

    Raises
    ------
    UnknownConvention
        For a name that is not known.

    Examples
    --------
    >>> from bnproof.implementations.conventions import resolve_convention
    >>> resolve_convention("keras").momentum
    'old'
    """
    if isinstance(declared, Convention):
        return declared
    if not isinstance(declared, str) or declared not in NAMED:
        raise UnknownConvention(
            f"there is no convention {declared!r}: use one of {', '.join(sorted(NAMED))}"
        )
    return NAMED[declared]
