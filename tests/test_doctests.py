"""The examples in docstrings say what happens: every module that has some that can run."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import spikesweep

ROOT = Path(spikesweep.__file__).parent


def with_examples():
    """Return the names of the modules that have examples, without importing any."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        examples = [line for line in path.read_text().splitlines() if ">>> " in line]
        if any("+SKIP" not in line for line in examples):
            found.append(".".join(path.relative_to(ROOT.parent).with_suffix("").parts))
    return found


@pytest.mark.parametrize("name", with_examples())
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where an example would leave results
    done = doctest.testmod(import_module(name))
    assert done.attempted
    assert not done.failed


def test_there_are_examples():
    assert with_examples()
