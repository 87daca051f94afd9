"""The page on containment adds up its shares."""

from itertools import permutations

from bnproof.reports.containment import render_containment
from tests.reports.synthetic import lines, stream


def share(cases, total, missed=(), **dtypes):
    """A share of the inputs."""
    entries = {"all": total, "undefined": 1000, "exact": 200, "zero": 30}
    return {
        "kind": "containment",
        "first": 0,
        "cases": cases,
        "entries": entries,
        "dtypes": dtypes,
        "missed": list(missed),
    }


SHARES = (share(11, 7000, float16=4, float32=1000), share(22, 5000, bfloat16=9, float16=6))


def test_shares_are_added_up():
    """Cases, numbers and dtypes over all shares; what has no exact value is not enclosed."""
    page = render_containment(stream(*SHARES))
    assert "33 random and adversarial inputs" in page
    assert "each of the\n12,000 numbers" in page
    assert lines(page, "| enclosed |") == ["| enclosed | 10,000 |"]
    assert lines(page, "| of these known exactly") == [
        "| of these known exactly (radius 0) | 400 |"
    ]
    assert lines(page, "| of these zero") == ["| of these zero, decided | 60 |"]
    assert lines(page, "| without an exact value")[0].endswith("| 2,000 |")
    assert "Inputs by dtype: bfloat16 9, float16 10, float32 1,000." in page


def test_the_order_of_the_shares_does_not_show():
    """Processes finish in any order, and the page is the same to the byte."""
    third = share(3, 4000, float64=5)
    pages = {render_containment(stream(*order)) for order in permutations((*SHARES, third))}
    assert len(pages) == 1


def test_misses_are_counted_and_the_first_fifty_are_shown():
    """Over all shares; without one the page says 0 and lists nothing."""
    assert "**Outside its enclosure: 0.**" in render_containment(stream(*SHARES))
    missed = [f"miss number {n}." for n in range(40)]
    page = render_containment(stream(share(1, 2000, missed), share(1, 2000, missed)))
    assert "**Outside its enclosure: 80.**" in page
    assert len(lines(page, "- miss number")) == 50
    assert lines(page, "- miss number 39.") == ["- miss number 39."]
