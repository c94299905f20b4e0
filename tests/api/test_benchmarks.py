"""Benchmarks are run by hand; here is only whether they run."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if "__main__" in path.read_text())


def test_store_size_measures_a_store(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import store_size

    found = store_size.measure(2_500, 1, spikes=True)
    assert found["points"] == 2500
    assert 10 < found["files"] < 500
    assert all(found[name] > 0.0 for name in ("run, s", "open, s", "resume, s", "one point, s"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_start(script):
    done = subprocess.run([sys.executable, FOLDER / script, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
