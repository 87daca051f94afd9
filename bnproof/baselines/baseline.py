"""What a baseline is, what it finds, and the list of all baselines."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from bnproof.implementations.installed import import_modules

Check = tuple[str, Callable[[], None]]


@dataclass(frozen=True)
class BaselineResult:
    """What a baseline found.

    Attributes
    ----------
    flagged
        Whether something failed.
    reason
        The first failure in one line; empty where there is none.
    offered
        Whether there was something to test.
    """

    flagged: bool
    reason: str = ""
    offered: bool = True


@dataclass(frozen=True)
class Baseline:
    """A test people use.

    Attributes
    ----------
    name
        Its name on pages and the command line.
    says
        What it asserts, in one sentence.
    source
        The address of what it is modelled on.
    run
        ``run(implementation, reference)`` returns a :class:`BaselineResult`.  The reference is
        PyTorch behind the contract, for those baselines that compare with it.
    """

    name: str
    says: str
    source: str
    run: Callable[[Any, Any], BaselineResult]


# A type of its own tells a difference from an assertion that fails inside an implementation.
class Differs(AssertionError):
    """The implementation answered, and the baseline does not accept the answer; the message says
    which entry and why."""


@cache
def list_baselines() -> dict[str, Baseline]:
    """Every baseline by name: the ``BASELINE`` of each module of this package.

    Examples
    --------
    >>> sorted(list_baselines())
    ['allclose-forward', 'allclose-full', 'finite-differences', 'onnx-node-tests']
    """
    modules = import_modules("bnproof.baselines")
    entries: list[Baseline] = [module.BASELINE for module in modules if hasattr(module, "BASELINE")]
    return {baseline.name: baseline for baseline in entries}


def require_method(implementation: Any, name: str) -> Callable[..., Any]:
    """A method of the implementation.

    Raises
    ------
    NotImplementedError
        Where it has none, which :func:`run_checks` takes for "not offered".
    """
    function: Callable[..., Any] | None = getattr(implementation, name, None)
    if function is None:
        raise NotImplementedError(f"no {name}")
    return function


def run_checks(checks: Iterable[Check]) -> BaselineResult:
    """Run labelled checks until one fails.

    Parameters
    ----------
    checks
        Pairs of a label and a function of nothing that raises where its check fails.

    Returns
    -------
    BaselineResult
        Flagged with ``"label: reason"`` at the first failure.  ``NotImplementedError`` is none:
        that case is not offered.  Any other exception is one, ``SystemExit`` included.  Warnings
        are not judged.

    Examples
    --------
    >>> run_checks([("train", lambda: None), ("infer", lambda: 1 / 0)]).reason
    'infer: raised ZeroDivisionError: division by zero'
    >>> run_checks([])
    BaselineResult(flagged=False, reason='', offered=False)
    """
    offered = False
    for label, check in checks:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                check()
        except NotImplementedError:
            continue
        except (
            Exception,
            SystemExit,
        ) as error:  # whatever a stranger's code raises is a finding, not our end
            return BaselineResult(flagged=True, reason=f"{label}: {_format_error(error)}")
        offered = True
    return BaselineResult(flagged=False, offered=offered)


def _format_error(error: BaseException) -> str:
    """The first line of an error's text, after its type unless it is a difference."""
    try:
        # A stranger's exception may have no text, or raise again when its text is asked for.
        text = (str(error).splitlines() or [""])[0]
    except Exception:
        text = "(its text cannot be read)"
    return text if isinstance(error, Differs) else f"raised {type(error).__name__}: {text}"
