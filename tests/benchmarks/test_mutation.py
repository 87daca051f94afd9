"""The mutation benchmark: mutants are rebuilt from their source, judged, and explained; the page
says what the rows say."""

import sys

import pytest
from click import UsageError
from click.testing import CliRunner

from bnproof.benchmarks import mutation as benchmark
from bnproof.benchmarks.mutation import (
    Mutation,
    generate_mutants,
    main,
    mark_change,
    read_original,
    rebuild_classes,
    try_mutant,
)
from bnproof.records import Records, build_header, read
from bnproof.reports.mutation import list_unexplained, render_mutation

BIASED = "return v * v.dtype.type(m / (m - 1))", "return v"


def mutant(file="numpy_formulas", before=BIASED[0], after=BIASED[1]):
    """A change made by hand."""
    source = read_original(file)
    assert before in source
    new = source.replace(before, after)
    return Mutation(file, "", mark_change(source, new), new)


def row(outcome="killed", law="output", reason=""):
    """A record."""
    mutated = {
        "file": "numpy_shards",
        "function": "merged",
        "change": "return <<mu -> v>>",
        "seconds": 0.5,
    }
    return {
        "kind": "mutation",
        "outcome": outcome,
        "law": law,
        "through": "NumpyLayer",
        "reason": reason,
        "effort": "quick",
        **mutated,
    }


def test_a_mutant_is_rebuilt_apart_from_the_reference():
    """Both classes see the change, the installed ones do not, and no module is left behind."""
    before = set(sys.modules)
    made, layer = rebuild_classes(mutant())
    assert made().bessel(3.0, 4) == 3
    assert layer.formula.bessel(3.0, 4) == 3
    assert "bnproof_mutant" in made.__module__
    assert set(sys.modules) == before


def test_a_mutant_is_killed_by_the_law_it_breaks():
    """Without Bessel's factor the running variance is wrong; one that does not import is told
    apart."""
    found = try_mutant(mutant(), "quick", 0)
    assert (found["outcome"], found["law"], found["through"]) == (
        "killed",
        "running-variance",
        "NumpyBatchNorm",
    )
    assert found["change"] == "return <<v * v.dtype.type(m / (m - 1)) -> v>>"
    assert try_mutant(mutant(after="return v +"), "quick", 0)["outcome"] == "does not import"


def test_a_change_is_shown_in_one_line():
    """What differs stands in place, between whole words."""
    assert (
        mark_change("a = 1\nb = f(x, copy=False)\n", "a = 1\nb = f(x, copy=None)\n")
        == "b = f(x, copy=<<False -> None>>)"
    )
    assert mark_change("f(x, y)\n", "f(x, )\n") == "f(x, <<y -> >>)"
    assert mark_change("f(aa, bb)\n", "f(aab, bb)\n") == "f(<<aa -> aab>>, bb)"
    assert mark_change("y = [\n    1,\n]\n", "y = None\n") == "y = <<[ 1, ] -> None>>"


def test_only_the_same_exception_counts_as_text():
    """A changed message does, another condition does not."""
    text = mutant(before="raise RuntimeError(", after="raise RuntimeError(1, ", file="numpy_layer")
    assert text.of_text
    assert text.reason == benchmark.TEXTS
    assert not mutant().of_text
    assert not mutant(before="raise TypeError(", after="raise ValueError(").of_text


def test_without_the_generator_the_error_says_what_to_install(monkeypatch):
    """One line, whether or not it is installed here."""
    monkeypatch.setitem(sys.modules, "libcst.metadata", None)
    with pytest.raises(UsageError, match="pip install mutmut"):
        list(generate_mutants("numpy"))


def test_the_page_lists_what_survives():
    """Explained ones under their reason, others apart; the texts are only counted."""
    rows = (
        row(),
        row("survived", "", "because"),
        row("survived", "", benchmark.TEXTS),
        row("survived", "", ""),
    )
    records = Records(build_header(0), rows)
    text = render_mutation(records)
    assert "4 mutants" in text
    assert "because (1):" in text
    assert "1 change nothing but the text of an error" in text
    assert "without an explanation: 1" in text
    assert list_unexplained(records) == [rows[-1]]


def test_the_benchmark_on_one_function(tmp_path):
    """Every mutant of one function is found, and the records are complete."""
    pytest.importorskip("mutmut")
    done = CliRunner().invoke(
        main, ["--out", str(tmp_path), "--only", "numpy_formulas:std", "--workers", "1"]
    )
    assert done.exit_code == 0, done.output
    rows = read(tmp_path / "mutation.ndjson").select("mutation")
    assert {row["outcome"] for row in rows} == {"killed"}
    assert "Survivors without an explanation: 0" in (tmp_path / "mutation.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.slow
def test_every_explanation_fits_a_mutant():
    """A table that outlives the code it explains is noticed."""
    pytest.importorskip("mutmut")
    made = {
        f"{m.file} {m.function}: {m.change}"
        for file in benchmark.FILES
        for m in generate_mutants(file)
    }
    assert benchmark.read_equivalents().keys() <= made
