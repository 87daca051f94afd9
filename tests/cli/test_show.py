"""The exit status of a page on one theorem."""

import pytest
from click.testing import CliRunner

from bnproof.cli import group
from bnproof.theorems import proving


@pytest.mark.parametrize(("verdict", "status"), [("proved", 0), ("refuted", 1), ("undecided", 3)])
def test_the_status_is_that_of_the_verdict(verdict, status, monkeypatch):
    """The page is printed all the same."""
    settle = proving.as_row
    monkeypatch.setattr(proving, "as_row", lambda *given: settle(*given) | {"verdict": verdict})
    done = CliRunner().invoke(
        group, ["show", "collapse"], standalone_mode=False, catch_exceptions=False
    )
    assert done.return_value == status
    assert verdict in done.output
