"""Which files come from which records, and what a table does with its rows."""

import importlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof import records, reports
from bnproof.reports import files
from bnproof.reports.files import (
    ReportFile,
    declare_page,
    declare_table,
    format_table,
    list_files,
    write_files,
)
from tests.reports.synthetic import read_table, stream

ROWS = ({"kind": "odd", "n": 1, "word": "one"}, {"kind": "even", "n": 2}, {"kind": "odd", "n": 3})


@given(st.lists(st.floats(allow_nan=False) | st.integers() | st.none(), max_size=5))
def test_a_number_is_read_back_as_it_was(numbers):
    """Every digit is written, a whole number stays one beside a gap, and None is an empty cell."""
    text = format_table([{"n": 0, "value": number} for number in numbers], ("n", "value"))
    back = [row["value"] for row in read_table(text)[1]]
    assert len(back) == len(numbers)
    for shown, number in zip(back, numbers, strict=True):
        assert shown == "" if number is None else type(number)(shown) == number


def test_a_table_has_its_columns_in_their_order():
    """What a row has beyond them is left out, what it lacks is empty, and no rows leave a
    header."""
    assert format_table(ROWS, ("word", "n")) == "word,n\none,1\n,2\n,3\n"
    assert format_table([], ("word", "n")) == "word,n\n"


def test_a_table_is_of_one_kind_or_of_what_a_function_lists(tmp_path):
    """The rows of the kind alone by default, and the function's lines where there is one."""
    declare_table("a", "odd", ("n",)).write(stream(*ROWS), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"n\n1\n3\n"
    count = declare_table("b", "odd", ("n",), lambda stream: [{"n": len(stream.rows)}])
    count.write(stream(*ROWS), tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"n\n3\n"


def test_a_file_needs_rows_of_all_its_kinds(tmp_path, monkeypatch):
    """One kind of two is not enough, and the records come first where a name is given."""
    made = (
        declare_page("both", ("odd", "even"), lambda stream: "x"),
        declare_page("missing", ("odd", "none"), lambda stream: "x"),
        declare_page("one", ("even",), lambda stream: "γ"),
    )
    monkeypatch.setattr(files, "list_files", lambda: made)
    out = tmp_path / "new" / "folder"
    written = write_files(stream(*ROWS), out, "measured")
    assert written == [out / name for name in ("measured.ndjson", "both", "one")]
    assert sorted(out.iterdir()) == sorted(written)
    assert records.read(out / "measured.ndjson") == stream(*ROWS)
    assert (out / "one").read_bytes() == "γ".encode()


def test_records_are_kept_where_a_page_fails(tmp_path, monkeypatch):
    """What was measured is on disk before the first page is made of it."""

    def fail(stream, path):
        raise RuntimeError("no page")

    monkeypatch.setattr(files, "list_files", lambda: (ReportFile("page", ("odd",), fail),))
    with pytest.raises(RuntimeError, match="no page"):
        write_files(stream(*ROWS), tmp_path, "measured")
    assert records.read(tmp_path / "measured.ndjson").rows == ROWS


def test_every_module_is_asked_for_its_files():
    """By listing the folder: each file once, with a name of its own, in the order of the
    modules."""
    names = sorted(path.stem for path in Path(reports.__file__).parent.glob("*.py"))
    modules = [importlib.import_module(f"bnproof.reports.{n}") for n in names if n != "__init__"]
    expected = [file.name for module in modules for file in vars(module).get("FILES", ())]
    assert [file.name for file in list_files()] == expected
    assert len(set(expected)) == len(expected)
    assert all(file.kinds for file in list_files())
