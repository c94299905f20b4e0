"""What code a store is of: earlier landings go on, edits of anybody's code do not, workers run the same."""

import dataclasses
import json
import os
import pickle
import re
import subprocess
import sys

import pytest
from omegaconf import open_dict

import spikesweep as ss
from spikesweep import models, protocols
from spikesweep.api.new import write
from spikesweep.config import compose
from spikesweep.config.build import target_class, with_defaults
from spikesweep.errors import InputError
from spikesweep.sweep.fingerprint import code_now, fingerprint, landings, pinned, todays, without_landed
from spikesweep.sweep.job import make_job
from spikesweep.sweep.swept import Parameters

SMALL = ("grid.fi=[2]", "grid.seed=[0]", "protocol.duration=100.0", "outputs=outputs")


def spikesweep(cwd, *words, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "spikesweep", *words], capture_output=True, text=True, cwd=cwd, timeout=900
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def as_of_the_first_landing(store, wrong=None):
    """Give a store the names and hashes that it would have from before files were moved."""
    file = store / "zarr.json"
    described = json.loads(file.read_text())
    attrs = described["attributes"]
    attrs["configuration"] = (
        attrs["configuration"]
        .replace("spikesweep.models.AdExp", "spikesweep.neurons.AdExp")
        .replace("spikesweep.models.RandomNetwork", "spikesweep.networks.RandomNetwork")
        .replace("spikesweep.models.Exponential", "spikesweep.inputs.Exponential")
    )
    code = {**next(iter(landings().values())), **(wrong or {})}
    attrs["code"] = json.dumps({m: h for m, h in code.items() if m.startswith("spikesweep.neurons.")})
    file.write_text(json.dumps(described))


def as_of_the_last_landing(store):
    """Give a store the hashes that it would have from then."""
    file = store / "zarr.json"
    described = json.loads(file.read_text())
    (*_, landing) = landings().values()
    code = json.loads(described["attributes"]["code"])
    kept = {m: landing.get(m, h) for m, h in code.items() if m in landing or not m.startswith("spikesweep.")}
    described["attributes"]["code"] = json.dumps(kept)
    file.write_text(json.dumps(described))


@pytest.fixture
def old(small, tmp_path):
    ss.run(small("grid.seed=[0]"))
    return tmp_path / "transfer_function" / "adexp-fs_rs.zarr"


@pytest.mark.parametrize("as_of", [as_of_the_first_landing, as_of_the_last_landing])
def test_a_store_of_a_landing_goes_on(old, small, as_of):
    before = ss.open(old).load()
    as_of(old)
    ds = ss.run(small("grid.seed=[0,1]")).load()
    assert (ds.status == 1).all()
    assert (ds.rate.sel(seed=0) == before.rate.sel(seed=0)).all()
    assert ss.replay(old, fe=12, fi=2, seed=1, population="RS").sizes["spike"] > 0
    assert "0 came out otherwise" in spikesweep(old.parent, "verify", str(old))


def test_a_store_of_before_a_field_goes_on_while_it_has_its_default(tmp_path):
    words = ("protocol=fi_curve", "protocol.duration=20.0", "compute=serial", f"outputs={tmp_path}")
    cfg = ss.load(*words, "grid.i_ext=[100.0]")
    with open_dict(cfg):
        del cfg.protocol["record_spikes"]
    ss.run(cfg)
    path = tmp_path / "fi_curve" / "adexp-fs_rs.zarr"
    assert "record_spikes" not in ss.open(path).sweep.configuration["protocol"]
    ds = ss.run(ss.load(*words, "grid.i_ext=[100.0,300.0]")).load()
    assert (ds.status == 1).all()
    job = make_job(ss.load(*words, "grid.i_ext=[100.0]", "protocol.record_spikes=true"))[0]
    assert "protocol.record_spikes: False there, True here" in job.beside


def test_what_a_configuration_of_before_lacks_has_its_default(any_protocol):
    node = compose.plain(ss.load(f"protocol={any_protocol}"))["protocol"]
    fields = dataclasses.fields(target_class(node["_target_"], "protocol"))
    defaults = {f.name: f.default for f in fields if f.default is not dataclasses.MISSING}
    found = with_defaults({key: value for key, value in node.items() if key not in defaults})
    lists = {key: list(value) if isinstance(value, tuple) else value for key, value in defaults.items()}
    assert found == {key: value for key, value in node.items() if key not in defaults} | lists


def test_a_store_of_other_old_code_does_not(old, small):
    as_of_the_first_landing(old, {"spikesweep.neurons.adexp": "0123456789abcdef"})
    with pytest.raises(
        InputError, match=r"code of spikesweep.neurons.adexp: 0123456789abcdef there, nothing"
    ):
        ss.run(small("grid.seed=[0,1]"))


def decisive_modules():
    """Return the modules of this package that results of any protocol depend on."""
    classes = [getattr(protocols, name) for name in protocols.__all__]
    parts = [getattr(models, name) for name in models.__all__]
    return sorted(fingerprint([Parameters, *classes, *parts]))


def test_old_names_are_the_same_names():
    old = {"x": [{"_target_": "spikesweep.neurons.adexp.AdExp", "C_m": 1.0}], "y": "spikesweep.neurons.AdExp"}
    assert todays(old) == {
        "x": [{"_target_": "spikesweep.models.AdExp", "C_m": 1.0}],
        "y": "spikesweep.neurons.AdExp",
    }
    code = {"spikesweep.neurons.adexp": next(iter(landings().values()))["spikesweep.neurons.adexp"]}
    today = {"spikesweep.models.neurons.adexp": pinned()["spikesweep.models.neurons.adexp"]}
    assert without_landed(code, today) == ({}, {})


def test_a_store_of_a_landing_does_not_go_on_with_edited_code():
    code = {"spikesweep.neurons.adexp": next(iter(landings().values()))["spikesweep.neurons.adexp"]}
    edited = {"spikesweep.models.neurons.adexp": "0123456789abcdef"}
    assert without_landed(code, edited) == (code, edited)


def test_code_of_others_goes_on_with_a_landing_while_it_is_the_same():
    code = {"spikesweep.neurons.adexp": next(iter(landings().values()))["spikesweep.neurons.adexp"]}
    today = {"spikesweep.models.neurons.adexp": pinned()["spikesweep.models.neurons.adexp"]}
    mine = [{"mymodels.qif": h} for h in "01"]
    same = without_landed({**code, **mine[0]}, {**today, **mine[0]})
    assert same[0] == same[1] == mine[0]
    assert without_landed({**code, **mine[0]}, {**today, **mine[1]}) == (mine[0], mine[1])


def test_a_store_of_a_users_function_goes_on_after_a_landing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sim.py").write_text("def f(x: float):\n    return 2.0 * x\n")
    words = ("function=sim.py:f", "compute=serial", f"outputs={tmp_path}")
    ss.run(ss.load(*words, "grid.x=[1]"))
    as_of_the_last_landing(tmp_path / "function" / "f.zarr")
    assert ss.run(ss.load(*words, "grid.x=[1,3]")).f.values.tolist() == [2.0, 6.0]
    (tmp_path / "sim.py").write_text("def f(x: float):\n    return 3.0 * x\n")
    done = subprocess.run(
        [sys.executable, "-m", "spikesweep", "run", *words, "grid.x=[1,3,4]"],
        capture_output=True, text=True, timeout=900, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert re.search(r"by other code: code of \S+\.sim: \w+ there, \w+ here; allowed", done.stderr)


def test_the_pinned_code_is_that_of_today():
    """Whoever changes what decides results says that they are the same, or takes the landings out."""
    now = code_now()
    other = [name for name in decisive_modules() if pinned().get(name) != now[name]]
    assert not other, (
        f"{other} changed. If the reference tests pass: python -m spikesweep.sweep.fingerprint pin. "
        "If results changed: take the landings out of landed.json, and say so in CHANGELOG"
    )


def test_layout_and_comments_are_no_edit_and_places_that_only_refuse_do_not_count():
    from spikesweep.models import LIF
    from spikesweep.sweep.fingerprint import hash_of

    text = b'"""One."""\ndef f(x):\n    """Two."""\n    return x + 1\n'
    assert hash_of(text) == hash_of(b"# other\ndef f( x ):\n    return (x\n      + 1)\n")
    assert hash_of(text) != hash_of(text.replace(b"1", b"2"))
    found = fingerprint([LIF])
    assert "spikesweep.kernels.compile.jit" in found
    assert not {"spikesweep.kernels.compile.cache", "spikesweep.trust", "spikesweep.errors"} & set(found)


def test_names_of_a_lazy_package_are_followed_to_their_files(tmp_path):
    from spikesweep.sources import closure

    found = closure({"spikesweep.models.neurons.lif"})
    assert "spikesweep.models.neurons.adexp" not in found
    write("network", "Column", tmp_path / "lazy_models")
    ss.load(f"models={tmp_path / 'lazy_models'}")
    assert "spikesweep.models.networks.spiking" in closure({"lazy_models.column"})


QIF = ("neuron=qif", "network.populations=[QIF]", *SMALL)


@pytest.mark.slow
def test_an_edit_of_a_models_code_is_refused_by_its_name(tmp_path):
    write("neuron", "QIF", tmp_path / "mine")
    model, part = tmp_path / "mine" / "qif.py", tmp_path / "mine" / "part.py"
    part.write_text("GAIN = 1.0\n")
    model.write_text(model.read_text().replace("import numpy", "from .part import GAIN\nimport numpy", 1))
    words = ("run", "models=./mine", *QIF, "compute=serial")
    assert "1 point computed" in spikesweep(tmp_path, *words, "grid.fe=[8]")
    part.write_text("GAIN = 1.0  # nothing changes\n")
    assert "1 point computed" in spikesweep(tmp_path, *words, "grid.fe=[8,9]")
    part.write_text("GAIN = 2.0\n")
    said = spikesweep(tmp_path, *words, "grid.fe=[8,9,10]", code=2)
    assert "code of mine.part: " in said
    assert "code of mine.qif" not in said
    store = "outputs/transfer_function/qif-fs_rs.zarr"
    assert "mine.part is not what was run" in spikesweep(tmp_path, "verify", store, "models=./mine")
    models = ss.open(tmp_path / store).attrs["models"]
    assert sorted(json.loads(models)) == ["mine.part", "mine.qif"]
    assert json.loads(models)["mine.part"]["source"] == "GAIN = 1.0\n"


DEADLY = """
    def coefficients(self, clock: Clock) -> Coefficients:
        import os, signal
        if np.any(np.asarray(self.C_m) == 13.0):
            os.kill(os.getpid(), signal.SIGKILL)
        return self._coefficients(clock)

    def _coefficients(self, clock: Clock) -> Coefficients:
"""


@pytest.mark.slow
def test_processes_run_models_also_alone(tmp_path):
    """Workers, and the processes that take over from a dead one, read the folder's classes."""
    write("neuron", "QIF", tmp_path / "deep" / "mine")
    model = tmp_path / "deep" / "mine" / "qif.py"
    text = model.read_text().replace("\n    def coefficients(self, clock: Clock) -> Coefficients:\n", DEADLY)
    model.write_text(text)
    words = ("run", "-m", "models=./deep/mine", *QIF, "grid.fe=[8]", "neuron.QIF.C_m=13,100")
    more = ("compute=processes", "compute.workers=1", "compute.block_points=1")
    said = spikesweep(tmp_path, *words, *more, code=3)
    assert "SIGKILL" in said
    ds = ss.open(tmp_path / "outputs" / "transfer_function" / "qif-fs_rs.zarr").load()
    assert ds.status.sel(C_m=[100, 13]).values.ravel().tolist() == [1, 3]


READ = """
import pickle, sys
try:
    job = pickle.load(open(sys.argv[1], "rb"))
    print(type(job.network.cells["QIF"]).__module__)
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_worker_refuses_other_code_than_the_drivers(tmp_path):
    from spikesweep.sweep.job import make_job

    write("neuron", "QIF", tmp_path / "sent_models")
    words = (f"models={tmp_path / 'sent_models'}", *QIF, "grid.fe=[8]", f"outputs={tmp_path}")
    (tmp_path / "job").write_bytes(pickle.dumps(make_job(ss.load(*words))[0]))

    def read():
        command = [sys.executable, "-c", READ, str(tmp_path / "job")]
        return subprocess.run(command, capture_output=True, text=True, cwd=os.sep, check=True).stdout

    assert read() == "sent_models.qif\n"
    model = tmp_path / "sent_models" / "qif.py"
    model.write_text(model.read_text() + "\n")
    assert "qif.py was edited while a sweep runs" in read()
