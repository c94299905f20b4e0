"""Refusals and loading where this package is a guest: other programs' Hydra, threads, scripts, shells."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import spikesweep as ss
from spikesweep.api.commands import main
from spikesweep.errors import InputError

ROOT = Path(__file__).parents[2]


def run(*words, cwd, code, program=(), **env):
    """Run a program; return its standard output and error."""
    done = subprocess.run(
        [sys.executable, *map(str, program or (ROOT / "run.py",)), *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **env},
        timeout=600,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


def test_loading_inside_an_application_of_hydra(tmp_path):
    (tmp_path / "app.py").write_text(
        "import hydra, spikesweep as ss\n"
        "from hydra.core.hydra_config import HydraConfig\n"
        "@hydra.main(version_base=None, config_path=None)\n"
        "def app(cfg):\n"
        "    print(ss.load('neuron=lif').choices.neuron, HydraConfig.get().job.name)\n"
        "app()\n"
    )
    said, _ = run("hydra.run.dir=.", "hydra.output_subdir=null", program=["app.py"], cwd=tmp_path, code=0)
    assert said == "lif app\n"


def test_loading_behind_initialize_leaves_the_other_hydra_as_it_was(tmp_path):
    (tmp_path / "mine.yaml").write_text("a: 3\n")
    with initialize_config_dir(str(tmp_path), version_base="1.2"):
        theirs = GlobalHydra.instance()
        assert ss.load("neuron=lif").choices.neuron == "lif"
        with pytest.raises(InputError, match="there is no neuron/nope"):
            ss.load("neuron=nope")
        assert GlobalHydra.instance() is theirs
        assert compose("mine").a == 3


def test_loading_in_several_threads():
    neurons = ["lif", "adexp", "eif"] * 8
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda name: ss.load(f"neuron={name}").choices.neuron, neurons)]
    assert found == neurons


def test_a_second_call_in_one_process_refuses_as_the_first(capsys, monkeypatch):
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    typed = sys.argv[:]
    for words in (["neuron=nope"], ["-m", "neuron=nope"], ["protocol.dt=-1"], ["-m", "name=a,b"]):
        with pytest.raises(SystemExit) as stop:
            main(["run", *words])
        assert stop.value.code == 2
        assert re.fullmatch(r"refused: .*\n", capsys.readouterr().err)
        assert "HYDRA_FULL_ERROR" not in os.environ
        assert sys.argv == typed


def test_python_says_the_words_of_the_command_line(capsys):
    for word in ("neuron=nope", "protocol.dt=-1", "grid.fe=[", "points=~nobody/a.csv", "exclude=fe ** 2 > 3"):
        with pytest.raises(InputError) as refusal:
            ss.run(ss.load(word))
        with pytest.raises(SystemExit):
            main(["run", word])
        assert capsys.readouterr().err == f"refused: {refusal.value}\n"


def test_a_script_without_a_guard_is_refused_before_workers_start(tmp_path):
    lines = ["import spikesweep as ss", "cfg = ss.load('compute=processes')", "ss.run(cfg)"]
    caught = [*lines[:2], "try:", "    ss.run(cfg)", "except ss.InputError as e:", "    print(e)"]
    (tmp_path / "script.py").write_text("\n".join(caught))
    said, _ = run(program=["script.py"], cwd=tmp_path, code=0)
    assert "compute=processes is refused: each worker would run" in said
    assert "script.py again, line 4 too" in said
    assert [p.name for p in tmp_path.iterdir()] == ["script.py"]


def test_a_guarded_script_is_not(tmp_path):
    words = "'compute=processes', 'plan=true'"
    (tmp_path / "script.py").write_text(
        "import spikesweep as ss\nfrom spikesweep.sweep.job import make_job\n"
        f"def go():\n    make_job(ss.load({words}))[1].check()\n"
        "if __name__ == '__main__':\n    go()\n    print('checked')\n"
    )
    assert run(program=["script.py"], cwd=tmp_path, code=0)[0] == "checked\n"


@pytest.mark.slow
def test_a_home_that_cannot_be_written_stops_nothing(tmp_path):
    words = ("grid.fe=4", "grid.fi=4", "grid.seed=0", "protocol.duration=10", "compute=serial")
    run(*words, cwd=tmp_path, code=0, HOME="/dev/null/nowhere", XDG_CACHE_HOME="", XDG_CONFIG_HOME="")
    assert (tmp_path / "outputs").is_dir()


@pytest.mark.parametrize("command", ["-m spikesweep --help", "run.py --help", "-m spikesweep ls conf"])
def test_whoever_stops_reading_gets_no_traceback(command):
    line = f"set -o pipefail; {sys.executable} -u {command} | head -c 1 >/dev/null"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert done.returncode in (0, 141)  # it may have said all before
    assert done.stderr == ""


def test_the_table_of_exit_codes_is_true(tmp_path):
    codes = set(re.findall(r"^\| (\d+) ", (ROOT / "docs" / "exit_codes.md").read_text(), re.MULTILINE))
    assert codes == {"0", "1", "2", "3", "130", "141", "143"}
    run("protocol.dt=-1", cwd=tmp_path, code=2)
    run("nope", program=["-m", "spikesweep"], cwd=tmp_path, code=2)
    run("check", "nowhere", program=["-m", "spikesweep"], cwd=tmp_path, code=2)
    run("--version", program=["-m", "spikesweep"], cwd=tmp_path, code=0)
    run("--help", program=["-m", "spikesweep.fit"], cwd=tmp_path, code=0)
