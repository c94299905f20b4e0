"""Nothing is refused because of what was tried before: sweeps stand side by side, found by what they hold."""

import shutil

import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.api.commands import main
from spikesweep.errors import InputError
from spikesweep.grid.schema import MISSING
from spikesweep.protocols import TransferFunction
from spikesweep.store import Store
from spikesweep.sweep import identity
from spikesweep.sweep.job import make_job

#: Words, and the name of the store that they have where all others were run before.
TRIED = (
    ((), "adexp-fs_rs"),
    (("neuron.RS.b=40.0",), "adexp-fs_rs-b_40"),
    (("network.exc.weight=1.5", "neuron.FS.V_th=-51.0"), "adexp-fs_rs-weight_1.5-V_th_-51"),
    (("neuron.RS.b=1", "neuron.RS.a=1", "neuron.RS.V_th=-49"), "adexp-fs_rs-2"),
    (("cells=zip(neuron.RS.a=[0,4],neuron.RS.b=[0,20])",), "adexp-fs_rs-cells"),
    (("sample.num=2", "grid.neuron.RS.b={low:0,high:80}"), "adexp-fs_rs-sample"),
    (('exclude=["fe == 0 and fi == 2"]',), "adexp-fs_rs-excluded"),
    (("network.populations=[RS]",), "adexp-fs_rs-populations_RS"),
)
FEW = ("grid.fe=[0,6]", "grid.seed=[0]", "grid.pop_size=[1]", "protocol.duration=50.0")


@pytest.mark.slow
def test_whatever_was_tried_before_the_same_words_have_the_same_store(small, tmp_path):
    folder = tmp_path / "transfer_function"
    first = {}
    for words, name in TRIED:
        first[name] = ss.run(small(*FEW, *words)).load()
        assert {p.stem for p in folder.glob("*.zarr")} == set(first)
    for words, name in reversed(TRIED):
        job = make_job(small(*FEW, *words))[0]
        assert (job.path.stem, job.beside) == (name, "")
        assert (Store(job.path).status() != MISSING).all()
        xr.testing.assert_identical(ss.run(small(*FEW, *words)).load(), first[name])
    # more of each is growth of its own store
    grown = ss.run(small(*FEW, "neuron.RS.b=40.0", "grid.fe=[0,6,9]"))
    assert grown.sizes["fe"] == 3
    assert Store(folder / "adexp-fs_rs.zarr").status().size == 4
    # the first one gone, others are still found, and its place is free
    shutil.rmtree(folder / "adexp-fs_rs.zarr")
    assert make_job(small(*FEW, "neuron.RS.b=40.0"))[0].path.stem == "adexp-fs_rs-b_40"
    assert make_job(small(*FEW, "neuron.RS.b=50.0"))[0].path.stem == "adexp-fs_rs"


def test_a_name_that_is_taken_gets_a_number(small):
    ss.run(small(*FEW))
    for folder in ("a", "b"):  # the last names of both keys are the same
        words = (*FEW, f"network.{'exc' if folder == 'a' else 'inh'}.tau_syn=3.0")
        path = make_job(small(*words))[0].path
        assert path.stem == ("adexp-fs_rs-tau_syn_3" if folder == "a" else "adexp-fs_rs-tau_syn_3-2")
        ss.run(small(*words))


def test_overwrite_starts_the_same_sweep_again_and_touches_no_other(small):
    default = ss.run(small(*FEW)).load()
    words = (*FEW, "neuron.RS.b=40.0")
    other = ss.run(small(*words)).load()
    made = make_job(small(*words))[0].path / "zarr.json"
    before = made.stat().st_ctime_ns
    again = ss.run(small(*words, "overwrite=true")).load()
    assert made.stat().st_ctime_ns > before
    xr.testing.assert_equal(again, other)
    xr.testing.assert_identical(ss.run(small(*FEW)).load(), default)


def test_the_same_sweep_by_other_code_is_refused_and_not_begun_anew_unasked(small, monkeypatch):
    ss.run(small(*FEW))
    words = (*FEW, "neuron.RS.b=40.0")
    ss.run(small(*words))
    real, other = identity.fingerprint, {"spikesweep.models.neurons.adexp": "x"}
    monkeypatch.setattr(identity, "fingerprint", lambda classes: {**real(classes), **other})
    with pytest.raises(InputError, match=r"b_40\.zarr holds this sweep by other code: code of spikesweep"):
        ss.run(small(*words))
    assert ss.run(small(*words, "overwrite=true")).sizes["fe"] == 2


def test_a_store_that_holds_nothing_is_nobodys(small, monkeypatch):
    """A mistake that failed at every point is mended, and begun anew in its place."""

    def fails(*_, **__):
        raise RuntimeError("a mistake")

    with monkeypatch.context() as patched:
        patched.setattr(TransferFunction, "__call__", fails)
        ss.run(small(*FEW, "neuron.RS.b=40.0"))
    job = make_job(small(*FEW, "neuron.RS.b=40.0"))[0]
    assert identity.holds_nothing(Store(job.path))
    assert make_job(small(*FEW))[0].path == job.path
    assert (ss.run(small(*FEW)).status == 1).all()
    assert make_job(small(*FEW, "neuron.RS.b=40.0"))[0].path != job.path


def test_a_mistake_of_the_user_is_told_whatever_is_stored(small):
    ss.run(small(*FEW, "neuron.RS.b=0,20"))
    for word, said in (("grid.fe=[]", "grid.fe"), ("neuron.RS.b=0,text", "text"), ("grid.x=1", "grid.x")):
        with pytest.raises(InputError, match=said):
            make_job(small(*FEW, word))


def test_ls_says_how_stores_of_one_name_differ(small, tmp_path, capsys):
    for words in ((), ("neuron.RS.b=40.0",)):
        ss.run(small(*FEW, *words))
    with pytest.raises(SystemExit):
        main(["ls", str(tmp_path)])
    beside, first = capsys.readouterr().out.splitlines()[-2:]
    assert "neuron=adexp neuron.RS.b=40.0" in beside
    assert "RS.b" not in first
