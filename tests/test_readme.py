"""Every command and every line of Python of the README is run, in the printed order, in one folder."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def words_of(line):
    """Return the words of a command, our programs as those of this environment."""
    words = shlex.split(line, comments=True)
    ours = {"spikesweep": [sys.executable, "-m", "spikesweep"], "run.py": [str(ROOT / "run.py")]}
    ours |= {name: [sys.executable] for name in ("python", ".venv/bin/python")}
    return [new for word in words for new in ours.get(word, [word])]


@pytest.mark.slow
def test_every_line_of_the_readme_runs(tmp_path):
    (main, *blocks, tests) = BLOCK.findall((ROOT / "README.md").read_text())
    assert "-m venv" in main[1]
    assert tests[1].endswith("&& .venv/bin/pytest\n")  # .ci/run does that
    run(words_of(main[1].rpartition("&&")[2]), tmp_path)  # what stands before it installs
    python = "import warnings, matplotlib\nwarnings.simplefilter('error')\nmatplotlib.use('agg')\n"
    for language, text in blocks:
        if language == "python":
            python += text
            run([sys.executable, "-c", python], tmp_path)
        else:
            for line in text.splitlines():
                run(words_of(line), tmp_path)
    assert {language for language, _ in blocks} == {"", "python"}


def run(words, folder):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
