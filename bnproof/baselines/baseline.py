"""What a baseline is, what it finds, and the list of all baselines."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np

Check = tuple[str, Callable[[], None]]


@dataclass(frozen=True)
class BaselineResult:
    """``flagged``: something failed; ``reason``: the first failure in one line; ``offered``: there
    was something to test."""

    flagged: bool
    reason: str = ""
    offered: bool = True


@dataclass(frozen=True)
class Baseline:
    """A test people use: ``run(implementation, reference)``, the reference being PyTorch behind the
    contract."""

    name: str
    says: str
    source: str
    run: Callable[[Any, Any], BaselineResult]


class Differs(AssertionError):
    """The implementation answered, and the baseline does not accept the answer; the message says
    which entry and why."""


@cache
def list_baselines() -> dict[str, Baseline]:
    """Every baseline by name: the ``BASELINE`` of each module of this package."""
    package = import_module("bnproof.baselines")
    modules = (
        import_module(f"bnproof.baselines.{info.name}") for info in iter_modules(package.__path__)
    )
    entries: list[Baseline] = [module.BASELINE for module in modules if hasattr(module, "BASELINE")]
    return {baseline.name: baseline for baseline in entries}


def require_method(implementation: Any, name: str) -> Callable[..., Any]:
    """A method of the implementation; raises ``NotImplementedError`` where it has none."""
    function: Callable[..., Any] | None = getattr(implementation, name, None)
    if function is None:
        raise NotImplementedError(f"no {name}")
    return function


def run_checks(checks: Iterable[Check]) -> BaselineResult:
    """Run labelled checks until one fails.

    ``NotImplementedError`` means not offered for that case, any other exception is a failure.
    Warnings are not judged.
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
        text = (str(error).splitlines() or [""])[0]
    except Exception:
        text = "(its text cannot be read)"
    return text if isinstance(error, Differs) else f"raised {type(error).__name__}: {text}"
