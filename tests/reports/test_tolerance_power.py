"""The page on tolerances counts what each accepts, and lists what was refused."""

from bnproof.reports.tolerance_power import COLUMNS, render_tolerances
from tests.reports.synthetic import lines, read_table, stream


def bug(name, derived=False, **changed):
    """A known bug, with the verdicts of three typed-in tolerances."""
    row = {
        "kind": "tolerance_bug",
        "bug": name,
        "mechanism": f"mechanism of {name}",
        "case": 7,
        "quantity": "dx",
        "dtype": "float16",
        "shape": [7, 77],
        "worst": 777.0,
        "excess": 77.0,
        "derived": derived,
        "slope": 0.5,
        "offset": 0.25,
        "typed": {"strict": False, "loose": True, "elsewhere": None},
    }
    return row | changed


def constant(kappa, exceeded):
    """Batches of one condition."""
    return {
        "kind": "tolerance_constant",
        "kappa": kappa,
        "draws": 66,
        "derived_worst": 0.125,
        "maxima_worst": 55.5,
        "maxima_exceeded": exceeded,
        "derived_size": 0.0625,
        "maxima_size": 0.25,
    }


def correct(refused=(), **calls):
    """A share of the calls with correct results."""
    return {"kind": "tolerance_correct", "first": 0, "calls": calls, "refused": list(refused)}


BUGS = (
    bug("F77"),
    bug("G88", derived=True, excess=0.5),
    bug("R99", typed={"strict": None, "loose": False, "elsewhere": None}),
)
REST = (constant(10.0, 3), constant(1e5, 44), correct(random=1200, huge=30), correct(huge=4000))


def test_accepted_bugs_are_counted_and_named():
    """By each tolerance, of those that it has a pair for."""
    page = render_tolerances(stream(*BUGS, *REST))
    assert "3 models of known bugs" in page
    assert "**The derived pair refuses 2 of them**, and accepts G88." in page
    assert lines(page, "| derived") == ["| derived for the data (`as_allclose`) | 3 | 1: G88 |"]
    assert lines(page, "| strict") == ["| strict | 2 | 0 |"]
    assert lines(page, "| loose") == ["| loose | 3 | 2: F77, G88 |"]
    assert lines(page, "| elsewhere") == ["| elsewhere | 0 | 0 |"]


def test_a_derived_pair_that_accepts_nothing_says_so():
    """Without a list of exceptions."""
    page = render_tolerances(stream(bug("F77"), bug("R99"), *REST))
    assert "**The derived pair refuses 2 of them**." in page
    assert lines(page, "| derived") == ["| derived for the data (`as_allclose`) | 2 | 0 |"]


def test_every_bug_has_its_line():
    """In the order of the records; a ratio that stands for NaN is told in words."""
    page = render_tolerances(stream(*BUGS, bug("S66", worst=1e300, excess=1e300), *REST))
    assert lines(page, "| F77") == ["| F77 | mechanism of F77 | dx | float16 | 777 | 77 |"]
    assert lines(page, "| G88") == ["| G88 | mechanism of G88 | dx | float16 | 777 | 0.5 |"]
    assert lines(page, "| S66")[0].endswith("| no number | no number |")
    order = [line.split()[1] for line in page.splitlines() if "| mechanism of" in line]
    assert order == ["F77", "G88", "R99", "S66"]


def test_nearly_constant_batches_are_told_by_their_condition():
    """How many there were, and how many were beyond the bound from maxima."""
    page = render_tolerances(stream(*BUGS, *REST))
    assert "on 66 batches of 64 values each" in page
    assert lines(page, "| 10 |") == ["| 10 | 0.125 | 55.5 | 3 of 66 | 0.0625 | 0.25 |"]
    assert len([line for line in page.splitlines() if "44 of 66" in line]) == 1


def test_calls_are_added_up_over_the_shares():
    """By kind of data in the order of the alphabet, and in all."""
    page = render_tolerances(stream(*BUGS, *REST))
    assert "in 5,230 calls:\nhuge 4,030, random 1,200." in page
    assert "**Refused: 0.**" in page
    assert lines(page, "- ") == []


def test_refused_results_are_counted_and_the_first_twenty_are_shown():
    """Each by the first line of its words, over all shares."""
    words = [f"seed {seed}, huge: y: 1 value is off\n  farthest: y[0]" for seed in range(33)]
    page = render_tolerances(
        stream(*BUGS, *REST, correct(words[:15], huge=1), correct(words[15:], huge=1))
    )
    assert "**Refused: 33.**" in page
    shown = [f"- seed {seed}, huge: y: 1 value is off" for seed in range(20)]
    assert lines(page, "- ") == shown
    assert "farthest" not in page


def test_the_table_has_the_bugs_alone(tmp_path):
    """One line each, with numbers in full; it needs no other kind of rows."""
    from bnproof.reports.files import write_files

    write_files(stream(bug("F77", worst=1 / 3), bug("G88", derived=True)), tmp_path, "made_up")
    assert not (tmp_path / "tolerance.md").exists()
    columns, rows = read_table((tmp_path / "tolerance.csv").read_text(encoding="utf-8"))
    assert columns == COLUMNS
    assert [row["bug"] for row in rows] == ["F77", "G88"]
    assert float(rows[0]["worst"]) == 1 / 3
    assert [row["derived"] for row in rows] == ["False", "True"]
