"""Execute the notebooks and store their outputs in them:
``python tests/execute_notebooks.py [NOTEBOOK ...]``.

Kept out of the file are times, and the number of pieces a stream arrived in: executing again
changes what has changed and nothing else.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def executed(path):
    """The notebook as a fresh kernel leaves it."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3", record_timing=False).execute()
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
    return notebook


def joined(outputs):
    """The outputs of a cell, consecutive pieces of one stream put together."""
    whole = []
    for output in outputs:
        if whole and output.output_type == "stream" and whole[-1].get("name") == output.name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def main(names):
    """Execute the notebooks named, or all, in place."""
    for path in [Path(name) for name in names] or NOTEBOOKS:
        nbformat.write(executed(path), path)


if __name__ == "__main__":
    main(sys.argv[1:])
