"""Every example in a docstring of the package runs, and prints what it says."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import bnproof

PACKAGE = Path(bnproof.__file__).parent
MODULES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    """At least one, and all as written."""
    found = doctest.testmod(import_module(name))
    assert found.attempted > 0
    assert found.failed == 0
