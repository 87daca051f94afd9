"""Jinja templates of this package, and the few things every page shares.

:func:`render_page` fills a template from ``bnproof/reports/templates``. The filters that templates
use are functions of this module, so that a number looks the same on every page.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from bnproof.records import Records

if TYPE_CHECKING:
    # Imported where it is used: pages are made without Rich.
    from jinja2 import Environment

# Titles for readers. A chapter that is not listed is shown by the name of its module.
CHAPTERS = {
    "chapter1_collapse": "1 The collapse",
    "chapter2_invariance": "2 Invariance",
    "chapter3_moments": "3 Moments",
    "chapter4_gradients": "4 Gradients",
    "chapter5_running": "5 Running statistics and inference",
    "chapter6_arithmetic": "6 Arithmetic",
    "chapter7_training": "7 Why train on normalised values",
}


@cache
def _build_environment() -> Environment:
    """The templates' environment, with the filters ``number``, ``ratio`` and ``chapter``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("bnproof.reports"),
        # A name that a page does not know is an error, and never an empty cell.
        undefined=StrictUndefined,
        # A line that holds a block tag alone leaves no empty line, which would end a Markdown
        # table.
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Pages are Markdown and LaTeX, not HTML: escaping would spoil formulas.
        autoescape=False,
    )
    environment.filters["number"] = format_number
    environment.filters["ratio"] = format_ratio
    environment.filters["chapter"] = name_chapter
    return environment


def render_page(template: str, **values: Any) -> str:
    """A rendered template.

    Parameters
    ----------
    template : str
        Its file name in ``bnproof/reports/templates``.
    **values
        What the template names.

    Returns
    -------
    str
        The text.

    Raises
    ------
    jinja2.UndefinedError
        Where the template names something that was not given.
    """
    return _build_environment().get_template(template).render(**values)


def format_number(value: float | None) -> str:
    """A measured number in three significant digits.

    Thousands below 100 000 are written in full, since their exponent would be harder to read.
    ``None`` becomes a dash, as what could not be measured is ``None`` in a row.

    Examples
    --------
    >>> [format_number(value) for value in (0.012345, 12.0, 4567.8, 1234567.0, None)]
    ['0.0123', '12', '4568', '1.23e+06', '-']
    """
    if value is None:
        return "-"
    return f"{value:.0f}" if 1000 <= abs(value) < 100_000 else f"{value:.3g}"


def format_ratio(value: float | None) -> str:
    """A ratio without an exponent: two significant digits up to 10, whole numbers above.

    ``None`` becomes a dash.

    Examples
    --------
    >>> [format_ratio(value) for value in (0.256, 9.94, 9.95, 31.4, None)]
    ['0.26', '9.9', '10', '31', '-']
    """
    if value is None:
        return "-"
    # From 9.95 on two digits would round to 1e+01.
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"


def name_chapter(module: str) -> str:
    """The title of a chapter, from its module's name where none is given.

    Examples
    --------
    >>> name_chapter("chapter3_moments")
    '3 Moments'
    >>> name_chapter("chapter9_new_things")
    '9 new things'
    """
    return CHAPTERS.get(module, module.replace("chapter", "").replace("_", " ").strip())


def describe_provenance(records: Records) -> str:
    """Versions, machine and seed in one line, from the records' header.

    It is about the run that measured, not about the one that writes the page, so that a page can be
    made again without a change.
    """
    versions = ", ".join(
        f"{name} {version}" for name, version in records.header["versions"].items()
    )
    machine = records.header["machine"]
    return (
        f"{versions}; {machine['system']} {machine['processor']}, {machine['cores']} cores; seed"
        f" {records.header['seed']}"
    )
