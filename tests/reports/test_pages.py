"""What every page shares: how numbers look, titles of chapters, and where records come from."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from bnproof import theorems
from bnproof.reports.pages import (
    CHAPTERS,
    describe_provenance,
    format_number,
    format_ratio,
    name_chapter,
    render_page,
)
from tests.reports.synthetic import stream


@given(st.floats(1e-300, 1e300) | st.floats(1, 2e5) | st.floats(-2e5, -1))
def test_a_number_is_shown_to_three_digits_or_to_the_unit(value):
    """What is shown is no farther off than half a unit of the third digit, and whole numbers from
    1000 to 100 000 are no farther off than one half."""
    shown = format_number(value)
    plain = 1000 <= abs(value) < 100_000
    unit = Decimal(1) if plain else Decimal(10) ** (Decimal(abs(value)).adjusted() - 2)
    assert abs(Decimal(shown) - Decimal(value)) <= unit / 2
    assert not plain or shown.lstrip("-").isdigit()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (-1.5, "-1.5"),
        (-4567.8, "-4568"),
        (1000.0, "1000"),
        (99_999.0, "99999"),
        (100_000.0, "1e+05"),
    ],
)
def test_numbers_at_the_edges(value, shown):
    """Thousands are written out up to 100 000, and no trailing zeros are shown."""
    assert format_number(value) == shown


@given(st.floats(1e-3, 1e12))
def test_a_ratio_never_has_an_exponent(value):
    """From a thousandth on upwards there are digits and a point alone."""
    assert format_ratio(value).replace(".", "", 1).isdigit()


def test_every_chapter_of_the_book_has_a_title():
    """The number in the title is that of the module."""
    modules = [path.stem for path in Path(theorems.__file__).parent.glob("chapter*.py")]
    assert set(CHAPTERS) == set(modules)
    for module in modules:
        assert name_chapter(module).partition(" ")[0] == module[len("chapter")]


def test_where_records_come_from_is_said_by_their_header():
    """Versions, machine and seed of the run that measured, not of this one."""
    assert describe_provenance(stream()) == (
        "python 0.0.1, abacus 0.0.2; Nowhere beads, 77 cores; seed 4711"
    )


def test_what_a_template_is_not_given_is_an_error():
    """The message names it; an empty cell would be taken for a result."""
    with pytest.raises(UndefinedError, match="mutants"):
        render_page("mutation.md")
