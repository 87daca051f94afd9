"""A verdict on a terminal: nothing of it is lost, and no line is longer than the terminal."""

import io
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.cli._verdict import INDENT, NARROWEST, NO_SIZE, print_verdict
from bnproof.contract import AREAS, Call, Cause, Example, Finding, Measurement
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification.planning import CheckOptions
from bnproof.verification.run import check
from bnproof.verification.verdict import Tally, Verdict
from tests.cli.specimens import WithoutBessel

UNKNOWN = Cause("unknown", "no known mechanism gives these answers", "unknown")


def build_finding(name="formula/output", **changed):
    """A finding of this id, with texts of one word."""
    area = name.partition("/")[0]
    parts = {"title": "wrong", "laws": ("output",), "extent": "everywhere", "cause": UNKNOWN}
    return Finding(name, area, **parts | {"mend": "mend"} | changed)


def print_lines(width=80, *, laws=False, programs=None, **parts):
    """The lines that are printed of a verdict with these parts, on so many columns."""
    named = {"target": "mine", "convention": "torch", "effort": "quick", "seed": 0}
    return print_whole(Verdict(**named | parts), width, laws=laws, programs=programs)


def print_whole(verdict, width, **options):
    """The lines of a verdict."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        patch.setenv("COLUMNS", str(width))
        patch.delenv("FORCE_COLOR", raising=False)
        print_verdict(verdict, **options)
    return printed.getvalue().splitlines()


def split_finding(lines, number=1):
    """The heading of a finding, and its lines up to the next blank one."""
    start = next(at for at, line in enumerate(lines) if line.startswith(f"{number}. "))
    end = lines.index("", start)
    return lines[start], lines[start + 1 : end]


def join_labels(lines):
    """The texts of a finding by their labels; each text in one line."""
    texts = []
    for line in lines:
        label, text = line[3:INDENT].strip(), line[INDENT:]
        assert line[:3] == "   "
        if label:
            texts.append([label, text])
        else:
            texts[-1][1] += f" {text}"
    return [tuple(pair) for pair in texts]


# -- areas -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 80, 100])
def test_the_line_of_areas_is_broken_between_areas_alone(width):
    """Every area stands in one line with its state, in order, and no line has room for the next
    area."""
    states = dict(zip(AREAS, ("holds", "not offered", "finding", "finding") * 3, strict=False))
    findings = [build_finding("inference/output")] * 2 + [build_finding("workers/output")]
    findings += [build_finding("layout/output")] * 12
    assert [area for area, state in states.items() if state == "finding"] == [
        "inference", "folding", "half", "layout",
    ]  # fmt: skip
    states["workers"] = "finding"
    lines = print_lines(width, areas=states, findings=findings)
    shown = lines[1 : lines.index("")]
    assert " · ".join(shown).split(" · ") == [
        "formula holds", "statistics not offered", "inference: 2 findings", "folding: set aside",
        "workers: 1 finding", "accuracy not offered", "half: set aside", "layout: 12 findings",
        "edges holds", "behaviour not offered",
    ]  # fmt: skip
    assert max(map(len, shown)) <= width
    for line, following in pairwise(shown):
        assert len(line) + len(" · ") + len(following.partition(" · ")[0]) > width


# -- findings --------------------------------------------------------------------------------------

WORDS = st.lists(st.text("ab[].=-/:", min_size=1, max_size=20), min_size=1, max_size=30).map(
    " ".join
)


@given(st.sampled_from([NARROWEST, 80]), WORDS, WORDS, WORDS)
def test_no_line_of_a_finding_is_longer_than_the_terminal(width, title, says, mend):
    """Texts of many words go on below their own beginning, no word of them is lost, and addresses
    alone are printed as they are."""
    address = f"https://example.org/{'long' * 30}"
    cause = Cause("known", says, "same values", (address, "another"), "F99")
    finding = build_finding(title=title, cause=cause, mend=mend, laws=("a",) * 50)
    _, lines = split_finding(print_lines(width, findings=[finding]))
    assert [line for line in lines if len(line) > width] == [f"   seen in {address}"]
    assert [(label, text.split()) for label, text in join_labels(lines)] == [
        ("wrong", title.split()),
        ("cause", says.split()),
        ("seen in", [address]),
        ("to do", mend.split()),
    ]


@pytest.mark.parametrize("width", [NARROWEST, 80])
def test_a_heading_of_many_words_is_broken_between_words(width):
    """It has the number, the id and the extent of its finding."""
    extent = "only a batch with one value per channel or a batch without samples or another one"
    lines = print_lines(width, findings=[build_finding("edges/one-value", extent=extent)])
    heading = lines[lines.index("") + 1 : lines.index("   wrong   wrong")]
    assert max(map(len, heading)) <= width
    assert " ".join(heading).split() == f"1. edges/one-value: {extent}".split()


def test_findings_are_numbered_in_their_order():
    """Each with its id and its extent."""
    names = ["statistics/R01", "edges/one-value", "edges/one-value-2"]
    lines = print_lines(findings=[build_finding(name) for name in names])
    assert [split_finding(lines, number)[0] for number in (1, 2, 3)] == [
        f"{number}. {name}: everywhere" for number, name in enumerate(names, 1)
    ]


def test_an_example_is_shown_by_its_input_and_its_answer():
    """Short arrays in decimals, long ones by their shapes."""
    arguments = {"x": np.zeros((40, 3), np.float32), "gamma": np.array([0.5]), "eps": 1.0}
    seen = Measurement("output", ("y",), 9.0, where=(0, 1), got=2.5, exact=(3.0, 0.0), allowed=1e-6)
    finding = build_finding(example=Example(Call("train", arguments), seen))
    _, lines = split_finding(print_lines(findings=[finding]))
    assert lines[1:4] == [
        "   input   train(x = <float32 of shape (40, 3)>, gamma = [0.5], eps = 1.0)",
        "   answer  y[0, 1] is 2.5, exactly 3; rounding explains 1e-06",
        "   guess   no known mechanism gives these answers",
    ]


def test_a_program_stands_at_the_end_of_its_finding():
    """A finding without one has no such line."""
    findings = [build_finding("formula/output"), build_finding("edges/one-value")]
    lines = print_lines(findings=findings, programs={"edges/one-value": Path("p/edges.py")})
    assert [line for line in lines if "program" in line] == ["   program p/edges.py"]
    assert split_finding(lines, 2)[1][-1] == "   program p/edges.py"


PLACES = {
    "target": lambda strange: {"target": strange},
    "name of what is expected": lambda strange: {"expected": {strange: "known"}},
    "reason": lambda strange: {"expected": {"output": strange}},
    "id": lambda strange: {"findings": [build_finding(f"edges/{strange}")]},
    "extent": lambda strange: {"findings": [build_finding(extent=strange)]},
    "title": lambda strange: {"findings": [build_finding(title=strange)]},
    "mend": lambda strange: {"findings": [build_finding(mend=strange)]},
    "cause": lambda strange: {
        "findings": [build_finding(cause=Cause("a", strange, "same pattern"))]
    },
    "source": lambda strange: {
        "findings": [build_finding(cause=Cause("a", "", "same values", (strange,)))]
    },
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("strange", ["[red]a[/red]", "a[0, 1]", "[/]", "a\\[b]"])
def test_brackets_of_the_user_are_printed(place, strange):
    """What a stranger called a file or gave as a reason is no markup."""
    assert strange in "\n".join(print_lines(**PLACES[place](strange)))


def test_brackets_in_the_name_of_a_file_are_printed():
    """Programs lie where the user said."""
    programs = {"formula/output": Path("[red]/formula-output.py")}
    lines = print_lines(findings=[build_finding()], programs=programs)
    assert "   program [red]/formula-output.py" in lines


# -- the table of laws -----------------------------------------------------------------------------


def tabulate(*tallies):
    """The lines of the table of laws that hold, by law."""
    named = {f"law-{number}": tally for number, tally in enumerate(tallies)}
    lines = print_lines(laws=True, tallies=named, passed=list(named))
    start = next(at for at, line in enumerate(lines) if line.startswith("law "))
    return lines[start : start + len(tallies) + 1]


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0.25, "0.25"),
        (2.0, "2"),
        (59432.1, "5.9e+04"),
        (float(np.nextafter(NO_SIZE, 0)), "1e+09"),
        (NO_SIZE, ""),
        (1e307, ""),
        (float("inf"), ""),
        (float("nan"), ""),
        (0.0, ""),
    ],
)
def test_a_size_that_nobody_reads_is_left_out(size, shown):
    """Two digits of an error or its units in the last place, and nothing where there is no size or
    one without a meaning."""
    heading, first, second = tabulate(
        Tally("", cases=3, ratio=size, ulp=1.5), Tally("", cases=4, ratio=0.5, ulp=size)
    )
    error, ulp = (heading.index(name) + len(name) for name in ("error", "ulp"))
    assert first[:error].split() == ["law-0", "holds", "3", *shown.split()]
    assert first[error:].split() == ["1.5"]
    assert second[:error].split() == ["law-1", "holds", "4", "0.5"]
    assert second[error:ulp].split() == shown.split()
    assert not {"inf", "nan"} & set(" ".join([first, second]).split())


def test_a_law_without_numbers_has_none():
    """Not even a mark stands in its place."""
    assert tabulate(Tally("", cases=3))[1].split() == ["law-0", "holds", "3"]


@pytest.mark.parametrize(
    ("parts", "row"),
    [
        ({"passed": ["output"]}, ["holds", "7"]),
        ({"expected": {"output": "known"}}, ["expected", "7", "2"]),
    ],
)
def test_a_law_has_a_row_with_its_verdict(parts, row):
    """And with how many cases were judged, and how many broke it."""
    tally = Tally("", cases=7, violated=0 if "passed" in parts else 2)
    lines = print_lines(laws=True, tallies={"output": tally}, **parts)
    assert ["output", *row] in [line.split() for line in lines]


def test_the_table_comes_on_request_alone():
    """Without it the reader is told how to get it."""
    tallies = {"output": Tally("", cases=3)}
    without, given = (print_lines(laws=laws, tallies=tallies) for laws in (False, True))
    assert "--laws lists the laws" in without[-1]
    assert not any("cases  violated" in line for line in without)
    assert "--laws" not in " ".join(given)
    assert any("cases  violated" in line for line in given)


# -- the end ---------------------------------------------------------------------------------------


def test_what_was_not_judged_is_told():
    """Batches too long for their precision and laws without an answer do not pass for laws that
    hold."""
    text = " ".join(
        print_lines(unjudged={"output": 4, "shift": 2}, not_offered=["fold-bias"], passed=["a"] * 3)
    )
    assert "2 laws left out up to 4 cases, whose batches are too long" in text
    assert "no findings; 3 laws hold, 1 is not offered." in text


def test_laws_of_a_method_that_fails_are_named():
    """They neither hold nor are they left out by the implementation."""
    text = " ".join(print_lines(unanswered=["output", "shift"], not_offered=["fold-bias"]))
    assert "not judged, since the method fails: output, shift" in text
    assert "not judged" not in " ".join(print_lines(not_offered=["fold-bias"]))


@pytest.mark.parametrize(
    ("count", "told"), [(0, "no findings; "), (1, "1 finding; "), (2, "2 findings; ")]
)
def test_findings_are_counted_and_programs_offered_where_there_are_some(count, told):
    """The way to their programs is told where none were written, and where there is a finding."""
    findings = [build_finding()] * count
    offered, written = (
        " ".join(" ".join(print_lines(findings=findings, programs=programs)).split())
        for programs in (None, {})
    )
    assert told in offered
    assert ("--reproducers DIR" in offered) == bool(count)
    assert "--reproducers" not in written


def test_what_all_findings_have_in_common_is_told():
    """The one dtype in which they lie; nothing where there is none."""
    findings = [build_finding()]
    assert "All findings lie in bfloat16." in print_lines(findings=findings, affected="bfloat16")
    assert "All findings" not in " ".join(print_lines(findings=findings))


@pytest.mark.parametrize(
    "make",
    [WithoutBessel, pytest.param(list_mutants()["F01"].make, marks=pytest.mark.slow)],
    ids=["without-bessel", "F01"],
)
def test_a_wrong_implementation_is_told_on_one_screen(make):
    """At most thirty lines of eighty characters, addresses aside."""
    verdict = check(make, CheckOptions("quick"))
    assert verdict.findings
    lines = print_whole(verdict, 80)
    assert len(lines) <= 30
    assert all(len(line) <= 80 or "https://" in line for line in lines)
