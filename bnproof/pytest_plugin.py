"""The pytest plugin: options for ``pytest --pyargs bnproof.suite --bn package.module:Name``.  It
imports nothing heavy."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--bn`` and its companions."""
    group = parser.getgroup(
        "bnproof", "verification of a batch norm: pytest --pyargs bnproof.suite --bn TARGET"
    )
    group.addoption(
        "--bn",
        metavar="TARGET",
        help="package.module:Name, path/to/file.py:Name, or a built-in name",
    )
    group.addoption(
        "--bn-convention",
        metavar="NAME",
        help="check by this convention instead of the declared one",
    )
    group.addoption("--bn-effort", choices=("quick", "standard", "thorough"), default="standard")
    group.addoption("--bn-seed", metavar="N", type=int, default=0)
