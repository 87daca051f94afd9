"""Jinja templates of this package, and the few things every page shares."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from bnproof.records import Records, Row

if TYPE_CHECKING:
    from jinja2 import Environment

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
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("bnproof.reports"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["number"] = format_number
    environment.filters["ratio"] = format_ratio
    environment.filters["chapter"] = name_chapter
    return environment


def render_page(template: str, **values: Any) -> str:
    """A rendered template; a missing value is an error."""
    return _build_environment().get_template(template).render(**values)


def format_number(value: float | None) -> str:
    """A measured number in three significant digits (thousands in full); a dash where there is
    none."""
    if value is None:
        return "-"
    return f"{value:.0f}" if 1000 <= abs(value) < 100_000 else f"{value:.3g}"


def format_ratio(value: float | None) -> str:
    """A ratio without an exponent: two significant digits up to 10, whole numbers above; a dash
    where there is none."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"


def name_chapter(module: str) -> str:
    """The title of a chapter, from its module's name where none is given."""
    return CHAPTERS.get(module, module.replace("chapter", "").replace("_", " ").strip())


def describe_provenance(records: Records) -> str:
    """Versions and machine, in one line."""
    versions = ", ".join(
        f"{name} {version}" for name, version in records.header["versions"].items()
    )
    machine = records.header["machine"]
    return (
        f"{versions}; {machine['system']} {machine['processor']}, {machine['cores']} cores; seed"
        f" {records.header['seed']}"
    )


def group_by_chapter(theorems: list[Row]) -> dict[str, list[Row]]:
    """Theorems grouped by chapter, in order."""
    grouped: dict[str, list[Row]] = {}
    for theorem in theorems:
        grouped.setdefault(theorem["chapter"], []).append(theorem)
    return grouped
