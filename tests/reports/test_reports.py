"""Records and reports: truncation is an error, same records give same bytes, and the whole run
writes everything."""

import json
import shutil
import subprocess

import pytest

from bnproof import records
from bnproof.records import BrokenRecords, Records
from bnproof.reports.derivation import render_latex, render_markdown
from bnproof.reports.files import write_files
from bnproof.theorems.book import find
from bnproof.theorems.proving import as_row, settle

ROWS = ({"kind": "a", "value": 1}, {"kind": "b", "value": 2})


def test_records_come_back(tmp_path):
    """What is written is read again, by kind."""
    path = tmp_path / "records.ndjson"
    records.write(path, Records(records.build_header(0), ROWS))
    back = records.read(path)
    assert back.rows == ROWS
    assert back.select("b") == [ROWS[1]]


def test_a_truncated_stream_is_an_error(tmp_path):
    """Without the footer, or with a row missing, nothing is read."""
    path = tmp_path / "records.ndjson"
    records.write(path, Records(records.build_header(0), ROWS))
    lines = path.read_text().splitlines(keepends=True)
    for damaged in (lines[:-1], lines[:1] + lines[2:], lines[1:], []):
        path.write_text("".join(damaged))
        with pytest.raises(BrokenRecords, match=r"run bnproof report again|no record stream"):
            records.read(path)


@pytest.fixture(scope="module")
def theorem():
    """One settled theorem as a row."""
    return as_row(settle(find("scale-exact")))


def test_markdown_shows_statement_derivation_and_counterexample(theorem):
    """The page holds formulas, the derivation and the refuted variants."""
    page = render_markdown(theorem)
    assert "### scale-exact" in page
    assert "why a cancels" in page
    assert "often stated as true" in page
    assert page.count("$$") % 2 == 0


def test_latex_document_is_complete(theorem):
    """A document from class to end, with prose escaped."""
    page = render_latex(theorem)
    assert page.startswith(r"\documentclass")
    assert r"\end{document}" in page
    assert page.count(r"\[") == page.count(r"\]")


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no pdflatex on this machine to compile with"
)
@pytest.mark.parametrize("name", ["scale-eps", "jacobian", "total-variance", "clt-cumulants"])
def test_latex_compiles(name, tmp_path):
    """The document goes through LaTeX without an error."""
    (tmp_path / "theorem.tex").write_text(render_latex(as_row(settle(find(name)))))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "theorem.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.slow
def test_the_whole_report_repeats(tmp_path):
    """Two builds of one run are equal to the byte, and a second run changes nothing but times."""
    from bnproof.reporting import report

    first, second, again = (tmp_path / name for name in ("first", "second", "again"))
    report(first, effort="quick")
    report(second, effort="quick")
    for path in sorted(first.iterdir()):
        if path.name != "timings.csv":
            assert path.read_bytes() == (second / path.name).read_bytes(), path.name
    write_files(records.read(first / "records.ndjson"), again)
    for path in sorted(again.iterdir()):
        assert path.read_bytes() == (first / path.name).read_bytes(), path.name
    rows = [json.loads(line) for line in (first / "records.ndjson").read_text().splitlines()]
    assert all(row["verdict"] == "proved" for row in rows if row["kind"] == "theorem")
    assert "undecided" not in (first / "claims.csv").read_text()
