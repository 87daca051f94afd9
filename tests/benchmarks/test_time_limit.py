"""The limit of time: it reaches what swallows exceptions, and leaves nothing behind."""

import contextlib
import signal
import time

import pytest

from bnproof.benchmarks.time_limit import OutOfTime, limit_time


def hang():
    """Sleep, and swallow every ordinary exception."""
    while True:
        try:
            time.sleep(1)
        except Exception:
            continue


def test_a_block_that_hangs_is_stopped():
    """No ``except Exception`` inside of it is in the way."""
    with pytest.raises(OutOfTime), limit_time(0.05):
        hang()


@pytest.mark.parametrize("error", [None, KeyError])
def test_the_alarm_is_off_afterwards(error):
    """The earlier handler is back as well, also after an error."""
    before = signal.getsignal(signal.SIGALRM)
    with contextlib.suppress(KeyError), limit_time(60):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
        if error:
            raise error
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == before
