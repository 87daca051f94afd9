"""A package outside bnproof, written as a new user would, runs its batch norm through the decorator
and through --pyargs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.testing import parametrize_with_laws

EXTERNAL = Path(__file__).parent / "external"


@pytest.fixture
def package(tmp_path):
    """A copy of the package with its tests, away from this repository."""
    return Path(shutil.copytree(EXTERNAL, tmp_path / "work"))


def run_pytest(folder, *arguments):
    """``(exit status, output)`` of pytest in a folder, without this repository's configuration."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_the_decorator_gives_one_test_a_law(package):
    """Laws hold, are skipped where nothing is offered, and known failures are expected."""
    status, out = run_pytest(package, "-rA", "test_tinynorm.py")
    assert status == 0, out
    assert "PASSED test_tinynorm.py::test_batch_norm[output]" in out
    assert "test_batch_norm[fold-bias]" not in [
        line.split()[1] for line in out.splitlines() if line.startswith("PASSED")
    ]
    assert "XFAIL test_tinynorm.py::test_known_bug[gradient-beta]" in out
    assert "PASSED test_tinynorm.py::test_known_bug[output]" in out


@pytest.mark.slow
def test_a_wrong_batch_norm_fails_under_xdist_with_its_cause(package):
    """``pytest --pyargs bnproof.suite --bn`` names the law, the input and the likely cause; workers
    share the laws."""
    options = (
        "--pyargs",
        "bnproof.suite",
        "--bn",
        "tinynorm:FrozenBiasBatchNorm",
        "--bn-effort",
        "quick",
        "-n",
        "2",
    )
    status, out = run_pytest(package, *options)
    assert status == 1, out
    assert "test_law[gradient-beta]" in out
    assert "to reproduce" in out


def test_without_a_target_the_suite_says_what_to_do(package):
    """--bn is asked for in one line."""
    status, out = run_pytest(package, "--pyargs", "bnproof.suite")
    assert status != 0
    assert "--bn package.module:Name" in out


def test_an_expected_failure_that_holds_fails(package):
    """Expectations are strict."""
    (package / "test_strict.py").write_text(
        "from bnproof.testing import parametrize_with_laws\nfrom bnproof.implementations.numpy"
        " import NumpyBatchNorm\n@parametrize_with_laws(NumpyBatchNorm(), effort='quick',"
        " select=['output'], expected_failures={'output': 'old'})\ndef test_it(law):\n    law()\n"
    )
    status, out = run_pytest(package, "test_strict.py")
    assert status == 1
    assert "XPASS(strict)" in out


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("broken:Never", "gives no usable answer: train raised RuntimeError: never"),
        ("broken:NoTrain", "broken:NoTrain has no method of the contract"),
    ],
)
def test_what_gives_no_answer_is_told_without_a_traceback(package, target, message):
    """Not even one for every law."""
    text = """
    class NoTrain:
        pass

    class Never:
        def train(self, *arguments, **options):
            raise RuntimeError("never")
    """
    (package / "broken.py").write_text(dedent(text))
    options = ("--pyargs", "bnproof.suite", "--bn", target, "--bn-effort", "quick")
    status, out = run_pytest(package, *options)
    assert status != 0
    assert message in out
    assert "Traceback" not in out
    assert "examining.py" not in out


def test_what_never_answers_is_checked_once():
    """The second law knows from the first."""
    calls = []

    class Never:
        def train(self, *arguments, **options):
            calls.append(arguments)
            raise RuntimeError("never")

    counts = []
    for law in (
        parameters.values[0]
        for parameters in parametrize_with_laws(Never(), effort="quick").args[1][:2]
    ):
        with pytest.raises(pytest.fail.Exception, match="train raised RuntimeError: never"):
            law()
        counts.append(len(calls))
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize(
    ("implementation", "options"),
    [
        (NumpyBatchNorm(), {"effort": "fast"}),
        (NumpyBatchNorm(), {"convention": "pytorch"}),
        (3, {}),
    ],
)
def test_a_bad_request_is_refused_where_the_tests_are_made(implementation, options):
    """Once, not law by law."""
    with pytest.raises((ValueError, LookupError)):
        parametrize_with_laws(implementation, **options)
