"""One proof in a process: what is asked reaches the right side, and one JSON object comes back."""

import json
import sys
import types

import pytest

from bnproof.benchmarks import attempt


@pytest.fixture
def sides(monkeypatch):
    """Both sides replaced, and the calls they get; caches are cleared before, which is noted."""
    calls = []

    def answer(*arguments, dropped):
        calls.append((*arguments, dropped))
        return "shown"

    for name in ("generic", "plain_sympy"):
        fake = types.SimpleNamespace(settle_statement=answer)
        monkeypatch.setitem(sys.modules, f"bnproof.benchmarks.{name}", fake)
    cache = types.SimpleNamespace(clear_cache=lambda: calls.append("cleared"))
    monkeypatch.setitem(sys.modules, "sympy.core.cache", cache)
    return calls


def test_ours_is_asked_for_every_m(sides, capsys):
    """Without a batch size, and with SymPy's caches empty."""
    attempt.main("bnproof", "jacobian", "0")
    assert sides == ["cleared", ("jacobian", False)]
    assert json.loads(capsys.readouterr().out)["outcome"] == "shown"


def test_plain_sympy_is_asked_for_one_m(sides, capsys):
    """The method, the theorem and the size as a number."""
    attempt.main("field", "gradient-x", "16")
    assert sides == ["cleared", ("field", "gradient-x", 16, False)]
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_only_the_word_dropped_asks_for_the_false_variant(sides, capsys):
    """On either side."""
    attempt.main("bnproof", "jacobian", "0", "dropped")
    attempt.main("field", "jacobian", "2", "dropped")
    assert [call[-1] for call in sides if call != "cleared"] == [True, True]


def test_times_are_numbers_beside_the_outcome(sides, capsys):
    """CPU seconds, elapsed seconds and those of imports; none is negative."""
    attempt.main("bnproof", "jacobian", "0")
    line = json.loads(capsys.readouterr().out)
    assert set(line) == {"outcome", "seconds", "elapsed_seconds", "import_seconds"}
    assert all(line[name] >= 0 for name in line if name != "outcome")


def test_what_is_not_compared_raises(capsys):
    """An unknown theorem ends the process with an error and prints nothing."""
    with pytest.raises(LookupError):
        attempt.main("bnproof", "no theorem", "0")
    assert capsys.readouterr().out == ""
