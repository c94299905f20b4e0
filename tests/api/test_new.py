"""`new` writes models that run at once, together, and overwrites nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spikesweep.api import commands
from spikesweep.api.new import write
from spikesweep.errors import InputError

KINDS = {"neuron": "QIF", "synapse": "RisingConductance", "network": "Column", "protocol": "Latency"}
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("user") / "mymodels"
    for kind, name in KINDS.items():
        write(kind, name, place)
    return place


def called(folder, *command, code=0):
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, cwd=folder, timeout=900
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_its_tests_pass(folder):
    assert "7 passed" in called(folder.parent, "-m", "pytest", "-q", "-p", "no:cacheprovider", "mymodels")


def test_it_passes_our_lint(folder):
    pytest.importorskip("ruff")
    config = ("--no-cache", "--config", ROOT / "pyproject.toml", "mymodels")
    for command in (("check",), ("format", "--check")):
        called(folder.parent, "-m", "ruff", *command, *config)


@pytest.mark.slow
def test_its_kinds_work_together(folder):
    words = ("neuron=qif", "network=rising_conductance", "network.populations=[QIF]", "compute=serial")
    run = ("-m", "spikesweep", "run", "models=./mymodels", *words)
    said = called(folder.parent, *run, "grid.fe=[8]", "grid.fi=[2]", "grid.seed=[0]", "protocol.duration=200")
    assert "1 point computed" in said
    assert "41 points computed" in called(folder.parent, *run, "protocol=latency")


def test_the_commands_of_its_readme_are_those_that_there_are(folder):
    text = (folder / "README.md").read_text()
    lines = [line.split() for line in text.splitlines() if line.startswith(("spikesweep", "pytest"))]
    assert {line[1] for line in lines if line[0] == "spikesweep"} == {"run", "verify"}
    assert all("models=./mymodels" in line for line in lines if line[0] == "spikesweep")
    sections = text.split("\n## ")[1:]
    assert [section.split("\n")[0] for section in sections] == list(KINDS.values())
    assert all(len(section.splitlines()) <= 11 for section in sections)


def test_nothing_is_overwritten(folder, capsys):
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    for kind, name in (*KINDS.items(), ("neuron", "Latency"), ("network", "RisingConductance")):
        with pytest.raises(SystemExit) as end:
            commands.main(["new", kind, name, str(folder)])
        assert end.value.code == 2
        assert "is there already; allowed: another name" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("neuron", "LIF", "conf/neuron/lif.yaml is there already"),
        ("neuron", "my-cell", "'my-cell' is no name of a class"),
        ("neuron", "Lambda", "no name of a class"),
        ("protocol", "Tests", "its file would be tests"),
        ("network", "../Up", "no name of a class"),
    ],
)
def test_names_that_cannot_be_are_refused(tmp_path, kind, name, message):
    with pytest.raises(InputError, match=message):
        write(kind, name, tmp_path / "refused_models")
    assert not (tmp_path / "refused_models").exists()


def test_a_folder_that_could_not_be_imported_is_refused(tmp_path):
    for name in ("numpy", "my-models"):
        with pytest.raises(InputError, match="allowed:"):
            write("neuron", "QIF", tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_the_default_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        commands.main(["new", "neuron", "TwoStateCell"])
    assert end.value.code == 0
    assert "mymodels/two_state_cell.py" in capsys.readouterr().out
    assert "TwoStateCell:" in (tmp_path / "mymodels/conf/neuron/two_state_cell.yaml").read_text()
