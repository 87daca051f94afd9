"""The notebooks run from top to bottom."""

import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
NotebookClient(nbformat.read(sys.argv[1], as_version=4), timeout=300, kernel_name="python3").execute()
"""


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_executes(notebook):
    """Every cell runs in a fresh kernel (in a process of its own: kernels bring their own event loop)."""
    done = subprocess.run([sys.executable, "-c", EXECUTE, notebook], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
