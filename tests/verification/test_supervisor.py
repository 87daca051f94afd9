"""Supervision: crashes, hangs and exits of a target become violations or one line, and everything
else is still judged."""

import time
from pathlib import Path

import pytest

from bnproof.laws.quantities import FORMULAS
from bnproof.verification import supervisor
from bnproof.verification.child import Request
from bnproof.verification.supervisor import CannotCheck, _describe_death, supervise

OWN = """
import os, sys, time
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_layer import NumpyLayer

class Aborts(NumpyBatchNorm):
    def infer_vjp(self, *arguments, **options):
        os.abort()

class AbortsLate(NumpyBatchNorm):
    calls = 0

    def infer(self, *arguments, **options):
        self.calls += 1
        if self.calls == 4:
            os.abort()
        return super().infer(*arguments, **options)

class Hangs(NumpyBatchNorm):
    def train_vjp(self, *arguments, **options):
        while True:
            time.sleep(0.1)

class Leaves(NumpyBatchNorm):
    def fold(self, *arguments, **options):
        os._exit(0)

class Prints(NumpyBatchNorm):
    def train(self, *arguments, **options):
        print("hello from Python")
        os.system("echo hello from the shell")
        os.write(1, b"hello from the descriptor")
        return super().train(*arguments, **options)

class NeverAnswers:
    def train(self, *arguments, **options):
        os.abort()

class Right(NumpyBatchNorm):
    pass

class Biased(NumpyBatchNorm):
    def bessel(self, v, m):
        return v

class LayerAborts(NumpyLayer):
    def backward(self, dy):
        if self.latest.training and self.running_var is not None and (self.running_var != 1).any():
            os.abort()
        return super().backward(dy)
"""
FEW = (
    "answers",
    "output",
    "gradient-x",
    "inference-output",
    "inference-gradient-x",
    "fold-weight",
    "running-variance",
)


@pytest.fixture
def own(tmp_path):
    """A file with targets."""
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def request(target, select=FEW, **changed):
    """A quick check of a few laws."""
    return Request(str(target), {"effort": "quick", "select": select, **changed})


def judged(target, limit=60.0, **changed):
    """The verdict."""
    return supervise(request(target, **changed), limit=limit)


def violated(verdict):
    """Law by law what is said."""
    return {violation.law: violation.message for violation in verdict.violations}


def test_a_crash_is_a_violation_and_the_rest_is_judged(own):
    """The signal is named; laws of other methods pass."""
    verdict = judged(f"{own}:Aborts")
    assert violated(verdict).keys() == {"answers"}
    assert "infer_vjp ended the process (SIGABRT)" in violated(verdict)["answers"]
    assert {"output", "gradient-x", "inference-output", "fold-weight"} <= set(verdict.passed)
    assert "inference-gradient-x" not in verdict.passed


@pytest.mark.slow
def test_a_crash_at_a_later_call_leaves_the_calls_before_it(own):
    """What was answered before is judged; from then on the method is not called."""
    verdict = judged(f"{own}:AbortsLate", select=("answers", "inference-output"))
    assert "infer ended the process (SIGABRT)" in violated(verdict)["answers"]
    assert verdict.passed == ["inference-output"]
    assert 0 < verdict.tallies["inference-output"].cases < 4


def test_a_call_that_does_not_end_is_a_violation(own):
    """After the limit, which is named."""
    start = time.monotonic()
    verdict = judged(f"{own}:Hangs", select=("answers", "output", "fold-weight"), limit=1.0)
    assert "train_vjp did not end within 1 s" in violated(verdict)["answers"]
    assert {"output", "fold-weight"} <= set(verdict.passed)
    assert time.monotonic() - start < 50


@pytest.mark.slow
def test_leaving_without_a_word_is_a_violation(own):
    """Exit status 0 is no answer."""
    verdict = judged(f"{own}:Leaves", select=("answers", "output", "fold-weight"))
    assert "fold ended the process (exit status 0)" in violated(verdict)["answers"]
    assert verdict.passed == ["output"]


def test_nothing_that_a_target_prints_reaches_standard_output(own, capfd):
    """Python, a shell, and the descriptor itself: all on standard error."""
    assert judged(f"{own}:Prints", select=("output",)).ok
    out, err = capfd.readouterr()
    assert out == ""
    assert all(f"hello from {what}" in err for what in ("Python", "the shell", "the descriptor"))


@pytest.mark.slow
def test_what_is_right_passes_and_progress_is_told(own):
    """The same verdict as in this process, and a count that ends with the total."""
    told = []
    verdict = supervise(
        request(f"{own}:Right"), limit=60, progress=lambda *count: told.append(count)
    )
    assert verdict.ok
    assert told[-1][0] == told[-1][1] == verdict.cases
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.slow
def test_options_reach_the_check(own):
    """Expectations, another convention."""
    verdict = judged(
        f"{own}:Biased", select=("running-variance",), expect={"running-variance": "tracks v"}
    )
    assert verdict.ok
    assert verdict.expected == {"running-variance": "tracks v"}


DIES = ("import os\nos._exit(3)\n", "does not import: it ended the process (exit status 3)")
IMPORTS = {
    "exits": ("import sys\nsys.exit(3)\n", "SystemExit"),
    "aborts": ("import os\nos.abort()\n", "does not import: it ended the process (SIGABRT)"),
    "hangs": (
        "import time\nwhile True:\n    time.sleep(0.1)\n",
        "does not import: it did not end within 2 s",
    ),
    "is interrupted": ("raise KeyboardInterrupt\n", "does not import: KeyboardInterrupt"),
    "raises": ("raise RuntimeError('two\\nlines')\n", "RuntimeError"),
    "has a slip": ("class Made(:\n", "SyntaxError"),
    "needs what is missing": ("import no_such_module_at_all\n", "no_such_module_at_all"),
    "has no such name": ("x = 1\n", "has no 'Made'"),
}
OTHERS = [pytest.param(*value, marks=pytest.mark.slow, id=name) for name, value in IMPORTS.items()]


@pytest.mark.parametrize(("source", "says"), [pytest.param(*DIES, id="dies"), *OTHERS])
def test_a_file_that_cannot_be_imported_gets_one_line(source, says, tmp_path, monkeypatch):
    """Whatever it does instead."""
    monkeypatch.setattr(supervisor, "LOADING", 2.0)
    path = tmp_path / "own.py"
    path.write_text(source)
    with pytest.raises(CannotCheck) as refused:
        judged(f"{path}:Made", limit=1.0)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_a_target_that_only_crashes_cannot_be_checked(own):
    """No case gives a usable answer: one line with the reason."""
    with pytest.raises(CannotCheck, match="no usable answer: train ended the process") as refused:
        judged(f"{own}:NeverAnswers", select=("output",))
    assert "\n" not in str(refused.value)


BAD = {
    "law": ({"select": ("outputt",)}, "try output"),
    "convention": ({"convention": "teras"}, "use one of"),
    "effort": ({"effort": "lazy"}, "use one of quick"),
    "replay": ({"replay": Path("/nowhere.json")}, "cannot be read"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("changed", "says"), BAD.values(), ids=BAD)
def test_a_bad_request_gets_one_line(changed, says, own):
    """As the check itself would say."""
    with pytest.raises(CannotCheck, match=says) as refused:
        judged(f"{own}:Right", **changed)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_a_layer_that_crashes_in_a_sequence_is_judged_by_all_other_laws(own):
    """The crash is told once; laws of single calls are judged."""
    verdict = judged(
        f"{own}:LayerAborts",
        select=("sequence-output", "sequence-frozen", "output", "inference-output"),
    )
    assert "ended the process (SIGABRT)" in " ".join(violated(verdict).values())
    assert {"output", "inference-output"} <= set(verdict.passed)


def test_a_death_is_named():
    """By its signal, also a real-time one, or its status."""
    assert _describe_death(-11) == "ended the process (SIGSEGV)"
    assert _describe_death(1) == "ended the process (exit status 1)"
    assert "signal" in _describe_death(-40).lower() or "SIG" in _describe_death(-40)


def test_names_of_laws_are_those_of_the_values():
    """The few that are selected here exist."""
    assert set(FEW) - {"answers"} <= {formula.law for formula in FORMULAS.values()}
