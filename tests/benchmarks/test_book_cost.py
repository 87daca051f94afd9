"""The prover's time as a whole: every verdict counts, and each kind of clock has its use."""

import json
import resource
import sys
import types

import pytest

from bnproof.benchmarks import book_cost


def prover(verdicts):
    """A prover whose theorems have these verdicts."""
    outcomes = [types.SimpleNamespace(verdict=verdict) for verdict in verdicts]
    proving = types.SimpleNamespace(
        settle=lambda entry: outcomes[entry], settle_all=lambda: outcomes
    )
    book = types.SimpleNamespace(book=lambda: {f"theorem {n}": n for n in range(len(outcomes))})
    return {"bnproof.theorems.proving": proving, "bnproof.theorems.book": book}


@pytest.mark.parametrize("settle", [book_cost.settle_book, book_cost.settle_in_workers])
@pytest.mark.parametrize(
    ("verdicts", "done"),
    [
        (["proved", "proved"], True),
        (["proved", "undecided"], False),
        (["refuted"], False),
        ([], False),
    ],
)
def test_a_book_is_settled_only_if_every_theorem_is_proved(monkeypatch, settle, verdicts, done):
    """One other verdict makes a time that is not comparable, and so does an empty book."""
    for name, module in prover(verdicts).items():
        monkeypatch.setitem(sys.modules, name, module)
    assert settle() is done


def test_a_shown_theorem_is_named_as_proved(monkeypatch):
    """Exit status 0 alone does not count, nor does the sentence after an error."""
    answers = iter([(0, "x: proved for every m"), (1, "x: proved for every m"), (0, "x: refuted")])

    def run(command, **options):
        assert command[-2:] == ["show", "x"]
        assert "-P" in command
        status, printed = next(answers)
        return types.SimpleNamespace(returncode=status, stdout=printed)

    monkeypatch.setattr(book_cost.subprocess, "run", run)
    assert [book_cost.show("x") for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    ("what", "function", "clock"),
    [("book", "settle_book", 3.0), ("workers", "settle_in_workers", 50.0), ("show", "show", 9.0)],
)
def test_each_kind_has_its_clock(monkeypatch, capsys, what, function, clock):
    """CPU seconds of this process, elapsed seconds, or CPU seconds of the child."""
    monkeypatch.setattr(book_cost, function, lambda *arguments: True)
    cpu, elapsed = iter([1.0, 4.0]), iter([100.0, 150.0])
    child = types.SimpleNamespace(ru_utime=7.0, ru_stime=2.0)
    monkeypatch.setattr(book_cost.time, "process_time", lambda: next(cpu))
    monkeypatch.setattr(book_cost.time, "perf_counter", lambda: next(elapsed))
    monkeypatch.setattr(resource, "getrusage", lambda who: child)
    book_cost.main(what, "x")
    monkeypatch.undo()
    assert json.loads(capsys.readouterr().out) == {
        "outcome": "shown",
        "seconds": clock,
        "elapsed_seconds": 50.0,
    }


def test_what_is_not_proved_is_not_shown(monkeypatch, capsys):
    """The outcome says so, beside the time it took."""
    monkeypatch.setattr(book_cost, "settle_book", lambda: False)
    book_cost.main("book")
    assert json.loads(capsys.readouterr().out)["outcome"] == "not shown"
