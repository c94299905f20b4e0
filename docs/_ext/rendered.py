"""Notebooks as pages with their figures: `python docs/_ext/rendered.py [NAME...]` runs them, for minutes.

The pages are kept in `docs/notebooks`, so that the site is built without computing; a test compares their
code with that of the notebooks, which stay without outputs.
"""

import io
import re
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PAGES = Path(__file__).parents[1] / "notebooks"
#: Lines of text of one output, and colours of a picture: what a page needs.
_LINES, _COLOURS = 12, 128


def code_of(notebook: Any) -> list[str]:
    """Return the code cells of a notebook."""
    return [cell["source"].strip() for cell in notebook["cells"] if cell["cell_type"] == "code"]


def code_in(page: str) -> list[str]:
    """Return the code of a page."""
    return [code.strip() for code in re.findall(r"^```py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]


def render(name: str) -> None:
    """Run a notebook in a folder of its own and write its page and its pictures."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "notebooks"  # they write beside it
        folder.mkdir()
        NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(folder)}}).execute()
    for old in PAGES.glob(f"{name}_*.png"):
        old.unlink()
    blocks = [block for i, cell in enumerate(notebook.cells) for block in _blocks(name, i, cell)]
    (PAGES / f"{name}.md").write_text("\n\n".join(blocks) + "\n")


def _blocks(name: str, i: int, cell: Any) -> Iterator[str]:
    if cell.cell_type == "markdown":
        yield cell.source.strip()
        return
    if not cell.source.strip():
        return
    yield f"```py\n{cell.source.strip()}\n```"
    for k, output in enumerate(cell.outputs):
        data = output.get("data", {})
        if "image/png" in data:
            path = PAGES / f"{name}_{i}_{k}.png"
            _save(b64decode(data["image/png"]), path)
            yield f"![Figure of the code above]({path.name})"
        elif output.get("name") != "stderr" and (text := data.get("text/plain") or output.get("text")):
            lines = text.rstrip().splitlines()
            yield "\n".join(["```text", *lines[:_LINES], *(["..."] if len(lines) > _LINES else []), "```"])


def _save(data: bytes, path: Path) -> None:
    from PIL import Image

    picture = Image.open(io.BytesIO(data)).convert("RGB")
    picture.quantize(_COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    for one in sys.argv[1:] or sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")):
        render(one)
