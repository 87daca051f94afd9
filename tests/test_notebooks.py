"""The notebooks are committed with their outputs, run from top to bottom, and say then what they
say now."""

import json
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
EXECUTE = Path(__file__).parent / "execute_notebooks.py"
AGAIN = "stale outputs: run python tests/execute_notebooks.py"
TEXTS = ("text/plain", "text/latex", "text/markdown")
DECIMALS = re.compile(r"(-?\d+\.\d+(?:e[-+]\d+)?)")
MEASURED = re.compile(r"-?\d[\d.]*(?:e[-+]\d+)?")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def notebook(path):
    """A notebook as it lies in its file."""
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(path):
    """Its cells of code."""
    return [cell for cell in notebook(path)["cells"] if cell["cell_type"] == "code"]


def said(cell):
    """What a cell has put out, in order: words as they are, an image as that it is one; numbers
    left out of what is tagged ``measured`` (rounding errors, trained networks), which another
    machine may measure otherwise."""
    words = []
    for output in cell["outputs"]:
        data = output.get("data", {})
        if output["output_type"] == "stream":
            words.append("".join(output["text"]))
        elif "image/png" in data:
            words.append("an image")
        else:
            words += ["".join(data[kind]) for kind in TEXTS if kind in data]
    measured = "measured" in cell["metadata"].get("tags", ())
    return [MEASURED.sub("#", text) if measured else text for text in words]


def agree(stored, fresh):
    """The same text, but for one unit in the last printed digit of a number with a decimal
    point."""
    pieces = list(zip_longest(DECIMALS.split(stored), DECIMALS.split(fresh), fillvalue=""))
    return all(a == b or (place % 2 and _next(a, b)) for place, (a, b) in enumerate(pieces))


def _next(a, b):
    if not (DECIMALS.fullmatch(a) and DECIMALS.fullmatch(b)):
        return False
    unit = max(Decimal(1).scaleb(Decimal(number).as_tuple().exponent) for number in (a, b))
    return abs(Decimal(a) - Decimal(b)) <= unit


@each_notebook
def test_outputs_are_stored(path):
    """Executed once from top to bottom in a fresh kernel, without errors, warnings, times or
    paths."""
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1)), AGAIN
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {
        "stream",
        "display_data",
        "execute_result",
    }
    assert {output["name"] for output in outputs if output["output_type"] == "stream"} <= {"stdout"}
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 4
    assert not any("execution" in cell["metadata"] for cell in cells)
    assert not re.search(
        r"(?<![\w.])/(home|root|tmp|usr|opt|work|Users)/",
        "".join(t for cell in cells for t in said(cell)),
    )
    assert notebook(path)["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.slow
@each_notebook
def test_outputs_repeat(path, tmp_path):
    """A fresh kernel says what the file says (in a process of its own: kernels bring their own
    event loop)."""
    copy = Path(shutil.copy(path, tmp_path))
    done = subprocess.run(
        [sys.executable, EXECUTE, copy], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for stored, fresh in zip(code_cells(path), code_cells(copy), strict=True):
        one, other = said(stored), said(fresh)
        message = f"{AGAIN}\n--- stored\n{chr(10).join(one)}\n--- now\n{chr(10).join(other)}"
        assert len(one) == len(other), message
        assert all(map(agree, one, other)), message


@pytest.mark.parametrize(
    ("stored", "fresh", "same"),
    [
        ("from 0.573 to 2.440", "from 0.573 to 2.441", True),
        ("from 0.573 to 2.440", "from 0.573 to 2.450", False),
        ("largest 9.99 ulp", "largest 10.0 ulp", True),
        ("left side 3, right side 4", "left side 3, right side 5", False),
        ("proved for every m", "proved", False),
        ("0.5", "", False),
    ],
)
def test_agreement_is_that_of_the_printed_digits(stored, fresh, same):
    """Words and whole numbers are exact; decimals may round otherwise."""
    assert agree(stored, fresh) is same
