"""One command line for all commands: words, help, exit codes, and what a command imports."""

import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

from spikesweep.api import commands, store_commands

RUN = Path(__file__).parents[2] / "run.py"
COMMANDS = ("run", "fit", "new", "job", "ls", "show", "check", "diff", "verify", "replay", "view")


def called(*command, code=0):
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, timeout=900)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def ended(*words):
    with pytest.raises(SystemExit) as end:
        commands.main(list(words))
    return end.value.code


def test_help_lists_every_command_and_each_has_its_own(capsys):
    assert ended("--help") == 0
    said = capsys.readouterr().out
    assert all(f"\n    {name} " in said for name in COMMANDS)
    for name in COMMANDS[2:]:
        assert ended(name, "--help") == 0
        assert f"usage: spikesweep {name}" in capsys.readouterr().out
    assert ended("fit", "--help") == 0
    assert "transfer function in one command" in capsys.readouterr().out


def test_run_is_run_py():
    shown = ("--cfg", "job", "neuron=lif", "grid.fe=0,5")
    texts = [called(*command, *shown) for command in ((RUN,), ("-m", "spikesweep", "run"))]
    assert texts[0] == texts[1]
    assert "LIF:" in texts[0]
    helps = [called(*command, "--help") for command in ((RUN,), ("-m", "spikesweep", "run"))]
    assert helps[0].split("== Options ==")[0] == helps[1].split("== Options ==")[0]
    assert "neuron: adexp, " in helps[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "neuron=izh"), "refused: neuron=izh is refused: there is no neuron/izh"),
        (("run", "-m", "neuron=izh"), "refused: neuron=izh is refused: there is no neuron/izh"),
        (("run", "grid.fe=[1"), "refused: "),
        (("run", "protocol.duraton=3"), "did you mean 'duration'"),
        (("run", "nothing=1"), "refused: nothing=1: nothing is not known"),
        (("run", "-cd", "nowhere"), "refused: --config-dir nowhere is no folder"),
        (("run", "-cp", "conf"), "refused: --config-path conf is refused; allowed: --config-dir"),
        (("run", "--nothing"), "unrecognized arguments"),
        (("fit", "neuron=izh"), "refused: neuron=izh is refused: there is no neuron/izh"),
        (("fit", "-m"), "refused: "),
        (("verify", "nowhere.zarr"), "refused: nowhere.zarr does not exist"),
        (("verify", "nowhere.zarr", "fe=3"), "refused: fe=3 is refused; allowed: models=FOLDER"),
        (("nothing",), "invalid choice: 'nothing'"),
        ((), "required: command"),
    ],
)
def test_every_refusal_ends_with_2(words, message):
    assert message in called("-m", "spikesweep", *words, code=2)


def test_what_stops_a_command_has_its_code(monkeypatch, capsys):
    def raising(error):
        def command(parsed):
            raise error

        return command

    for error, code, said in (
        (KeyboardInterrupt(), 130, "stopped"),
        (OSError(28, "No space left on device"), 1, "stopped: [Errno 28] No space"),
    ):
        monkeypatch.setattr(store_commands, "ls", raising(error))
        assert ended("ls") == code
        assert said in capsys.readouterr().err


def test_the_version_and_the_installed_command(capsys):
    assert ended("--version") == 0
    assert capsys.readouterr().out == f"spikesweep {version('spikesweep')}\n"
    (script,) = [e for e in entry_points(group="console_scripts") if e.name == "spikesweep"]
    assert script.load() is commands.main


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (("ls", "."), ("numba", "hydra", "omegaconf", "scipy", "matplotlib", "distributed")),
        (("run", "--help"), ("numba", "zarr", "xarray", "scipy", "matplotlib", "distributed")),
        (("--help",), ("numba", "zarr", "xarray", "scipy", "hydra", "numpy", "rich")),
    ],
)
def test_a_command_imports_what_it_needs(words, absent, tmp_path):
    code = f"""
import sys
from spikesweep.api.commands import main
try:
    main({list(words)!r})
except SystemExit:
    print("loaded", *(m for m in {absent!r} if m in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "loaded", done.stdout + done.stderr
