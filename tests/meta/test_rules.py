"""Rules of the house that a test can see: no tolerances, light imports, small files."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bnproof

PACKAGE = Path(bnproof.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
TOLERANCES = {"rtol", "atol", "allclose", "isclose", "approx", "assert_allclose"}


# which compare with what people use
JUDGING = [path for path in SOURCES if path.parent.name != "baselines"]


@pytest.mark.parametrize("path", JUDGING, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_literal_tolerances(path):
    """No rtol, atol, allclose, isclose or approx outside the baselines."""
    names = {
        n.arg if isinstance(n, ast.keyword) else getattr(n, "attr", getattr(n, "id", None))
        for n in ast.walk(_tree(path))
    }
    assert not names & TOLERANCES


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_stay_small_and_documented(path):
    """At most 400 lines below the imports, a module docstring, and no simplify on the way to a
    verdict."""
    tree = _tree(path)
    imports = [
        node.end_lineno for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert len(path.read_text().splitlines()) - max(imports, default=0) <= 400
    assert ast.get_docstring(tree)
    if path.parent.name != "benchmarks":  # which measure plain SymPy
        assert not any(
            getattr(n, "attr", getattr(n, "id", None)) == "simplify" for n in ast.walk(tree)
        )


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
