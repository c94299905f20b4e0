"""The site: its code runs as it is printed, links lead somewhere, and it is built without warnings."""

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
#: Pages whose code is run by tests of its own: it needs other programs, services, or files.
ELSEWHERE = ("your_simulation.md", "remote_stores.md")
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_page(page, folder):
    """Run the code of a page, a program a block of commands; names of Python go on from block to block."""
    before = "import warnings; warnings.simplefilter('error')\n"
    (folder / "sweeps").symlink_to(ROOT / "sweeps")
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    for kind, code in BLOCK.findall((DOCS / page).read_text()):
        command = ["bash", "-euc", code]
        if kind == "python":
            before += code
            command = [sys.executable, "-c", before]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [p for p in PAGES if p not in ELSEWHERE and BLOCK.search((DOCS / p).read_text())]
)
def test_the_code_of_a_page_runs(page, tmp_path):
    run_page(page, tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (DOCS / page).read_text()
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in link:
            generated = link.startswith("reference/")  # when the site is built
            assert generated or (DOCS / link).exists(), link


@pytest.mark.parametrize(
    "page", [*(DOCS / page for page in PAGES), *sorted(ROOT.glob("*.md"))], ids=lambda p: p.name
)
def test_links_to_the_outside_are_whole_and_safe(page):
    """Whether there is something behind them is asked weekly (.github/workflows/links.yml)."""
    links = re.findall(r"\]\((\w+:[^)\s]*)\)?", page.read_text())
    for link in links:
        assert re.fullmatch(r"https://[\w.-]+\.[a-z]+(/\S*)?|mailto:\S+", link), link
        assert link.count("(") == link.count(")"), link


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_page_of_a_notebook_has_its_code_and_its_figures(path, monkeypatch):
    """After a change of a notebook: `python docs/_ext/rendered.py NAME`."""
    monkeypatch.syspath_prepend(DOCS / "_ext")
    rendered = import_module("rendered")
    page = (DOCS / "notebooks" / f"{path.stem}.md").read_text()
    assert rendered.code_in(page) == [code for code in rendered.code_of(read_notebook(path)) if code]
    pictures = re.findall(r"\]\((\S+\.png)\)", page)
    assert len(pictures) >= 3
    assert all((DOCS / "notebooks" / name).stat().st_size > 1000 for name in pictures)


def read_notebook(path):
    cells = json.loads(path.read_text())["cells"]
    return {"cells": [cell | {"source": "".join(cell["source"])} for cell in cells]}


def test_the_gallery_shows_recorded_sweeps():
    text = (DOCS / "gallery.md").read_text()
    commands = re.findall(r"-cd sweeps -cn (\w+)", text)
    assert commands == re.findall(r"\]\(gallery/(\w+)\.png\)", text)
    assert len(commands) >= 8
    assert all((ROOT / "sweeps" / f"{name}.yaml").exists() for name in commands)


def test_every_page_is_in_the_table_of_contents():
    listed = set(re.findall(r"^(\w+)$", (DOCS / "index.md").read_text(), re.MULTILINE))
    assert {page.removesuffix(".md") for page in PAGES} - {"index"} <= listed


def test_the_reference_is_made_of_annotations_comments_and_yaml(monkeypatch):
    monkeypatch.syspath_prepend(DOCS / "_ext")
    reference = import_module("reference")
    page = reference._options("compute")
    assert "| `compute.account` | `null` | text or null | whom the time is charged to |" in page
    assert "| `compute.workers` | `null` | a whole number, at least 1 or null | threads;" in page
    run = reference._run()
    assert (
        "| `ask_above` | `24.0` | a finite number, more than 0 | longest run that needs no confirmation"
        in run
    )
    assert "## explain\n\n```\nusage: spikesweep explain" in reference._commands()
    assert reference._apart(["one", "  two", "three"]) == ["one", "", "  two", "", "three"]
    assert reference._escaped("tau_ of `a*b` * c") == r"tau\_ of `a*b` \* c"


def test_the_workflow_runs_what_ci_runs():
    flow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert [s["run"] for s in flow["jobs"]["all"]["steps"] if "run" in s] == [".ci/run"]
    text = (ROOT / ".ci" / "run").read_text()
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    tools = {hook["entry"].split()[0] for hook in hooks} - {"nbstripout"}
    assert [tool for tool in (*tools, "sphinx-build", "pytest") if f'"$venv/bin/{tool}"' not in text] == []
