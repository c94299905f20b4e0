"""The site: its code runs as it is printed, links lead somewhere, and it is built without warnings."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
#: Pages whose code is run by tests of its own: it needs other programs, services, or files.
ELSEWHERE = ("your_simulation.md", "remote_stores.md", "numerics.md", "samples.md")
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_page(page, folder):
    """Run the code of a page, a program a block of commands; names of Python go on from block to block."""
    before = "import warnings; warnings.simplefilter('error')\n"
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


def test_the_gallery_shows_recorded_sweeps():
    text = (DOCS / "gallery.md").read_text()
    commands = re.findall(r"-cd sweeps -cn (\w+)", text)
    assert commands == re.findall(r"\]\(gallery/(\w+)\.png\)", text)
    assert len(commands) >= 8
    assert all((ROOT / "sweeps" / f"{name}.yaml").exists() for name in commands)


def test_every_page_is_in_the_table_of_contents():
    listed = set(re.findall(r"^(\w+)$", (DOCS / "index.md").read_text(), re.MULTILINE))
    assert {page.removesuffix(".md") for page in PAGES} - {"index"} <= listed


@pytest.mark.slow
def test_the_site_is_built_without_warnings(tmp_path):
    pytest.importorskip("furo")
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(tmp_path / "read")]
    done = subprocess.run(
        [*build, str(DOCS), str(tmp_path / "html")], capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "html" / "reference" / "neuron.html").read_text()
    assert "adaptation added by a spike" in page
    assert "10.1152/jn.00686.2005" in (tmp_path / "html" / "reference" / "models.html").read_text()
