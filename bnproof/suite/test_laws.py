"""One test per law, for the batch norm that ``--bn`` names."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The laws as parameters; without ``--bn`` there is nothing to test."""
    from bnproof.implementations.conventions import UnknownConvention
    from bnproof.implementations.targets import UnusableTarget, load
    from bnproof.testing import parametrize_with_laws

    option = metafunc.config.getoption
    if not option("--bn"):
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
    """The law holds, or is not offered."""
    law()
