"""What the process of a target tells its parent, and what it does not hide."""

import os
import pickle
import signal

import pytest

from bnproof.verification import run
from bnproof.verification.child import Request, serve
from bnproof.verification.verdict import Verdict

OPTIONS = {"effort": "quick", "select": ("output", "inference-output")}
TARGET = "tests.cli.specimens:Right"


class Pipe:
    """Keeps what was said, in order."""

    def __init__(self):
        self.said = []

    def send(self, message):
        self.said.append(message)


@pytest.fixture
def hear(monkeypatch):
    """Serve a request in this process, whose own streams and signals stay; what was said."""
    monkeypatch.setattr(os, "dup2", lambda source, target: None)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)

    def serve_here(target, options=OPTIONS, blocked=None):
        pipe = Pipe()
        serve(pipe, Request(target, options), blocked or {})
        return pipe.said

    return serve_here


def test_a_request_survives_the_way_to_the_process():
    """The process is spawned, so whatever was asked has to come out of a pickle as it went in."""
    request = Request(TARGET, OPTIONS | {"expect": {"output": "known"}})
    assert pickle.loads(pickle.dumps(request)) == request


def test_every_call_is_announced_before_it_is_made_and_ended_after_it(hear):
    """So the parent knows which call did not come back; the import is the first of them."""
    said = hear(TARGET)
    calls = [what for kind, *what in said if kind == "calling"]
    assert calls[0] == ["import", 0]
    methods, ends = calls[::2], calls[1::2]
    assert all(method for method, _ in methods)
    assert ends == [["", 0]] * len(methods)
    trained = [number for method, number in methods if method == "train"]
    assert trained == list(range(1, len(trained) + 1))


def test_progress_is_told_up_to_the_total_and_the_verdict_is_the_last_word(hear):
    """One message for each case, and nothing after the verdict."""
    *before, (kind, verdict) = hear(TARGET)
    counts = [tuple(what) for said, *what in before if said == "progress"]
    assert counts == [(n, verdict.cases) for n in range(1, verdict.cases + 1)]
    assert kind == "verdict"
    assert isinstance(verdict, Verdict)
    assert verdict.target == TARGET


def test_a_call_that_ended_an_earlier_process_is_not_made_again(hear):
    """From that call on; the calls before it are, and other methods go on."""
    said = hear(TARGET, blocked={"infer": ("did not end within 60 s", 3)})
    numbers = {}
    for kind, *what in said:
        if kind == "calling":
            numbers.setdefault(what[0], []).append(what[1])
    assert numbers["infer"] == [1, 2]
    assert max(numbers["train"]) > 2


@pytest.mark.parametrize(
    ("target", "options", "why"),
    [
        ("nowhere:Name", OPTIONS, "nowhere"),
        (TARGET, OPTIONS | {"select": ("shiftt",)}, "try shift"),
        (TARGET, OPTIONS | {"convention": "teras"}, "teras"),
        (TARGET, OPTIONS | {"effort": "lazy"}, "quick"),
    ],
)
def test_what_cannot_be_carried_out_is_one_sentence(target, options, why, hear):
    """Of each kind of refusal; a sentence crosses the pipe, where an exception might not."""
    kind, said = hear(target, options)[-1]
    assert kind == "cannot"
    assert why in said
    assert said[0].islower(), "a sentence without the name of an exception"
    assert "\n" not in said


def test_an_error_of_this_package_is_not_blamed_on_the_request(hear, monkeypatch):
    """It ends the process with its traceback, and is no refusal."""

    def fail(*arguments):
        raise TypeError("a slip in a law")

    monkeypatch.setattr(run, "check", fail)
    with pytest.raises(TypeError, match="a slip in a law"):
        hear(TARGET)
