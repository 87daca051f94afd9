"""Rules of the house that a test can see: no tolerances, light imports, small files."""

import ast
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import bnproof

PACKAGE = Path(bnproof.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
TOLERANCES = {"rtol", "atol", "allclose", "isclose", "approx", "assert_allclose"}


def test_no_literal_tolerances():
    """No rtol, atol, allclose, isclose or approx outside the baselines, which compare with what
    people use."""

    def names(path):
        for n in ast.walk(_tree(path)):
            yield (
                n.arg if isinstance(n, ast.keyword) else getattr(n, "attr", getattr(n, "id", None))
            )

    judging = [path for path in SOURCES if path.parent.name != "baselines"]
    assert [path for path in judging if TOLERANCES & set(names(path))] == []


def test_files_stay_small():
    """At most 400 lines of code below the imports; docstrings and comments are not counted."""
    sizes = {path: len(_code_lines(path)) for path in SOURCES}
    assert {path: size for path, size in sizes.items() if size > 400} == {}


def test_every_file_says_what_it_is():
    """A module docstring in each."""
    assert [path for path in SOURCES if not ast.get_docstring(_tree(path))] == []


def test_nothing_is_simplified_on_the_way_to_a_verdict():
    """SymPy's simplify is called by the benchmarks alone, which measure plain SymPy."""
    others = [path for path in SOURCES if path.parent.name != "benchmarks"]
    assert [path for path in others if re.search(r"\bsimplify\(", path.read_text())] == []


def test_no_two_classes_share_a_name():
    """A class is found by its name alone."""
    counts = Counter(
        n.name for path in SOURCES for n in ast.walk(_tree(path)) if isinstance(n, ast.ClassDef)
    )
    assert [name for name, count in counts.items() if count > 1] == []


def test_words_that_mean_nothing_are_no_names():
    """No function, parameter, field or variable is called by a bare participle or preposition."""
    empty = {"told", "held", "laid", "judged", "asked", "found", "of"}

    def names(path):
        for n in ast.walk(_tree(path)):
            if isinstance(n, ast.FunctionDef):
                yield n.name
            elif isinstance(n, ast.arg):
                yield n.arg
            elif isinstance(n, ast.Name):
                yield n.id

    assert {path: empty & set(names(path)) for path in SOURCES if empty & set(names(path))} == {}


# what a whole room declares, with the test that goes through all of it
DECLARED = {
    "theorems/chapter*.py": "theorems/test_book.py",
    "claims/question.py": "claims/test_ledger.py",
    "claims/*_answer.py": "claims/test_ledger.py",
    "experiments/demonstrations/*.py": "experiments/test_demonstrations.py",
    "baselines/allclose_*.py": "baselines/test_baselines.py",
    "mutants/unmodelled.py": "mutants/test_mutants.py",
    "laws/layers.py": "laws/test_law.py",
    "implementations/numpy.py": "implementations/test_implementations.py",
}


def test_every_module_has_its_tests():
    """In the file of the same name, or in the one that goes through what its room declares."""
    tests, missing = Path(__file__).parents[1], []
    for path in SOURCES:
        module = path.relative_to(PACKAGE)
        own = f"test_{module.name.removeprefix('_').removeprefix('test_')}"
        shared = [file for pattern, file in DECLARED.items() if module.match(pattern)]
        if not any((tests / file).exists() for file in (module.parent / own, *shared)):
            missing += [] if module.name.startswith("__") else [str(module)]
    assert missing == []


# A record and its page share a name, and so do a benchmark and its page, a speaker's claims and
# their demonstrations, the bugs of a step and the certified step, the streams of two rooms.
SHARED = {
    *("accuracy", "containment", "detection", "mutation", "oracle_cost", "proof_cost"),
    *("prover_attack", "training", "first_answer", "question", "textbook", "third_answer"),
    *("conventions", "folding", "inference", "running", "moments", "rows", "tolerance_power"),
}


def test_modules_of_two_rooms_share_no_name_without_a_cause():
    """A name of a module says where it belongs."""
    counts = Counter(path.stem for path in SOURCES if not path.stem.startswith("__"))
    assert {name for name, count in counts.items() if count > 1} <= SHARED


def _code_lines(path):
    """The lines of a module below its imports, without docstrings, comments and empty lines."""
    tree, lines = _tree(path), path.read_text().splitlines()
    imports = [n.end_lineno for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    prose = {
        line
        for n in ast.walk(tree)
        if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)
        for line in range(n.lineno, n.end_lineno + 1)
    }
    return [
        line
        for number, line in enumerate(lines, 1)
        if number > max(imports, default=0)
        and number not in prose
        and line.strip()
        and not line.strip().startswith("#")
    ]


@cache
def _tree(path):
    return ast.parse(path.read_text())


@pytest.mark.parametrize(
    "module",
    [
        "bnproof",
        "bnproof.cli",
        "bnproof.cli.accuracy",
        "bnproof.cli.check",
        "bnproof.cli.claims",
        "bnproof.cli.detect",
        "bnproof.cli.implementations",
        "bnproof.cli.laws",
        "bnproof.pytest_plugin",
        "bnproof.suite",
        "bnproof.cli.list",
        "bnproof.cli.prove",
        "bnproof.cli.report",
        "bnproof.cli.show",
    ],
)
def test_importing_the_doors_is_light(module):
    """No SymPy, torch, pandas, numba, flint or NumPy behind the package and the command's
    modules."""
    heavy = ["sympy", "torch", "pandas", "numba", "flint", "numpy", "matplotlib", "rich"]
    code = f"import sys, {module}; print([n for n in {heavy} if n in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_showing_a_theorem_does_not_wait_for_tables():
    """Its page needs neither pandas nor Matplotlib, which it would have to wait for."""
    code = (
        "import sys, bnproof.reports.derivation;"
        " print([n for n in ('pandas', 'matplotlib', 'torch', 'numpy') if n in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
