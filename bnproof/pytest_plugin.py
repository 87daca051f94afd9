"""The pytest plugin: options for ``pytest --pyargs bnproof.suite --bn package.module:Name``.

pytest loads it in every run where bnproof is installed, so it imports nothing heavy and only adds
the options.  The tests themselves are in :mod:`bnproof.suite`.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--bn`` and the options that go with it.

    All of them start with ``--bn``, so that they do not meet the options of other plugins.
    """
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
