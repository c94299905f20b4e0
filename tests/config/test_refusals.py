"""Bad input is refused before anything is simulated: the key, the value, what is allowed."""

import subprocess
import sys
from pathlib import Path

import pytest

import spikesweep as ss
from spikesweep.config.build import build
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

RUN = Path(__file__).parents[2] / "run.py"


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        (
            "grid.pop_size.num=5",
            ("grid.pop_size.num=5", "grid.pop_size is a list here", "{start:0,stop:4,num:5}"),
        ),
        ("neuron=izh", ("neuron/izh", "adexp", "lif")),
        ("network=small", ("network/small", "fs_rs", "vogels_abbott")),
        ("network.populations=[LIF]", ("'LIF' is no cell of neuron=adexp", "RS, FS")),
        ("network.populations=[]", ("network.populations = []",)),
        ("network.populations=[RS,RS]", ("each cell once",)),
        ("network.populations=RS", ("network.populations = 'RS'", "a list")),
        ("neuron.RX.b=3", ("neuron.RX is no cell", "RS")),
        ("neuron.RS.tau=3", ("neuron.RS.tau is not known", "did you mean 'tau_w'")),
        ("neuron.RS.tau_w=-5", ("neuron.RS.tau_w = -5.0 ms", "more than 0")),
        ("neuron.RS.tau_w=0", ("neuron.RS.tau_w = 0.0 ms", "more than 0")),
        ("neuron.RS.C_m=nan", ("neuron.RS.C_m = nan", "a finite number")),
        ("neuron.RS.C_m=inf", ("neuron.RS.C_m = inf", "a finite number")),
        ("neuron.RS.C_m=true", ("neuron.RS.C_m = True", "a finite number")),
        ("neuron.RS.C_m=big", ("neuron.RS.C_m = 'big'", "a finite number")),
        ("~neuron.RS.C_m", ("neuron.RS.C_m is missing",)),
        ("network.exc.tau_syn=-1", ("network.exc.tau_syn = -1.0 ms", "more than 0")),
        ("network.p_connect=1.5", ("network.p_connect = 1.5", "at most 1")),
        ("network.N=0.5", ("network.N = 0.5", "a whole number")),
        ("protocol.dt=6", ("protocol.dt = 6.0 ms", "network.exc.tau_syn = 5 ms")),
        ("protocol.dt=0.3", ("protocol.dt = 0.3 ms does not divide neuron.RS.t_ref = 5.0 ms",)),
        ("protocol.dt=2.5", ("protocol.dt = 2.5 ms", "nS of synapses) of RS")),
        ("neuron.RS.V_reset=-30", ("neuron.RS: the potential after a spike, -30.0 mV", "below -40.0 mV")),
        ("neuron.RS.V_cut=-70", ("neuron.RS: the potential after a spike", "below -70.0 mV")),
        ("protocol.duration=1e-9", ("protocol.duration = 1e-09 ms is not a multiple",)),
        ("protocol.dt=-0.05", ("protocol.dt = -0.05 ms", "more than 0")),
        ("protocol.duration=0", ("protocol.duration = 0.0 ms", "more than 0")),
        ("protocol.duration=100.01", ("protocol.duration = 100.01 ms is not a multiple",)),
        ("protocol.discard=10000", ("protocol.discard = 10000.0 ms", "less than protocol.duration")),
        ("protocol.refractory=step", ("protocol.refractory = 'step'", "did you mean 'steps'")),
        ("protocol.root_seed=-1", ("protocol.root_seed = -1", "at least 0")),
        (f"protocol.root_seed={2**64}", ("protocol.root_seed = 18446744073709551616", "at most")),
        (f"protocol.duration={10**400}", ("protocol.duration = 1000", "a finite number")),
        (f"grid.fe=[{10**400}]", ("grid.fe holds 1000", "finite")),
        ("grid.fe={start:0,stop:1,num:1e13}", ("grid.fe.num = 10000000000000.0", "1 to 1,000,000")),
        ("retry=nonsense", ("retry = 'nonsense'", "failed, null")),
        ("protocol.duraton=3", ("protocol.duraton is not known", "did you mean 'duration'")),
        ("grid.fe=[]", ("grid.fe = []", "at least one value")),
        ("grid.fe=[1,1]", ("grid.fe holds [1] more than once",)),
        ("grid.fe=[-1]", ("grid.fe holds -1", "at least 0")),
        ("grid.pop_size=[0]", ("grid.pop_size holds 0", "at least 1")),
        ("grid.pop_size=[1.5]", ("grid.pop_size holds 1.5", "whole numbers")),
        ("grid.foo=[1]", ("grid.foo is not an axis", "fe, fi, seed, pop_size")),
        ("+typo=1", ("typo is not known",)),
        ("compute.workers=0", ("compute.workers = 0", "at least 1")),
        ("compute=fast", ("compute/fast", "serial", "threads")),
        ("name=../x", ("name = '../x'", "a folder name")),
        ("protocol._target_=os.system", ("protocol._target_ = 'os.system'", "classes defined in spikesweep")),
        ("neuron.RS._target_=spikesweep.store.os.system", ("neuron.RS._target_",)),
        ("neuron.RS._target_=spikesweep.store.Path", ("neuron.RS._target_",)),
        ("neuron.RS._target_=spikesweep.nowhere.X", ("neuron.RS._target_",)),
        ("protocol.duration=${nowhere}", ("protocol.duration cannot be resolved", "there is no nowhere")),
        (
            "grid.pop_size=['${network.K}']",
            ("grid.pop_size[0] cannot be resolved", "there is no network.K", "allowed: values of its own"),
        ),
    ],
)
def test_bad_word_is_refused(word, parts, tmp_path):
    with pytest.raises(InputError) as refusal:
        make_job(ss.load(word, f"outputs={tmp_path}"))
    for part in parts:
        assert part in str(refusal.value)
    assert not list(tmp_path.iterdir())


def test_a_target_of_this_package_that_is_no_component_is_refused():
    with pytest.raises(InputError, match="_target_"):
        build({"_target_": "spikesweep.api.sweeps.run"}, "x")
    with pytest.raises(InputError, match="values with a _target_"):
        build(3, "x")


def refused(tmp_path, *words):
    """Run the command line and return what it says; it must not succeed and not show a traceback."""
    done = subprocess.run(
        [sys.executable, str(RUN), "-m", f"outputs={tmp_path}/outputs", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=900,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr


def test_command_line_refuses_in_one_readable_message(tmp_path):
    said = refused(tmp_path, "neuron.RS.tau_w=-5")
    assert said == "refused: neuron.RS.tau_w = -5.0 ms is refused; allowed: more than 0 ms\n"
    assert not list(tmp_path.iterdir())


def test_command_line_refuses_an_unknown_choice(tmp_path):
    said = refused(tmp_path, "neuron=izh")
    assert "neuron/izh" in said
    assert "adexp" in said


def test_a_file_where_the_store_should_be_is_refused(tmp_path):
    store = tmp_path / "outputs" / "transfer_function" / "adexp-fs_rs.zarr"
    store.parent.mkdir(parents=True)
    store.write_text("precious")
    assert f"{store} exists and is not a store of spikesweep" in refused(tmp_path, "overwrite=true")
    assert store.read_text() == "precious"


def test_a_store_of_another_program_is_refused(tmp_path):
    import zarr

    store = tmp_path / "outputs" / "transfer_function" / "adexp-fs_rs.zarr"
    zarr.create_group(store, attributes={"format": "other"})
    assert "is not a store of spikesweep" in refused(tmp_path)


def test_an_output_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "outputs").write_text("a file")
    assert f"{tmp_path}/outputs/transfer_function/adexp-fs_rs.zarr cannot be written" in refused(tmp_path)
