"""The record stream, beyond its round trip: what is no stream, what is left of a failed write, and
what a header says."""

import json

import pytest

from bnproof import records
from bnproof.records import BrokenRecords, Records, build_header, collect, group_rows, read, write

ROWS = ({"kind": "a", "value": 0.1}, {"kind": "b"}, {"kind": "a", "value": None})
DAMAGED = {
    "no such file": None,
    "no JSON": "kind: header\n",
    "a number": "3\n",
    "a list for a row": '{"kind": "header"}\n[1]\n{"kind": "footer", "rows": 1}\n',
    "no text": b"\xff\xfe",
    "half a line": '{"kind": "header"}\n{"kind": "a", "va',
    "a header alone": '{"kind": "header"}\n',
    "a footer alone": '{"kind": "footer", "rows": -1}\n',
    "a row too many": '{"kind": "header"}\n{"kind": "a"}\n{"kind": "footer", "rows": 0}\n',
    "a footer that counts nothing": '{"kind": "header"}\n{"kind": "footer"}\n',
    "something after the footer": (
        '{"kind": "header"}\n{"kind": "footer", "rows": 0}\n{"kind": "a"}\n'
    ),
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_what_is_no_stream_is_refused(text, tmp_path):
    """With the name of the file, in one line."""
    path = tmp_path / "records.ndjson"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BrokenRecords, match=r"records\.ndjson") as refused:
        read(path)
    assert "\n" not in str(refused.value)


def test_rows_of_a_kind_keep_their_order(tmp_path):
    """Values come back as they went in, floats to the last bit."""
    path = tmp_path / "records.ndjson"
    write(path, Records(build_header(5), ROWS))
    back = read(path)
    assert back.select("a") == [ROWS[0], ROWS[2]]
    assert back.select("c") == []
    assert back.select("a", value=None) == [ROWS[2]]
    assert back.header["seed"] == 5


def test_a_row_that_cannot_be_written_leaves_the_old_stream(tmp_path):
    """Nothing of the new one is in the folder, and the old one is complete."""
    path = tmp_path / "records.ndjson"
    write(path, Records(build_header(0), ROWS))
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write(path, Records(build_header(0), (*ROWS, {"kind": "a", "value": {1, 2}})))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_stream_takes_the_place_of_the_old_one(tmp_path):
    """No neighbouring file stays behind, and the last line counts the rows."""
    path = tmp_path / "records.ndjson"
    for rows in (ROWS, ROWS[:1]):
        write(path, Records(build_header(0), rows))
    assert list(tmp_path.iterdir()) == [path]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["header", "a", "footer"]
    assert lines[-1]["rows"] == 1


def test_a_header_lists_what_is_not_installed(monkeypatch):
    """A package that is missing explains a difference as well as a version does."""
    monkeypatch.setattr(records, "PACKAGES", ("pytest", "no-such-package-at-all"))
    versions = build_header(3)["versions"]
    assert versions["no-such-package-at-all"] == "not installed"
    assert versions["pytest"] == pytest.__version__
    assert versions.keys() == {"python", "pytest", "no-such-package-at-all"}


def test_parts_are_collected_in_order():
    """One after the other, generators and empty ones among them."""
    found = collect(7, [[ROWS[1]], iter(()), (row for row in (ROWS[0], ROWS[2]))])
    assert found.rows == (ROWS[1], ROWS[0], ROWS[2])
    assert (found.header["kind"], found.header["seed"]) == ("header", 7)


def test_groups_keep_the_order_of_appearance():
    """Of groups and within each, whatever the values are."""
    rows = [{"n": n, "by": by} for n, by in ((1, "z"), (2, None), (3, "a"), (4, "z"))]
    grouped = group_rows(rows, "by")
    assert [(by, [row["n"] for row in own]) for by, own in grouped.items()] == [
        ("z", [1, 4]),
        (None, [2]),
        ("a", [3]),
    ]
    assert list(group_rows(rows, "by", "n")) == [("z", 1), (None, 2), ("a", 3), ("z", 4)]
