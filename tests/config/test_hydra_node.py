"""Of Hydra's own node a configuration sets nothing that names a class or a place, and no option is a path."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.config import application
from spikesweep.config.compose import plain
from spikesweep.config.options import OPTIONS, Options
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

RUN = Path(__file__).parents[2] / "run.py"
#: What a hostile class or function would be told: where it leaves a trace.
CALLS = {
    "pickle": "{_target_: numpy.load, file: evil.npy, allow_pickle: true}",
    "pandas": "{_target_: pandas.read_pickle, filepath_or_buffer: evil.npy}",
    "spawn": "{_target_: setuptools._distutils.spawn.spawn, cmd: [touch, executed]}",
    "write": "{_target_: pathlib.Path.touch, self: {_target_: pathlib.Path, _args_: [executed]}}",
}


class Touches:
    def __reduce__(self):
        return os.mknod, ("executed",)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return a working directory with a pickle in it that leaves a file when it is loaded."""
    monkeypatch.chdir(tmp_path)
    np.save("evil.npy", np.array([Touches()], object), allow_pickle=True)
    (tmp_path / "sweeps").mkdir()
    return tmp_path


@pytest.fixture
def runs(here, monkeypatch):
    """Return a function that runs words as the command line does, and that fails where one gets through."""
    monkeypatch.setattr(sys, "argv", ["run.py"])

    def refused(*words):
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
        before = sorted(here.rglob("*"))
        try:
            application.run(lambda cfg, choices: pytest.fail("a job was started"), words)
        except InputError as error:
            said = str(error)
        except SystemExit as stop:  # the sweeper has said it
            said = f"exit code {stop.code}"
            assert said == "exit code 2"
        else:
            pytest.fail(f"{words} was not refused")
        assert sorted(here.rglob("*")) == before
        return said

    return refused


def recorded(folder, text, more=()):
    (folder / "sweeps" / "mine.yaml").write_text(f"defaults: [config, _self_]\n{text}\n")
    for name, content in dict(more).items():
        file = folder / "sweeps" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return "-cd", "sweeps", "-cn", "mine"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("mode", [(), ("-m",)])
def test_no_callback_is_called(call, mode, runs, here):
    word = f"+hydra.callbacks.x={CALLS[call].replace(': ', ':').replace(', ', ',')}"
    assert "hydra.callbacks.x is Hydra's own; allowed: hydra.mode, hydra.sweeper.params" in runs(*mode, word)
    said = runs(*mode, *recorded(here, f"hydra: {{callbacks: {{x: {CALLS[call]}}}}}"))
    assert "hydra.callbacks = " in said


@pytest.mark.parametrize(
    "word",
    [
        "hydra.launcher._target_=os.system",
        "+hydra.launcher.x={_target_:numpy.load}",
        "hydra/launcher=basic",
        "hydra/sweeper=basic",
        "hydra/job_logging=default",
        "+hydra/callbacks=x",
        "hydra.sweeper._target_=os.system",
        "++hydra.sweeper.zips.x=[['neuron=adexp']]",
        "hydra.searchpath=[pkg://antigravity]",
        "hydra.searchpath=[file:///etc]",
        "+hydra.job.env_set.PATH=/tmp",
        "++hydra.job.env_set={GIT_CONFIG_COUNT:1}",
        "hydra.job.env_copy=[HOME]",
        "hydra.job.chdir=true",
        "hydra.job.name=../x",
        "hydra.run.dir=/tmp/elsewhere",
        "hydra.sweep.dir=/tmp/elsewhere",
        "hydra.sweep.subdir=../..",
        "hydra.output_subdir=.hydra",
        "+hydra.job_logging.handlers={x:{class:logging.FileHandler,filename:run.py}}",
        "+hydra.hydra_logging.root={level:DEBUG}",
        "hydra.verbose=true",
        "hydra.help.template=x",
        "hydra.overrides.hydra=['hydra.job.chdir=true']",
        "hydra.runtime.choices.neuron=../../x",
        "hydra=basic",
        "~hydra.output_subdir",
        "+neuron@hydra.callbacks=adexp",
        "+neuron@_global_.hydra.callbacks=adexp",
    ],
)
def test_a_word_sets_nothing_of_hydras_own(word, runs):
    assert "is Hydra's own; allowed: " in runs(word)
    assert "is Hydra's own; allowed: " in runs("-m", word)
    with pytest.raises(InputError, match="is Hydra's own"):
        ss.load(word)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("hydra: {run: {dir: elsewhere}}", "hydra.run.dir"),
        ("hydra: {sweep: {dir: elsewhere}}", "hydra.sweep.dir"),
        ("hydra: {sweep: {subdir: '${now:%Y}'}}", "hydra.sweep.subdir"),
        ("hydra: {output_subdir: .hydra}", "hydra.output_subdir"),
        ("hydra: {job: {env_set: {PATH: /tmp}}}", "hydra.job.env_set"),
        ("hydra: {job: {env_copy: [HOME]}}", "hydra.job.env_"),
        ("hydra: {job: {chdir: true}}", "hydra.job.chdir"),
        ("hydra: {job: '${zip}'}\nzip: {env_set: {PATH: x}}", "ValidationError"),
        ("hydra: {launcher: '${zip}'}\nzip: {_target_: os.system}", "ValidationError"),
        ("hydra: {launcher: {_target_: os.system}}", "hydra.launcher._target_"),
        ("hydra: {launcher: {more: {_target_: numpy.load}}}", "more"),
        ("hydra: {sweeper: {more: {_target_: numpy.load}}}", "more"),
        ("hydra: {sweeper: {params: {x: {_target_: numpy.load, file: evil.npy}}}}", "hydra.sweeper.params.x"),
        ("hydra: {sweeper: {params: {_target_: numpy.load}}}", "hydra.sweeper.params._target_"),
        ("hydra: {sweeper: {params: {x: [{_target_: numpy.load}]}}}", "hydra.sweeper.params.x"),
        ("hydra: {sweeper: {params: {x: '${zip}'}}}\nzip: {_target_: numpy.load}", "hydra.sweeper.params.x"),
        ("hydra: {sweeper: {zips: {x: [[{_target_: numpy.load}]]}}}", "hydra.sweeper.zips.x"),
        ("hydra: {overrides: {hydra: [hydra.job.chdir=true]}}", "hydra.overrides"),
        ("hydra: {overrides: {task: [neuron=lif]}}", "hydra.overrides"),
        ("hydra: {verbose: true}", "hydra.verbose"),
        ("hydra: {env: {x: 1}}", "hydra.env"),
        ("hydra: {hydra_logging: {version: 1, root: {handlers: [x]}}}", "hydra.hydra_logging"),
        ("hydra: {searchpath: ['pkg://antigravity']}", "hydra.searchpath"),
        ("hydra: '${zip}'\nzip: {searchpath: ['pkg://antigravity']}", "hydra.searchpath"),
    ],
)
@pytest.mark.parametrize("mode", [(), ("-m",)])
def test_a_yaml_sets_nothing_of_hydras_own(text, key, mode, runs, here):
    assert key in runs(*mode, *recorded(here, text))
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("neuron=evil",)),
        ("", ("-m", "neuron=evil")),
        ("hydra: {mode: MULTIRUN, sweeper: {params: {neuron: evil}}}", ()),
        ("hydra: {mode: MULTIRUN, sweeper: {params: {neuron: 'adexp,evil'}}}", ()),
        ("hydra: {mode: MULTIRUN, sweeper: {params: {'hydra.job.env_set.PATH': x}}}", ()),
        ("hydra: {mode: MULTIRUN, sweeper: {params: {'+neuron@hydra.callbacks': adexp}}}", ()),
        ("hydra: {mode: MULTIRUN, sweeper: {zips: {x: [['hydra.job.chdir=true']]}}}", ()),
    ],
)
def test_no_option_and_no_job_of_a_sweep_does_either(text, words, runs, here):
    evil = "# @package _global_\nhydra: {job: {env_set: {PATH: x}}}\nname: x\n"
    runs(*recorded(here, text, {"neuron/evil.yaml": evil}), *words)


@pytest.mark.parametrize("group", ["neuron", "network", "protocol", "grid", "compute"])
@pytest.mark.parametrize(
    "option", ["../../x", "..", "./adexp", "PATH/x", "..\\\\x", "'..%2f..%2fx'", "sub/../../x"]
)
def test_no_option_is_a_path(group, option, runs, here):
    (here / "x.yaml").write_text("x: 1\n")
    option = option.replace("PATH", str(here))
    runs(f"{group}={option}", f"outputs={here}/outputs")
    runs("-m", f"{group}={option},{option}x")
    with pytest.raises(InputError):
        make_job(ss.load(f"{group}={option}", f"outputs={here}/outputs"))


@pytest.mark.parametrize(
    ("defaults", "message"),
    [
        ("[config, {override neuron: ../../x}, _self_]", "neuron = '../../x' is refused; allowed: the name"),
        ("[config, ../../x, _self_]", "is refused; allowed: the name of an option, no path"),
        (
            "[config, {override protocol: ../protocol/fi_curve}]",
            "protocol = '../protocol/fi_curve' is refused",
        ),
    ],
)
def test_no_yaml_names_files_of_elsewhere(defaults, message, runs, here):
    (here / "sweeps" / "mine.yaml").write_text(f"defaults: {defaults}\n")
    assert message in runs("-cd", "sweeps", "-cn", "mine")


def test_choices_that_a_yaml_makes_up_place_no_store(here):
    values = plain(ss.load())
    options = Options.of({name: values[name] for name in OPTIONS})
    for option in ("../../x", "/tmp/x", "a/../../../x"):
        with pytest.raises(InputError, match="the name of an option, no path"):
            options.store_path({"neuron": option, "network": "fs_rs", "protocol": "p"})


@pytest.mark.parametrize(
    "words",
    [
        ("-cn", "../x"),
        ("-cp", "/tmp"),
        ("--experimental-rerun", "x.pickle"),
        ("--exp", "x"),
        ("-cd", "absent"),
    ],
)
def test_no_option_of_the_command_line_names_what_is_run(words, runs):
    assert "refused" in runs(*words) or "is no folder" in runs(*words)


def test_what_is_refused_is_one_line_and_code_2(here):
    words = recorded(here, f"hydra: {{callbacks: {{x: {CALLS['write']}}}}}")
    command = [sys.executable, str(RUN), *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=here, timeout=900)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("refused: hydra.callbacks = {'x': ")
    assert done.stderr.count("\n") == 1
    assert not (here / "executed").exists()


def test_mode_and_swept_words_stay_allowed(here, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["run.py"])
    seen = []

    def task(cfg, choices):
        seen.append((choices["neuron"], cfg.name))

    text = "hydra: {mode: MULTIRUN, sweeper: {params: {neuron: 'adexp,lif', network.populations: '[RS]'}}}"
    with pytest.raises(SystemExit) as stop:  # LIF has no RS, which is said before the first job
        application.run(task, recorded(here, text))
    assert stop.value.code == 2
    text = "hydra: {mode: MULTIRUN, sweeper: {params: {neuron: adexp}}}\nname: mine"
    application.run(task, recorded(here, text))
    application.run(task, ("hydra.mode=RUN", "neuron=lif"))
    assert seen == [("adexp", "mine"), ("lif", None)]
