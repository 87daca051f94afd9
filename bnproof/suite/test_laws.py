"""One test per law, for the batch norm that ``--bn`` names.

The laws become parameters while pytest collects, so that each has a line of its own in the report.
They share one check, which runs when the first of them does.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test below one parameter for each law.

    Parameters
    ----------
    metafunc
        What pytest hands over; the options ``--bn``, ``--bn-effort``, ``--bn-seed`` and
        ``--bn-convention`` are read from its configuration.

    Raises
    ------
    pytest.UsageError
        Without ``--bn``, or where its target or the convention cannot be used.
    """
    from bnproof.implementations.conventions import UnknownConvention
    from bnproof.implementations.targets import UnusableTarget, load
    from bnproof.testing import parametrize_with_laws

    option = metafunc.config.getoption
    if not option("--bn"):
        # Without a target nothing would be tested, and a run that passes would say nothing.
        raise pytest.UsageError("name the batch norm: --bn package.module:Name")
    try:
        laws = parametrize_with_laws(
            load(option("--bn")),
            effort=option("--bn-effort"),
            seed=option("--bn-seed"),
            convention=option("--bn-convention"),
        )
    except (UnusableTarget, UnknownConvention) as error:
        raise pytest.UsageError(str(error)) from error
    metafunc.parametrize(*laws.args)


def test_law(law: Callable[[], None]) -> None:
    """The law holds, or is not offered (then the test is skipped)."""
    law()
