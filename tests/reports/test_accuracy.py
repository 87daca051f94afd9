"""The plots and the table of the accuracy report draw the points that belong to them."""

import numpy as np

from bnproof.reports.accuracy import (
    FILES,
    U,
    plot_by_condition,
    plot_by_length,
    render_accuracy,
)
from tests.reports.synthetic import curves, draw, lines, read_table, stream

COLUMNS = (
    *("target", "dtype", "layout", "threads", "sweep", "kappa", "m", "magnitude"),
    *("ulp_median", "ulp_p99", "ulp_max", "max_abs_error", "typical_error", "shift"),
)


def point(sweep, kappa, m, value, **changed):
    """One batch; ``value`` is its typical error and its shift."""
    row = {
        "kind": "accuracy_point", "target": "numpy", "dtype": "float32", "layout": "2-d",
        "threads": 1, "sweep": sweep, "kappa": kappa, "m": m, "magnitude": 1.0,
        "ulp_median": 0.7, "ulp_p99": 7.0, "ulp_max": 77.0, "max_abs_error": 0.07,
        "typical_error": value, "shift": value,
    }  # fmt: skip
    return row | changed


POINTS = [
    point("kappa", 1.0, 32, 0.125), point("kappa", 100.0, 32, None),
    point("kappa", 1e6, 32, 0.25), point("kappa", 10.0, 32, 0.0),
    point("kappa", 1.0, 32, 0.5, target="torch"),
    point("kappa", 1.0, 32, 0.75, dtype="float64"), point("kappa", 1e6, 32, 0.875, dtype="float64"),
    point("kappa", 1.0, 32, 0.625, target="beads"),
    point("values", 3.0, 16, 1.5), point("values", 3.0, 64, 3.0),
    point("values", 3.0, 64, 2.5, layout="4-d"), point("values", 3.0, 64, 9.5, threads=4),
    point("values", 3.0, 64, 8.5, layout="4-d channels-last"),
    point("values", 3.0, 16, 0.5, dtype="float64"),
]  # fmt: skip


def test_the_table_has_every_point(tmp_path):
    """All of both sweeps, in the promised columns; what is not finite is an empty cell."""
    (file,) = (file for file in FILES if file.name == "accuracy.csv")
    file.write(stream(*POINTS), tmp_path / "accuracy.csv")
    columns, rows = read_table((tmp_path / "accuracy.csv").read_text(encoding="utf-8"))
    assert columns == COLUMNS
    assert [row["typical_error"] for row in rows] == [
        "" if row["typical_error"] is None else str(row["typical_error"]) for row in POINTS
    ]


def test_the_condition_is_drawn_by_dtype():
    """A panel for each dtype with its own points; what has no place on a logarithmic axis is left
    out."""
    figure = draw(plot_by_condition, stream(*POINTS))
    single, double = figure.axes
    assert (single.get_title(), double.get_title()) == ("float32", "float64")
    drawn = curves(single)
    assert drawn["NumPy two-pass"] == ([1.0, 1e6], [0.125, 0.25])
    assert drawn["PyTorch"] == ([1.0], [0.5])
    assert curves(double)["NumPy two-pass"] == ([1.0, 1e6], [0.75, 0.875])
    assert set(drawn) == {"NumPy two-pass", "PyTorch", "u κ", "u κ²"}


def test_lines_of_slope_one_and_two_end_where_no_digit_is_left():
    """They are u kappa and u kappa^2, from kappa = 1 on, while that is at most 2."""
    drawn = curves(draw(plot_by_condition, stream(*POINTS)).axes[0])
    assert drawn["u κ"] == (
        [1.0, 10.0, 100.0, 1e6],
        [2.0**-24, 10 * 2.0**-24, 100 * 2.0**-24, 1e6 * 2.0**-24],
    )
    # (10^6)^2 2^-24 is about 6e4.
    assert drawn["u κ²"][0] == [1.0, 10.0, 100.0]
    assert {np.dtype(dtype): u for dtype, u in U.items()} == {
        np.dtype(dtype): np.finfo(dtype).eps / 2 for dtype in ("float32", "float64")
    }


def test_lengths_are_drawn_on_one_thread_by_layout():
    """More threads and other layouts have no line, and lines for comparison have slopes 1/2 and
    -1/2."""
    figure = draw(plot_by_length, stream(*POINTS))
    drawn = curves(figure.axes[0])
    assert drawn["NumPy two-pass, 2-d"] == ([16, 64], [1.5, 3.0])
    assert drawn["NumPy two-pass, 4-d"] == ([64], [2.5])
    assert len(drawn) == 4
    # From m = 16 to 64 the root of m doubles.
    up, down = (drawn[f"in proportion to {name}"][1] for name in ("√m", "1/√m"))
    assert up[1] == 2 * up[0]
    assert down[1] == down[0] / 2


def grade(target, **changed):
    """What all points of an implementation come to."""
    row = {
        "kind": "accuracy", "target": target, "dtype": "float32", "grade": "shaky",
        "kappa_slope": 1.234, "fitted_kappa": [7.0, 777.0], "nan_from_kappa": None,
        "summation": [
            {"layout": "2-d", "threads": 1, "grade": "by hand", "slope": 0.456},
            {"layout": "2-d", "threads": 4, "grade": None, "slope": None},
            {"layout": "4-d", "threads": 1, "grade": "by head", "slope": -0.5},
        ],
        "wrong_from_magnitude": 7e17, "wrong_from_m": None, "accumulation": None,
    }  # fmt: skip
    return row | changed


WORST = {"kind": "accuracy_worst", "target": "numpy", "dtype": "float32", "ulp": 77.7,
         "reproducer": "print(77)\n"}  # fmt: skip


def render(**changed):
    """The page of one implementation."""
    return render_accuracy(stream(*POINTS, grade("numpy", **changed), WORST))


def test_the_grade_stands_with_its_slope_and_the_first_point():
    """Ulp are those at kappa = 1, and a slope that could not be fitted is a dash."""
    assert lines(render(), "| numpy | float32 | **") == [
        "| numpy | float32 | **shaky** | 1.23, 7 to 777 | 0.7 | 7 | 77 | - |"
    ]
    flat = render(grade="steady", kappa_slope=None, fitted_kappa=None, nan_from_kappa=7e4)
    assert lines(flat, "| numpy | float32 | **") == [
        "| numpy | float32 | **steady** | -, never rises | 0.7 | 7 | 77 | 70000 |"
    ]


def test_each_layout_has_a_line_with_the_longest_sum():
    """Grades and slopes by threads, and the shift at the largest m on one thread."""
    page = render()
    assert "at m = 64: shift in u" in page
    assert lines(page, "| numpy | float32 | 2-d |") == [
        "| numpy | float32 | 2-d | 1: **by hand**, 4: **-** | 0.46, - | 3 |"
    ]
    assert lines(page, "| numpy | float32 | 4-d |")[0].endswith("| -0.50 | 2.5 |")


def test_where_outputs_go_wrong_is_said():
    """From a magnitude or never, from an m where there is one, and with the sums' precision."""
    assert "| numpy | float32 | 7e+17 | its own precision or wider |" in render()
    other = render(wrong_from_magnitude=None, wrong_from_m=70_000, accumulation="float16")
    assert "| numpy | float32 | never; from m = 70,000 | float16 |" in other


def test_the_worst_input_comes_with_its_program():
    """Its ulp in the table, and the program to be run."""
    page = render()
    assert "| numpy | float32 | 77.7 |" in page
    assert "```python\nprint(77)\n```" in page
