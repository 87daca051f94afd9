"""How checks become a finding: the first failure decides, and what is not offered is none."""

import numpy as np
import pytest

from bnproof.baselines.baseline import BaselineResult, Differs, require_method, run_checks


def fail_with(error):
    """A check that raises."""

    def check():
        raise error

    return check


def test_the_first_failure_decides_and_ends_the_run():
    """Its label and reason are kept, and no later check is made."""
    made = []
    result = run_checks(
        [
            ("one", lambda: made.append(1)),
            ("two", fail_with(Differs("y[0] is 1"))),
            ("three", lambda: made.append(3)),
        ]
    )
    assert result == BaselineResult(flagged=True, reason="two: y[0] is 1")
    assert made == [1]


def test_one_check_that_could_be_made_counts_as_offered():
    """Checks that are not implemented are skipped; without any other nothing was offered."""
    skipped = "skipped", fail_with(NotImplementedError())
    assert run_checks([skipped, ("made", lambda: None), skipped]).offered
    assert not run_checks([skipped, skipped]).offered
    assert not run_checks([]).flagged


class Unreadable(Exception):
    """An error whose text cannot be had."""

    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("first\nsecond"), "case: raised ValueError: first"),
        (ValueError(), "case: raised ValueError: "),
        (SystemExit(3), "case: raised SystemExit: 3"),
        (AssertionError("theirs"), "case: raised AssertionError: theirs"),
        (Differs("ours\nand more"), "case: ours"),
        (Unreadable(), "case: raised Unreadable: (its text cannot be read)"),
    ],
)
def test_any_exception_of_a_stranger_is_one_line(error, reason):
    """The type and the first line; a difference speaks for itself."""
    assert run_checks([("case", fail_with(error))]).reason == reason


def test_a_keyboard_interrupt_is_no_finding():
    """Who stops the run stops it."""
    with pytest.raises(KeyboardInterrupt):
        run_checks([("case", fail_with(KeyboardInterrupt()))])


def test_floating_point_errors_are_not_judged():
    """A division by 0 inside of a check raises nothing, though it does outside."""
    with np.errstate(all="raise"):
        assert run_checks([("case", lambda: np.ones(1) / np.zeros(1))]).offered


def test_a_missing_method_is_not_offered():
    """A method that is absent or ``None`` raises ``NotImplementedError``, and another is handed
    out."""

    class Some:
        infer = None

        def train(self):
            return 7

    assert require_method(Some(), "train")() == 7
    for name in ("infer", "fold"):
        with pytest.raises(NotImplementedError, match=name):
            require_method(Some(), name)
