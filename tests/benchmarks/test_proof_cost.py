"""The growth benchmark's mechanism: caps, rounds, outcomes, and a page that says what its rows say.
Nothing is timed."""

import csv
import json
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from bnproof import records
from bnproof.benchmarks import book_cost, generic, plain_sympy, proof_cost
from bnproof.benchmarks.proof_cost import (
    PLAIN,
    SIZES,
    THEOREMS,
    Task,
    measure_all,
    run_capped,
    run_rounds,
)
from bnproof.records import Records
from bnproof.reports.files import write_files
from bnproof.reports.pages import format_ratio
from bnproof.reports.proof_cost import compare_trees, list_lines, summarise_show
from bnproof.reports.proof_cost import render_proof_cost as page
from bnproof.theorems.book import list_names


def child(code):
    """A process that runs a line of Python."""
    return [sys.executable, "-c", code]


def test_a_child_past_the_cap_is_a_timeout():
    """A process that would compute for ever is stopped at its cap and has no time."""
    assert run_capped(child("while True: pass"), cap=1, start=0) == {
        "outcome": "timeout",
        "seconds": None,
    }


def test_a_child_whose_own_clock_is_past_the_cap_is_a_timeout():
    """What ends within the seconds granted for imports, but late, counts as stopped."""
    said = """print('{"outcome": "shown", "seconds": 1.5}')"""
    assert run_capped(child(said), cap=1)["outcome"] == "timeout"
    assert run_capped(child(said), cap=2) == {"outcome": "shown", "seconds": 1.5}


def test_a_child_that_dies_is_a_row_with_its_reason():
    """The last line of its errors, or its exit status."""
    assert (
        run_capped(child("raise MemoryError('too large')"), cap=5)["reason"]
        == "MemoryError: too large"
    )
    assert run_capped(child("raise SystemExit(3)"), cap=5) == {
        "outcome": "failed",
        "seconds": None,
        "reason": "exit status 3",
    }


def test_a_child_that_hangs_is_ended_with_its_group(monkeypatch):
    """Sleeping costs no CPU seconds: patience ends it, and what it started."""
    monkeypatch.setattr(proof_cost, "PATIENCE", 0.5)
    sleep = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time;"
        " time.sleep(600)'])"
    )
    assert run_capped(child(sleep), cap=1, start=0) == {
        "outcome": "failed",
        "seconds": None,
        "reason": "hung for 0.5 s",
    }


@pytest.mark.parametrize("theorem", THEOREMS)
@pytest.mark.parametrize("method", PLAIN)
def test_plain_sympy_shows_the_statement_and_not_the_variant(method, theorem):
    """For m = 2 the explicit statement holds; with a term dropped it is not shown."""
    assert plain_sympy.settle_statement(method, theorem, 2, dropped=False) == "shown"
    assert plain_sympy.settle_statement(method, theorem, 2, dropped=True) == "not shown"


@pytest.mark.parametrize("theorem", THEOREMS)
def test_the_claim_of_the_book_is_shown_and_the_variant_refuted(theorem):
    """The same two statements for every m."""
    assert generic.settle_statement(theorem, dropped=False) == "shown"
    assert generic.settle_statement(theorem, dropped=True) == "refuted"


@pytest.mark.parametrize("theorem", THEOREMS)
@pytest.mark.parametrize("dropped", [False, True])
def test_both_sides_are_given_the_same_equation(theorem, dropped):
    """At m = 3 and rational values, bnproof's right-hand side is plain SymPy's, true or false."""
    from sympy import IndexedBase, Integer, KroneckerDelta, Rational, Sum

    from bnproof.symbolic.setting import eps, gamma, i, k, m

    equation, _ = generic.build_statement(theorem, dropped=dropped)
    explicit = plain_sympy.Explicit(3)
    values = {
        name: [Rational(n * n + shift, 3) for n in (1, 2, 5)] for shift, name in enumerate("xgh")
    }
    for column, (_, rhs) in enumerate(
        plain_sympy.STATEMENTS[theorem](explicit, dropped=dropped), 1
    ):
        written = {
            s: v
            for name in "xgh"
            for s, v in zip(explicit.list_entries(name), values[name], strict=True)
        }
        written |= dict(
            zip(explicit.scalars, (Integer(2), Integer(5), Rational(1, 7)), strict=True)
        )
        ours = equation.rhs.subs({m: 3, i: 1, k: column}).replace(Sum, lambda *a: Sum(*a).doit())
        ours = ours.replace(KroneckerDelta, lambda a, b: Integer(a == b))
        entries = {
            IndexedBase(n, real=True)[p]: value
            for n in "xgh"
            for p, value in enumerate(values[n], 1)
        }
        difference = ours.subs({**entries, gamma: 2, eps: Rational(1, 7)}) - rhs.subs(written)
        assert difference.equals(0)


def test_the_real_child_answers():
    """The command of a task settles it, and a false variant is an outcome of its own."""
    assert run_capped(Task("jacobian", "field", 2).command, cap=60)["outcome"] == "shown"
    assert run_capped(Task("jacobian", "bnproof", None).command, cap=60)["outcome"] == "shown"
    assert (
        run_capped(Task("jacobian", "field", 2, dropped=True).command, cap=60)["outcome"]
        == "not shown"
    )
    assert "ValueError: m = 1" in run_capped(Task("jacobian", "field", 1).command, cap=60)["reason"]


def test_what_takes_long_or_was_not_settled_runs_once():
    """Quick tasks run in every round, in turn."""
    answers = {2: 1.0, 4: 11.0, 8: None}
    plan = [Task("jacobian", "field", m) for m in answers]
    ran = run_rounds(plan, 3, lambda task: {"outcome": "shown", "seconds": answers[task.m]})
    assert [(row["m"], row["repeat"]) for row in ran] == [(2, 1), (4, 1), (8, 1), (2, 2), (2, 3)]


def fake(task):
    """Ours takes half a second, plain SymPy m^2/8 seconds up to a cap of 20; `field` never shows
    double-backward."""
    seconds = 0.5 if task.m is None else task.m**2 / 8
    if task.dropped:
        return {"outcome": "refuted" if task.m is None else "not shown", "seconds": 0.1}
    if seconds > 20:
        return {"outcome": "timeout", "seconds": None}
    outcome = (
        "not shown" if (task.theorem, task.method) == ("double-backward", "field") else "shown"
    )
    return {
        "outcome": outcome,
        "seconds": seconds,
        "elapsed_seconds": seconds,
        "import_seconds": 0.25,
    }


@pytest.fixture
def stream():
    """A record stream of fake times under a cap of 20 s."""
    return Records(records.build_header(0), tuple(measure_all(20.0, 2, fake)))


def line_of(stream, theorem, method, m):
    """The line of one theorem, method and size."""
    return next(
        x for x in list_lines(stream) if (x["theorem"], x["method"], x["m"]) == (theorem, method, m)
    )


def test_lines_are_what_the_rows_say(stream):
    """Medians, ratios, timeouts with the cap as their lower bound, and no time for what was not
    shown."""
    assert len(list_lines(stream)) == len(THEOREMS) * (1 + len(PLAIN) * len(SIZES))
    assert line_of(stream, "jacobian", "bnproof", "every")["seconds"] == 0.5
    assert line_of(stream, "jacobian", "simplify", 8)["times_bnproof"] == 16
    late = line_of(stream, "jacobian", "simplify", 16)
    assert (late["outcome"], late["at_least"], late["seconds"], late["times_bnproof"]) == (
        "timeout",
        True,
        20,
        40,
    )
    never = line_of(stream, "double-backward", "field", 4)
    assert (never["outcome"], never["seconds"], never["times_bnproof"]) == ("not shown", None, None)


def test_one_bad_run_decides(stream):
    """A method that shows a statement in one run and not in the next has not shown it."""
    rows = [dict(row) for row in stream.rows]
    odd = next(
        r for r in rows if (r["kind"], r.get("method"), r.get("m")) == ("proof_cost", "cancel", 4)
    )
    odd["outcome"] = "not shown"
    assert (
        line_of(replace(stream, rows=tuple(rows)), odd["theorem"], "cancel", 4)["outcome"]
        == "not shown"
    )


def test_the_page_says_what_the_rows_say(stream):
    """Times, ratios, timeouts, the crossing, what was not shown, and the false variants."""
    text = page(stream)
    assert "| 8 only | 8 | 16 | 8 | 16 | 8 | 16 |" in text
    assert (
        "| 16 only | > 20 (timeout) | > 40 | > 20 (timeout) | > 40 | > 20 (timeout) | > 40 |"
        in text
    )
    assert "| 8 only | 8 | 16 | 8 | 16 | not shown | - |" in text
    assert "| simplify | 8 | 8 s | 16 | 4 (from 4 to 8) | m = 4 |" in text
    assert "| field | none | - | - | - | m = 16 |" in text
    assert "| jacobian | refuted | not shown | not shown | not shown |" in text
    assert "For m = 32 alone, none of three ways of plain SymPy proves it within 20 s." in text


def test_the_page_survives_a_side_that_fails(stream):
    """Without a time of ours there are no ratios, and the reason is shown."""
    broken = {"outcome": "failed", "seconds": None, "reason": "Undecided: gap"}
    rows = measure_all(
        20.0, 1, lambda task: broken if task.m is None and not task.dropped else fake(task)
    )
    text = page(Records(stream.header, tuple(rows)))
    assert "Undecided: gap" in text
    assert "never up to m = 32" in text


def test_same_rows_same_bytes(stream, tmp_path):
    """Page, table and plot depend on the records alone, also after writing and reading them."""
    records.write(tmp_path / "records.ndjson", stream)
    folders = [tmp_path / name for name in ("first", "second")]
    for folder, source in zip(
        folders, (stream, records.read(tmp_path / "records.ndjson")), strict=True
    ):
        folder.mkdir()
        written = write_files(source, folder)
        assert [path.name for path in written] == [
            "proof_cost.md",
            "proof_cost.csv",
            "proof_cost.svg",
        ]
    for path in folders[0].iterdir():
        assert path.read_bytes() == (folders[1] / path.name).read_bytes()
    table = list(csv.DictReader((folders[0] / "proof_cost.csv").read_text().splitlines()))
    assert [(row["theorem"], row["m"]) for row in table] == [
        (x["theorem"], str(x["m"])) for x in list_lines(stream)
    ]


def test_the_script_writes_records_and_pages(tmp_path, monkeypatch):
    """The command runs every task under the cap it is given, and writes four files."""
    caps = []

    def stand_in(command, cap, env=None):
        caps.append(cap)
        if env is not None:
            return {
                "outcome": "shown",
                "seconds": 1.0,
                "elapsed_seconds": 1.0,
                "import_seconds": 0.1,
            }
        theorem, m = command[4], int(command[5])
        return fake(Task(theorem, command[3], m or None, dropped=command[-1] == "dropped"))

    monkeypatch.setattr(proof_cost, "run_capped", stand_in)
    ran = CliRunner().invoke(
        proof_cost.main, ["--out", str(tmp_path), "--cap", "20", "--repeats", "1"]
    )
    assert ran.exit_code == 0, ran.output
    assert set(caps) == {20.0}
    kinds = [row["kind"] for row in records.read(tmp_path / "proof_cost.ndjson").rows]
    assert kinds.count("proof_cost") == len(THEOREMS) * len(PLAIN) * (1 + len(SIZES))
    assert kinds.count("proof_cost_tree") == 2 + len(proof_cost.INDICES) + len(list_names())
    assert kinds.count("proof_cost_control") == len(THEOREMS) * (1 + len(PLAIN))
    assert {path.suffix for path in tmp_path.iterdir()} == {".ndjson", ".md", ".csv", ".svg"}


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), (0.444, "0.44"), (9.96, "10"), (355.4, "355")]
)
def test_ratios_have_no_exponent(value, shown):
    """Two digits below ten, whole numbers above."""
    assert format_ratio(value) == shown


def test_an_earlier_prover_is_timed_beside(monkeypatch, tmp_path):
    """Every round times the book and the sums with each tree in turn, found by ``PYTHONPATH``."""
    asked = []

    def settled(command, cap, env):
        asked.append((command[2:], env["PYTHONPATH"]))
        return {"outcome": "shown", "seconds": 1.0}

    monkeypatch.setattr(proof_cost, "run_capped", settled)
    rows = list(
        proof_cost.time_trees({"this": tmp_path, "before": tmp_path / "old"}, cap=5, repeats=2)
    )
    assert len(rows) == 2 * 2 * (2 + len(proof_cost.INDICES) + len(list_names()))
    assert asked[:2] == [(["book", ""], str(tmp_path)), (["book", ""], str(tmp_path / "old"))]


def test_an_unknown_commit_is_one_line(tmp_path):
    """What git does not know is refused before anything is timed."""
    result = CliRunner().invoke(
        proof_cost.main, ["--against", "no-such-commit", "--out", str(tmp_path)]
    )
    assert result.exit_code == 2
    assert "no-such-commit" in result.output
    assert not list(tmp_path.iterdir())


def test_a_sum_over_two_indices_is_shown(capsys):
    """The statement of the growth with the number of indices holds."""
    book_cost.main("indices", "2")
    assert '"outcome": "shown"' in capsys.readouterr().out


def test_showing_a_theorem_is_timed_as_a_whole_process(capsys):
    """The command prints the theorem as proved; a name that is none is not shown."""
    book_cost.main("show", "scale-exact")
    said = json.loads(capsys.readouterr().out)
    assert said["outcome"] == "shown"
    assert said["seconds"] > 0
    book_cost.main("show", "no-theorem")
    assert json.loads(capsys.readouterr().out)["outcome"] == "not shown"


def test_the_slowest_shown_theorems_are_named():
    """The median over the theorems, how many are within the wait, and the slowest first."""
    lines = [
        {"what": "show", "name": name, "now": now, "before": None}
        for name, now in (("a", 0.5), ("b", 0.9), ("c", 0.6), ("d", None))
    ]
    found = summarise_show(lines)
    assert (found["theorems"], found["median"], found["within"]) == (4, 0.6, 2)
    assert [line["name"] for line in found["slowest"]] == ["b", "c", "a"]
    assert summarise_show([]) is None


def test_ratios_are_of_medians():
    """Before over now, from the medians; none where a run showed nothing."""
    rows = [
        {
            "kind": "proof_cost_tree",
            "tree": tree,
            "what": "book",
            "of": "",
            "outcome": "shown",
            "seconds": seconds,
        }
        for tree, several in (("this", (2.0, 1.0, 9.0)), ("before", (8.0, 4.0, 6.0)))
        for seconds in several
    ]
    (line,) = compare_trees(Records({}, tuple(rows)))
    assert (line["now"], line["before"], line["ratio"], line["runs"]) == (2.0, 6.0, 3.0, 3)
    (line,) = compare_trees(
        Records({}, (*rows, {**rows[0], "outcome": "timeout", "seconds": None}))
    )
    assert line["now"] is None
    assert line["ratio"] is None
