"""The entry page, the check side by side, and the running statistics say what their rows say."""

import pytest
from jinja2 import UndefinedError

from bnproof.reports.overview import FILES, render_check, render_index, render_running_statistics
from tests.reports.synthetic import book, change, lines, read_table, stream

PAIRS = [
    {"kind": "scatter", "m": m, "batch": batch, "gamma_prime": slope, "beta_prime": shift}
    for m, batch, slope, shift in (
        (8, 1, 3.21, -1.5), (8, 2, 0.123, 4.5), (8, 3, 1.11, 0.5),
        (32, 1, 9.87, 7.0), (777, 0, 0.555, -0.25),
    )
]  # fmt: skip
GAPS = [
    {"kind": "train_eval", "target": target, "step": step,
     "root_mean_square_gap": gap, "largest_gap": 2 * gap}
    for target, step, gap in (
        ("numpy", 1, 5.01), ("numpy", 10, 4.01), ("numpy", 44, 3.01),
        ("torch", 1, 5.02), ("torch", 2, 4.52), ("torch", 44, 0.0321),
    )
]  # fmt: skip


def result(target, law, verdict="holds", ratio=0.25, ulp=1.5):
    """What a law came to."""
    own = {"kind": "law_result", "target": target, "law": law, "theorem": "", "cases": 7}
    return own | {"verdict": verdict, "ratio": ratio, "ulp": ulp}


RESULTS = [
    result("abacus", "output"), result("abacus", "finite", ratio=0.0, ulp=None),
    result("abacus", "fold", "not offered", None, None),
    result("beads", "output", "violated", 77.7, 123.0), result("beads", "finite", ratio=0.0),
    result("beads", "fold", ratio=0.0),
]  # fmt: skip
LAWS = [
    {"kind": "law", "law": law, "says": f"What {law} says.", "theorem": theorem}
    for law, theorem in (("output", "collapse"), ("finite", ""), ("fold", "fold-linear"))
]
AGREEMENT = [
    {"kind": "agreement", "data": data, "m": 77, "channels": 5, "dtype": "float32",
     "target": target, "quantity": "y", "ratio": ratio, "ulp": None}
    for data, target, ratio in (
        ("pebbles", "abacus", 0.11), ("pebbles", "beads", 0.22), ("shells", "abacus", 0.33),
        ("shells", "beads", 0.44),
    )
]  # fmt: skip
CHECKS = [
    {"kind": "check", "target": target, "cases": cases, "effort": "none", "ok": True}
    for target, cases in (("abacus", 71), ("beads", 72))
]
CONSTANT = [
    {"kind": "degenerate", "data": data, "dtype": "float32", "target": "abacus",
     "constant_channels": channels, "largest_distance_from_beta": 0.0077}
    for data, channels in (("pebbles", 3), ("shells", 0))
]  # fmt: skip
CHECKED = (*CHECKS, *LAWS, *RESULTS, *AGREEMENT, *CONSTANT)


def build_index(theorems, further=()):
    """The entry page of these theorems and of all that it needs besides."""
    return render_index(stream(*theorems, *PAIRS, *GAPS, *RESULTS, *further))


def test_the_entry_page_quotes_what_was_measured():
    """The pair over batches of 8 and of all values, PyTorch's last gap, and laws by target."""
    page = build_index(book())
    assert "gamma' ran from 0.123 to 3.21 over batches of 8, where inference uses 0.555" in page
    assert "After 44 batches of the digits network they still differ by 0.0321 (root" in page
    assert "`abacus` 2 laws hold, 0 violated, 1 not offered" in page
    assert "`beads` 2 laws hold, 1 violated:" in page
    theorems = len(book())
    assert f"**{theorems} of {theorems} theorems proved**" in page


def test_an_answer_stands_only_while_its_theorem_is_proved():
    """Otherwise the page says that it is open, and the count of proved theorems falls."""
    said = "| Does the plain map gamma x + beta share that? |"
    page = build_index(book())
    assert "| No, except for gamma = 0 or a = 1. |" in lines(page, said)[0]
    changed = change(book(), {"id": "affine-not-invariant"}, verdict="undecided")
    page = build_index(changed)
    assert lines(page, said)[0].startswith(f"{said} open in this run |")
    assert lines(page, said)[0].endswith("(derivations.md#affine-not-invariant): undecided |")
    assert f"**{len(changed) - 1} of {len(changed)} theorems proved**" in page
    assert "open in this run" not in build_index(book())


def test_the_entry_page_needs_every_theorem_it_speaks_of():
    """One that no claim rests on is missed too, by its name."""
    rows = [row for row in book() if row["id"] != "repeated-batch"]
    with pytest.raises(UndefinedError, match="repeated-batch"):
        build_index(rows)


def test_a_law_has_one_line_with_every_implementation():
    """A violation is bold, what is exact holds, what is not offered is said, and theorems are
    linked."""
    page = render_check(stream(*CHECKED))
    assert lines(page, "| law | what it says |") == [
        "| law | what it says | theorem | abacus | beads |"
    ]
    assert lines(page, "| output | What") == [
        "| output | What output says. | [collapse](derivations.md#collapse) | 0.25 |"
        " **violated** 77.7 |"
    ]
    assert lines(page, "| finite |") == ["| finite | What finite says. |  | holds | holds |"]
    assert lines(page, "| fold |")[0].endswith("#fold-linear) | not offered | holds |")
    assert lines(page, "- `abacus`") == [
        "- `abacus`: 71 cases, 2 laws hold, 0 violated, 1 not offered."
    ]
    assert lines(page, "- `beads`") == [
        "- `beads`: 72 cases, 2 laws hold, 1 violated, 0 not offered."
    ]


@pytest.mark.parametrize("ratio", [float("inf"), 1e9, 3e307])
def test_a_violation_without_a_size_has_no_number(ratio):
    """Nobody reads its digits."""
    checked = change(CHECKED, {"target": "beads", "law": "output"}, ratio=ratio)
    assert lines(render_check(stream(*checked)), "| output | What")[0].endswith(
        " 0.25 | **violated** |"
    )


def test_real_data_stand_under_their_own_heading():
    """One column for each implementation, and constant features only where there are some."""
    page = render_check(stream(*CHECKED))
    assert lines(page, "### ") == [
        "### pebbles, float32 (m = 77, 5 features)",
        "### shells, float32 (m = 77, 5 features)",
    ]
    assert lines(page, "| y |") == ["| y | 0.11 | - | 0.22 | - |", "| y | 0.33 | - | 0.44 | - |"]
    assert [line for line in page.splitlines() if "constant features in" in line] == [
        "- pebbles, float32, `abacus`: 3 constant features in the batch (v = 0); the output's"
        " largest distance from beta is 0.0077."
    ]


def test_a_state_that_is_not_known_is_an_error():
    """A fourth state of a law must not be counted as one of the three."""
    with pytest.raises(KeyError, match="perhaps"):
        render_check(stream(*CHECKED, result("beads", "fold", "perhaps")))


def test_running_statistics_are_shown_at_the_end_and_gaps_early_on():
    """The recurrence after the last step, gaps after the first, the tenth and the last, and the
    spread of the pairs without that of all values."""
    recurrence = [
        {"kind": "recurrence", "step": step, "target": "abacus", "quantity": "running_mean",
         "value_of_first_feature": 0.0, "largest_error": error, "largest_ulp": 7.0}
        for step, error in ((1, 0.001), (44, 0.077), (10, 0.002))
    ]  # fmt: skip
    bessel = {"kind": "bessel", "m": 2, "target": "abacus", "predicted": 2.0, "smallest": 1.75,
              "largest": 2.25}  # fmt: skip
    further = (
        {"kind": "single_value", "target": "abacus", "outcome": "refuses 1 bead"},
        {"kind": "cumulative", "target": "abacus", "quantity": "running_mean", "batches": 9,
         "largest_relative_difference": 0.0009},
    )  # fmt: skip
    page = render_running_statistics(stream(*recurrence, bessel, *further, *GAPS, *PAIRS))
    assert lines(page, "| abacus | running_mean |") == [
        "| abacus | running_mean | 0.077 | 7 |",
        "| abacus | running_mean | 9 | 0.0009 |",
    ]
    assert lines(page, "After 44 batches")
    assert lines(page, "| 2 | 2.0") == [
        "| 2 | 2.000000000000 | abacus | 1.750000000000 | 2.250000000000 |"
    ]
    assert lines(page, "| abacus | refuses") == ["| abacus | refuses 1 bead |"]
    gaps = [line for line in page.splitlines() if "| torch |" in line or "| numpy |" in line]
    assert gaps == [
        "| 1 | numpy | 5.01 | 10 |", "| 10 | numpy | 4.01 | 8.02 |", "| 44 | numpy | 3.01 | 6.02 |",
        "| 1 | torch | 5.02 | 10 |", "| 44 | torch | 0.0321 | 0.0642 |",
    ]  # fmt: skip
    assert lines(page, "| 8 |") == ["| 8 | 3 | 0.123 | 3.21 | -1.5 | 4.5 |"]
    assert lines(page, "| 32 |") == ["| 32 | 1 | 9.87 | 9.87 | 7 | 7 |"]
    assert lines(page, "| 777 ") == [
        "| 777 (all data, as at inference) | 1 | 0.555 | 0.555 | -0.25 | -0.25 |"
    ]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("laws.csv", ("target", "law", "theorem", "verdict", "cases", "ratio", "ulp")),
        ("agreement.csv", ("data", "m", "channels", "dtype", "target", "quantity", "ratio", "ulp")),
        ("train_eval.csv", ("step", "target", "root_mean_square_gap", "largest_gap")),
        ("collapsed_pairs.csv", ("m", "batch", "gamma_prime", "beta_prime")),
    ],
)
def test_tables_hold_their_rows_and_no_others(name, columns, tmp_path):
    """Every row of the kind is a line, with all of its promised columns filled where it has
    them."""
    (file,) = (file for file in FILES if file.name == name)
    records = stream(*CHECKED, *GAPS, *PAIRS)
    file.write(records, tmp_path / name)
    found, rows = read_table((tmp_path / name).read_text(encoding="utf-8"))
    assert found == columns
    wanted = records.select(file.kinds[0])
    assert [list(row.values()) for row in rows] == [
        ["" if row[column] is None else str(row[column]) for column in columns] for row in wanted
    ]
