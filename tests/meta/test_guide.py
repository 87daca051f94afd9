"""The examples of the contributor's guide do what it says of them."""

import re
from pathlib import Path

import numpy as np
import pytest

from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Answers
from bnproof.laws.oracle import Oracle
from bnproof.laws.supports import EVERYTHING
from bnproof.records import collect
from bnproof.reports.pages import _build_environment
from bnproof.theorems.book import build
from bnproof.theorems.proving import list_statements, settle_statement
from tests.laws.draws import draw_semantic_case, target

GUIDE = (Path(__file__).parents[2] / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
# what the neighbours of the examples import
IMPORTS = """
from __future__ import annotations
from collections.abc import Iterable, Iterator
from dataclasses import replace
import numpy as np
from bnproof.contract import Array, Failure, FailureKind, Measurement
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.signatures import Arguments, pack_arguments
from bnproof.laws.answers import Answers
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.comparing import is_right
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.records import Records, Row
from bnproof.reports.files import declare_page, declare_table
from bnproof.reports.pages import describe_provenance
from bnproof.symbolic.setting import Batch, beta, i, x, y
from bnproof.theorems.book import Assertion, Control, Eq, Item, Observed, Relation
"""


def example(marker, language="python"):
    """The code block of the guide in which a word stands."""
    blocks = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    (block,) = (block for block in blocks if marker in block)
    return block


def run(marker, **names):
    """What the example defines, with some names standing for others."""
    defined = dict(names)
    exec(IMPORTS + example(marker), defined)
    return defined


def test_the_theorem_is_proved():
    """Its control is refuted, and its relation is proved too."""
    written = run("def reflection", theorem=lambda **known: lambda function: function)["reflection"]
    entry = build("reflection", "chapter2_invariance", written, "Algorithm 1")
    settled = {posed.kind: settle_statement(posed)[0] for posed in list_statements(entry)}
    assert settled == {"assertion": "proved", "law": "proved", "control": "refuted"}


class BetaLost(NumpyBatchNorm):
    """Without a gamma to scale there is no beta either."""

    def apply_affine(self, xhat, gamma, beta):
        lost = gamma is not None and not gamma.any()
        return super().apply_affine(xhat, gamma, None if lost else beta)


@pytest.mark.parametrize(("implementation", "holds"), [(NumpyBatchNorm, True), (BetaLost, False)])
def test_the_law_finds_a_fake(implementation, holds):
    """The reference keeps it on every case that it judges, and the fake breaks it on some."""
    (law,) = run("def measure_zero_gamma")["list_laws"]()
    of = target(implementation())
    seen = []
    for seed in range(12):
        case = draw_semantic_case(EVERYTHING, np.random.default_rng(seed))
        measured = law.measure(Answers(of, case), Oracle.from_convention(of.convention, case))
        seen += [measured.holds] if measured else []
    assert all(seen) is holds
    assert seen


def test_the_known_bug_is_one():
    """gamma counts as 1 at inference."""
    model = run("class GammaIgnored", bug=lambda *given, **known: lambda cls: cls)["GammaIgnored"]
    arguments = (np.ones((2, 1)), np.array([3.0]), None, np.zeros(1), np.ones(1))
    assert np.all(model().infer(*arguments, eps=0.0) == 1)
    assert np.all(NumpyBatchNorm().infer(*arguments, eps=0.0) == 3)


def test_the_page_is_written(tmp_path):
    """From its rows, by its template."""
    template = _build_environment().from_string(example("{% for row in rows %}", "jinja"))
    defined = run("def render_spread", render_page=lambda name, **values: template.render(**values))
    records = collect(0, [defined["measure_rows"](0)])
    for file in defined["FILES"]:
        file.write(records, tmp_path / file.name)
    assert "| 4 | 0.25 |" in (tmp_path / "spread.md").read_text(encoding="utf-8")
    assert (tmp_path / "spread.csv").read_text(encoding="utf-8").startswith("m,share\n2,0.5\n")
