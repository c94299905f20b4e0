"""Models outside the repository: who may name them, how they are found, what is refused and how."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import spikesweep as ss
from spikesweep import folder_packages, trust
from spikesweep.api.new import write
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

ROOT = Path(__file__).parents[2]
SMALL = ("grid.fe=[8]", "grid.fi=[2]", "grid.seed=[0]", "protocol.duration=100.0", "compute=serial")


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a neuron, of a name that no other test uses."""
    place = tmp_path / f"m{abs(hash(str(tmp_path)))}"
    write("neuron", "QIF", place)
    return place


def spikesweep(cwd, *words, code=0, **env):
    """Return what a command says."""
    done = subprocess.run(
        [sys.executable, "-m", "spikesweep", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=900,
        env={**os.environ, "XDG_CONFIG_HOME": str(cwd / "nobody"), **env},
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def choice(folder):
    return (f"models={folder}", "neuron=qif", "network.populations=[QIF]")


def test_a_named_folder_is_a_package_and_its_options_are_found(folder):
    job, _, _ = make_job(ss.load(*choice(folder), *SMALL))
    cell = job.network.cells["QIF"]
    assert type(cell).__module__ == f"{folder.name}.qif"
    assert str(folder.parent) not in sys.path
    with pytest.raises(InputError, match=r"no neuron/qiff.*, qif,"):
        ss.load(f"models={folder}", "neuron=qiff")
    with pytest.raises(InputError, match="did you mean 'g_L'"):
        make_job(ss.load(*choice(folder), "neuron.QIF.g_l=3"))


def test_help_and_completion_know_the_options(folder, tmp_path):
    listed = re.search(r"neuron: (.*)", spikesweep(tmp_path, "run", f"models={folder}", "--help"))
    assert listed
    assert "qif" in listed[1].split(", ")
    line = f"run.py models={folder} neuron=qi"
    assert "neuron=qif" in spikesweep(
        tmp_path, "run", "-sc", "query=bash", COMP_LINE=line, COMP_POINT=str(len(line))
    )


def test_several_folders(folder, tmp_path):
    other = tmp_path / "other_models"
    write("network", "Column", other)
    cfg = ss.load(f"models=[{folder},{other}]", "neuron=qif", "network=column")
    assert cfg.network._target_ == "other_models.column.Column"
    again = tmp_path / "twice"
    write("neuron", "QIF", again)
    with pytest.raises(InputError, match=r"conf/neuron/qif.yaml is also one of"):
        ss.load(f"models={again}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("numpy", r"numpy is .*allowed: another name"),
        ("json", "json is a module of Python"),
        ("spikesweep", "spikesweep is "),
        ("my-models", "'my-models' is no name of a package"),
        ("1st", "no name of a package"),
        ("pytest", "pytest is "),
        ("__main__", "__main__ is .*allowed: another name"),
    ],
)
def test_a_folder_that_shadows_a_module_is_refused(tmp_path, name, message):
    (tmp_path / name / "conf").mkdir(parents=True)
    with pytest.raises(InputError, match=message):
        ss.load(f"models={tmp_path / name}")
    assert not folder_packages.FOLDERS


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("models=./nowhere", "there is no such folder"),
        ("models=", "allowed: models=FOLDER"),
        ("models=a,b", r"allowed: models=FOLDER, models=\[FOLDER,FOLDER\]"),
        ("models=[a,]", "allowed: models=FOLDER"),
        ("+models=./a", r"\+models=./a is refused; allowed: models=FOLDER on the command line"),
        ("++models=./a", "is refused"),
    ],
)
def test_other_words_are_refused(word, message):
    with pytest.raises(InputError, match=message):
        ss.load(word)


def test_an_empty_folder_is_refused_and_one_without_conf_is_not(tmp_path):
    empty, plain = tmp_path / "empty_models", tmp_path / "plain_models"
    empty.mkdir()
    with pytest.raises(InputError, match="holds no Python files"):
        ss.load(f"models={empty}")
    plain.mkdir()
    (plain / "same.py").write_text("from spikesweep.models.neurons.lif import LIF as LIF\n")
    cfg = ss.load(f"models={plain}", "neuron=lif", "network.populations=[LIF]")
    cfg.neuron.LIF._target_ = "plain_models.same.LIF"  # defined in a trusted package: the object is looked at
    assert type(make_job(cfg)[0].network.cells["LIF"]).__module__ == "spikesweep.models.neurons.lif"


def test_one_name_is_one_folder_and_links_are_followed(folder, tmp_path):
    link = tmp_path / "elsewhere" / folder.name
    link.parent.mkdir()
    link.symlink_to(folder)
    ss.load(f"models={folder}")
    ss.load(f"models={link}")  # the same folder
    write("neuron", "Other", tmp_path / "third" / "x")
    (tmp_path / "third" / "x").rename(tmp_path / "third" / folder.name)
    with pytest.raises(InputError, match=r"in this process .* allowed: one folder a name"):
        ss.load(f"models={tmp_path / 'third' / folder.name}")


def test_classes_of_other_packages_stay_refused(folder):
    (folder / "leak.py").write_text("from pathlib import PurePath as Path\nfrom collections import Counter\n")
    cfg = ss.load(*choice(folder))
    for name in ("leak.Path", "leak.Counter", "leak.nothing", "nowhere.X"):
        cfg.neuron.QIF._target_ = f"{folder.name}.{name}"
        with pytest.raises(InputError, match="allowed: classes defined in spikesweep or"):
            make_job(cfg)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def broken(:\n", r"qif.py, line 1: invalid syntax"),
        ("x = 1\ny = undefined\n", r"qif.py, line 2: NameError: name 'undefined' is not defined"),
        ("import absent_module\n", r"qif.py, line 1: ModuleNotFoundError: No module named 'absent_module'"),
        ("x = '\0'\n", r"cannot be imported"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(folder, code, message):
    (folder / "qif.py").write_text(f"{code}class QIF: ...\n")
    with pytest.raises(InputError, match=message) as refusal:
        make_job(ss.load(*choice(folder)))
    assert "neuron.QIF._target_" in str(refusal.value)


def test_an_edit_in_a_running_process_is_refused(folder):
    make_job(ss.load(*choice(folder)))
    file = folder / "qif.py"
    file.write_text(file.read_text() + "\n# another line\n")
    with pytest.raises(InputError, match=r"qif.py was edited after this process imported it; allowed: a new"):
        ss.load(*choice(folder))


def recorded(tmp_path, text):
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "mine.yaml").write_text(
        f"# @package _global_\ndefaults: [config, _self_]\n{text}\n"
    )
    return ("run", "-cd", "sweeps", "-cn", "mine")


@pytest.mark.parametrize("more", [(), ("-m",)])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: ./FOLDER", "models = './FOLDER' in a YAML is refused"),
        ("hydra: {searchpath: ['file://PATH/conf']}", "hydra.searchpath = .* in a YAML is refused"),
    ],
)
def test_no_yaml_names_models(folder, tmp_path, text, message, more):
    text = text.replace("FOLDER", folder.name).replace("PATH", str(folder))
    message = message.replace("FOLDER", folder.name)
    said = spikesweep(tmp_path, *recorded(tmp_path, text), *more, *SMALL, code=2)
    assert re.search(message, said)
    assert "allowed: models=FOLDER on the command line" in said
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("callbacks: {x: {_target_: FOLDER.qif.QIF}}", "callbacks"),
        ("launcher: {_target_: FOLDER.qif.QIF}", r"launcher\._target_"),
        ("sweeper: {_target_: FOLDER.qif.QIF}", r"sweeper\._target_"),
        ("job_logging: {handlers: {x: {(): FOLDER.qif.QIF}}}", "job_logging"),
        ("job: {env_set: {PYTHONSTARTUP: x}}", r"job\.env_set"),
    ],
)
def test_no_yaml_lets_hydra_run_code(folder, tmp_path, text, key):
    (folder / "qif.py").write_text("raise SystemExit('imported')\n")
    words = recorded(tmp_path, f"hydra: {{{text.replace('FOLDER', folder.name)}}}")
    said = spikesweep(tmp_path, *words, *SMALL, code=2, PYTHONPATH=str(tmp_path))
    assert re.search(f"refused: hydra.{key} = .* in a YAML is refused", said)
    assert "imported" not in said


def test_no_swept_words_of_a_yaml_name_models(folder, tmp_path):
    words = recorded(tmp_path, f"hydra: {{sweeper: {{params: {{models: ./{folder.name}}}}}}}")
    assert "is refused; allowed: models=FOLDER" in spikesweep(tmp_path, *words, "-m", *SMALL, code=2)


@pytest.mark.slow
def test_a_recorded_sweep_may_use_what_the_command_line_names(folder, tmp_path):
    words = recorded(tmp_path, "network: {populations: [QIF]}")
    said = spikesweep(tmp_path, *words, f"models={folder}", "neuron=qif", *SMALL)
    assert "1 point computed" in said


def test_a_store_never_names_what_is_imported(folder, tmp_path):
    ss.run(ss.load(*choice(folder), *SMALL, f"outputs={tmp_path / 'outputs'}"))
    store = tmp_path / "outputs" / "transfer_function" / "qif-fs_rs.zarr"
    (folder / "qif.py").write_text("raise SystemExit('imported')\n")
    for command in (("verify", store), ("replay", store, "population=QIF")):
        said = spikesweep(tmp_path, *command, code=2, PYTHONPATH=str(tmp_path))
        assert f"those of {folder.name} with models=PATH/{folder.name}, its folder" in said
        assert "imported" not in said
    assert f'"{folder.name}.qif"' in spikesweep(tmp_path, "show", store, "--json")
    assert f"of your own: {folder.name}.qif" in spikesweep(tmp_path, "show", store)
    assert "dv = c.dt_per_C_m" in spikesweep(tmp_path, "show", store, "--sources")
    assert "neuron=qif" in spikesweep(tmp_path, "ls", tmp_path / "outputs")
    assert "whole" in spikesweep(tmp_path, "check", store)


@pytest.mark.slow
def test_a_point_is_replayed_with_the_models_that_are_named(folder, tmp_path):
    ss.run(ss.load(*choice(folder), *SMALL, f"outputs={tmp_path / 'outputs'}"))
    store = tmp_path / "outputs" / "transfer_function" / "qif-fs_rs.zarr"
    code = """
import sys, spikesweep as ss
for models in ((), [sys.argv[2]]):
    try:
        print(ss.replay(sys.argv[1], population="QIF", models=models).attrs["model"])
    except ss.InputError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(store), str(folder)], capture_output=True, text=True, check=True
    )
    refused, model = done.stdout.splitlines()
    assert f"with models=PATH/{folder.name}" in refused
    assert model == "QIF"


@pytest.mark.slow
def test_the_users_own_file_names_models(folder, tmp_path, monkeypatch):
    own = tmp_path / "work" / "spikesweep.toml"
    own.parent.mkdir()
    own.write_text(f'models = ["../{folder.name}"]\n')
    monkeypatch.chdir(own.parent)
    assert "QIF" in ss.load("neuron=qif").neuron
    said = spikesweep(own.parent, "run", "neuron=qif", "network.populations=[QIF]", *SMALL)
    assert "1 point computed" in said
    own.chmod(0o666)
    with pytest.raises(InputError, match="others can write to it; allowed: a file of your own"):
        ss.load("neuron=qif")
    own.chmod(0o600)
    monkeypatch.setattr(trust.os, "getuid", lambda: 12345)
    with pytest.raises(InputError, match="belongs to another user"):
        ss.load("neuron=qif")


def test_the_configuration_folder_names_models(folder, tmp_path):
    home = tmp_path / "config" / "spikesweep"
    home.mkdir(parents=True)
    (home / "spikesweep.toml").write_text(f'models = ["{folder}"]\n')
    said = spikesweep(tmp_path, "run", "--help", XDG_CONFIG_HOME=str(home.parent))
    assert ", qif," in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models = './a'", "a list of folders"),
        ("model = []", "model is not known; did you mean 'models'"),
        ("models = [", "cannot be read"),
        ("models = ['./absent']", "there is no such folder"),
    ],
)
def test_a_file_with_a_slip_is_refused(tmp_path, monkeypatch, text, message):
    (tmp_path / "spikesweep.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        ss.load()


@pytest.mark.slow
def test_installed_packages_are_found_by_their_entry_point(tmp_path):
    site = tmp_path / "site"
    package = site / "installed_models"
    write("neuron", "QIF", package)
    (package / "__init__.py").write_text('"""Models."""\n')
    info = site / "installed_models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: installed-models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[spikesweep.models]\nmine = installed_models\n")
    words = ("run", "neuron=qif", "network.populations=[QIF]", *SMALL)
    assert "1 point computed" in spikesweep(tmp_path, *words, PYTHONPATH=str(site))
    store = tmp_path / "outputs" / "transfer_function" / "qif-fs_rs.zarr"
    assert "installed_models.qif" in ss.open(store).attrs["models"]
    assert "1 point computed again, 0" in spikesweep(tmp_path, "verify", store, PYTHONPATH=str(site))
    (info / "entry_points.txt").unlink()
    assert "those of installed_models with" in spikesweep(
        tmp_path, "verify", store, PYTHONPATH=str(site), code=2
    )


def test_folders_without_init_and_relative_imports_work(folder):
    (folder / "parts").mkdir()
    (folder / "parts" / "scale.py").write_text("FACTOR = 2.0\n")
    (folder / "twice.py").write_text(
        "from typing import NamedTuple\n\nfrom . import parts\nfrom .parts.scale import FACTOR\n\n"
        "class Twice(NamedTuple):\n    x: float\n    f = FACTOR\n"
    )
    ss.load(f"models={folder}")
    from spikesweep.config.build import target_class
    from spikesweep.sweep.fingerprint import fingerprint

    found = fingerprint([target_class(f"{folder.name}.twice.Twice", "x")])
    assert set(found) == {f"{folder.name}.twice", f"{folder.name}.parts.scale"}


def test_no_file_of_a_folder_is_run_that_does_not_have_the_class(folder, tmp_path):
    """The name of a class may come from a store."""
    (folder / "script.py").write_text("open('ran', 'w').close()\n")
    words = (f"models={folder}", "neuron=qif", "network.populations=[QIF]")
    said = refused(tmp_path, *words, f"neuron.QIF._target_={folder.name}.script.Fac")
    assert f"there is no Fac in {folder.name}.script" in said
    assert not (tmp_path / "ran").exists()


def refused(cwd, *words):
    """Return what a run says that is refused."""
    command = [sys.executable, "-m", "spikesweep", "run", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=900)
    assert done.returncode == 2, done.stderr
    return done.stderr
