"""Every command and every line of Python of the README and of pages is run, in their order, in one folder."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "docs/axes.md",
    "docs/own_models.md",
    "docs/population_information.md",
    "docs/spike_trains.md",
    "docs/whole_networks.md",
)
#: What installs, and what CI runs itself.
_APART = re.compile(r"-m venv|pip install|\.venv/bin/pytest")


def programs(page):
    """Return the blocks of a page: (language, text)."""
    text = (ROOT / page).read_text()
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(block):
    """Return the words of each line, our programs as those of this environment."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        if words[0] == "spikesweep":
            words[:1] = [sys.executable, "-m", "spikesweep"]
        elif words[0] == "python":
            words[0] = sys.executable
        yield line, [str(ROOT / "run.py") if word == "run.py" else word for word in words]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_line_of_a_page_runs_in_the_printed_order(page, tmp_path):
    (tmp_path / "sweeps").symlink_to(ROOT / "sweeps")
    start = "import warnings, matplotlib\nwarnings.simplefilter('error')\nmatplotlib.use('agg')\n"
    python, n = start, 0
    if page == "README.md":  # its main job stands in the line that installs
        line = next(text for _, text in programs(page) if "run.py" in text)
        words = line.strip().rpartition(".venv/bin/python ")[2].split()
        run([sys.executable, str(ROOT / "run.py"), *words[1:]], line, tmp_path)
    for language, text in programs(page):
        if language == "python":
            python += text
            run([sys.executable, "-c", python], text, tmp_path)
            n += 1
        elif not language and not _APART.search(text):
            for line, words in commands(text):
                run(words, line, tmp_path)
                n += 1
    assert n > 0


def run(words, said, folder):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{said}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
