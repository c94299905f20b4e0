"""The plan says what a run does, writes nothing, and a long run asks first."""

import numpy as np
import pytest
from test_multirun import run

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job
from spikesweep.sweep.plan import Time, make_plan, total


def planned(cfg):
    job, compute, options = make_job(cfg)
    return make_plan(job, compute, overwrite=options.overwrite, retry=options.retry == "failed")


def test_a_retry_is_planned_as_such(small, monkeypatch):
    from spikesweep.protocols import TransferFunction

    original = TransferFunction.__call__
    monkeypatch.setattr(TransferFunction, "__call__", lambda *a: 1 / 0)
    ss.run(small("grid.fe=[6]", "grid.seed=[0]"))
    monkeypatch.setattr(TransferFunction, "__call__", original)
    plan = planned(small("grid.fe=[6]", "grid.seed=[0]"))
    assert (plan.done, plan.failed, plan.blocks) == (0, 4, 0)
    assert "nothing is missing" in str(plan)
    again = planned(small("grid.fe=[6]", "grid.seed=[0]", "retry=failed"))
    assert (again.failed, again.blocks > 0) == (4, True)
    assert "about" in str(again).splitlines()[-1]


def test_a_plan_counts_what_the_run_then_computes(small, tmp_path):
    words = ("neuron.RS.b=0,20,40", "compute.block_points=12")
    plan = planned(small(*words))
    assert not list(tmp_path.iterdir())
    assert plan.axes == ("b 3", "fe 3", "fi 2", "seed 3", "pop_size 2")
    assert (plan.points, plan.done, plan.failed, plan.missing) == (108, 0, 0, 108)
    assert plan.blocks == 9
    assert plan.block_points == 12
    ds = ss.run(small(*words))
    assert sum(v.nbytes for v in ds.data_vars.values()) == plan.disk
    job = make_job(small(*words))[0]
    (job.path / "status" / "c.1.0.0.0.0").unlink()
    again = planned(small(*words))
    assert (again.done, again.missing, again.blocks) == (96, 12, 1)
    assert "96 done, 0 failed, 12 missing" in str(again)
    ss.run(small(*words))
    assert "nothing is missing" in str(planned(small(*words)))
    assert planned(small(*words, "overwrite=true")).missing == 108


def test_a_plan_names_the_store_that_the_run_would_have(small):
    ss.run(small())
    assert planned(small("protocol.dt=0.1")).name.endswith("adexp-fs_rs-dt_0.1.zarr")
    assert planned(small()).missing == 0


@pytest.mark.parametrize(
    "words", [("neuron.RS.b=0,20",), ("x=zip(grid.fe=[6,9],network.p_connect=[0.05,0.04])",)]
)
def test_a_plan_of_any_points(small, words):
    plan = planned(small(*words))
    assert 0 < plan.time.low < plan.time.expected < plan.time.high < 200
    assert 50e6 < plan.memory < 5e9
    assert plan.missing > 0


def test_the_plan_of_several_stores_is_their_sum(small):
    plan = planned(small())
    assert total([plan, plan]).startswith("all 2 stores: 72 points missing")


def test_the_command_line_prints_the_plan_and_writes_nothing(tmp_path):
    out = tmp_path / "out"
    words = (
        "network.populations=${oc.dict.keys:neuron}",
        "grid.fe=0,6",
        "grid.fi=2",
        "protocol.duration=200.0",
    )
    said = run(out, "-m", *words, "neuron=lif,eif", "compute=serial", "plan=true")
    assert said.count("plan of") == 2
    assert "all 2 stores: 32 points missing" in said
    assert not list(tmp_path.iterdir())


def test_a_long_run_asks_first(small, tmp_path, monkeypatch):
    def forbidden(*arguments, **options):
        raise AssertionError("the run was started")

    monkeypatch.setattr("spikesweep.sweep.run.run", forbidden)
    with pytest.raises(InputError, match=r"longer than ask_above = 1e-09 h; allowed: confirm=true"):
        ss.run(small("ask_above=1e-9"))
    assert not list(tmp_path.iterdir())
    with pytest.raises(AssertionError, match="was started"):
        ss.run(small("ask_above=1e-9", "confirm=true"))
    with pytest.raises(AssertionError, match="was started"):
        ss.run(small())
    with pytest.raises(InputError, match=r"ask_above = -1"):
        ss.run(small("ask_above=-1"))
    with pytest.raises(InputError, match=r"confirm = 'yes' is refused; allowed: true or false"):
        ss.run(small("confirm='yes'"))


def test_times_are_written_in_words():
    assert str(Time(4.0, 5.0, 95.0)) == "about 5 s (4 s to 1.6 min)"
    assert str(Time(6000.0, 2e5, 1e6)) == "about 2.3 days (1.7 h to 11.6 days)"
    assert np.isfinite(Time(1.0, 2.0, 3.0).expected)


def n_files(folder):
    return sum(path.is_file() for path in folder.rglob("*.zarr/**/*"))


SMALL = {
    "transfer_function": ("neuron.RS.b=0,20", "grid.fe=[9]", "grid.fi=[2]", "grid.seed=[0,1]"),
    "ragged": ("grid.fe=[12]", "grid.fi=[2]", "grid.seed=[0,1]", "protocol.record_spikes=true"),
    "points": ("x=zip(grid.fe=[6,9],network.p_connect=[0.05,0.04])", "grid.fi=[2]", "grid.seed=[0]"),
    "fi_curve": ("protocol=fi_curve", "grid.i_ext=[0.0,500.0]"),
    "population_information": (
        "neuron=lif_dimensionless",
        "network=afferents",
        "protocol=population_information",
        "grid.band=[0-200]",
        "grid.condition=[none,efish]",
        "grid.pop_size=[1,2]",
        "grid.repeat=[0]",
        "protocol.num_responses=4",
        "protocol.nperseg=1024",
        "protocol.coherence_sizes=[1,2]",
    ),
}


@pytest.mark.parametrize("words", SMALL.values(), ids=SMALL)
def test_a_plan_says_how_many_files_there_will_be(tmp_path, words):
    def cfg():
        always = (
            "protocol.duration=100.0",
            "compute=serial",
            "compute.block_points=2",
            f"outputs={tmp_path}",
        )
        return ss.load("neuron=adexp", "network=fs_rs", *always, *words)

    plan = planned(cfg())
    ss.run(cfg())
    assert plan.files == n_files(tmp_path)
    assert f"in {plan.files} files" in str(plan)
    assert planned(cfg()).files == plan.files
    (path,) = tmp_path.rglob("*.zarr")
    arrays = {file.parent for file in path.rglob("zarr.json")}
    above = {folder for array in arrays for folder in array.parents if path in folder.parents}
    records = {path / ".spikesweep", path / ".spikesweep" / "blocks"}
    assert {folder for folder in path.rglob("*") if folder.is_dir()} == arrays - {path} | above | records


def test_a_plan_of_growth_says_how_many_files_there_will_be(small, tmp_path):
    """Blocks that nobody asked for have none; a lost one is computed into the same."""
    few = ("compute.block_points=6",)
    ss.run(small(*few, "grid.fe=[0]", "grid.fi=[2]"))
    for more in (("grid.fe=[6]", "grid.fi=[8]"), ("grid.fe=[6]", "grid.fi=[2]"), ()):
        plan = planned(small(*few, *more))
        ss.run(small(*few, *more))
        assert plan.files == n_files(tmp_path)
        assert planned(small(*few, *more)).files == plan.files
    assert planned(small(*few, "grid.fe=[0]", "overwrite=true")).files < plan.files
