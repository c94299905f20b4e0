"""Every notebook runs from beginning to end, on a copy, so that the repository stays as it is."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow  # about 20 s each
@pytest.mark.filterwarnings("default")  # of Jupyter, not ours
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are stripped before a commit"
    folder = tmp_path / "notebooks"
    folder.mkdir()
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(folder)}}).execute()
    pictures = [o for c in notebook.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(pictures) >= 3
