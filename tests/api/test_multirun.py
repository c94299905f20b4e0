"""The command line: one process, numbers as axes, names as stores that open as one dataset."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.api import commands
from spikesweep.errors import InputError

RUN = Path(__file__).parents[2] / "run.py"
SMALL = (
    "grid.fe=[0,6,12]",
    "grid.fi=2,8",
    "grid.seed=range(0,2)",
    "grid.pop_size=[1]",
    "protocol.duration=200.0",
    "compute=serial",
)
ALL_CELLS = "network.populations=${oc.dict.keys:neuron}"


def run(folder, *words, code=0):
    done = subprocess.run(
        [sys.executable, str(RUN), *words, f"outputs={folder}"],
        capture_output=True,
        text=True,
        cwd=folder.parent,
        timeout=900,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_names_become_stores_and_numbers_axes(out):
    words = (
        "-m",
        *SMALL,
        ALL_CELLS,
        "neuron=lif,eif",
        "network=glob([fs_rs,vogels*])",
        "network.p_connect=0.02,0.05",
    )
    said = run(out, *words, "name=both")
    assert said.count("computed: ") == 4
    assert sorted(p.name for p in out.rglob("*.zarr")) == [
        f"{neuron}-{network}.zarr" for neuron in ("eif", "lif") for network in ("fs_rs", "vogels_abbott")
    ]
    ds = ss.open(out / "both")
    assert ds.rate.dims == (
        "neuron", "network", "population", "p_connect", "fe", "fi", "seed", "pop_size",
    )  # fmt: skip
    assert ds.rate.sizes["neuron"] == ds.rate.sizes["network"] == 2
    assert (ds.status == 1).all()
    for neuron, cell in (("lif", "LIF"), ("eif", "EIF")):
        for network in ("fs_rs", "vogels_abbott"):
            one = xr.open_zarr(out / "both" / f"{neuron}-{network}.zarr")
            part = ds.rate.sel(neuron=neuron, network=network, population=cell)
            np.testing.assert_array_equal(part, one.rate.sel(population=cell))
    assert float(ds.rate.max()) > 5
    assert run(out, *words, "name=both").count("nothing is missing") == 4
    figures = sorted(out.rglob("*.png"))
    assert len(figures) == 4


@pytest.mark.slow
def test_names_that_move_together_are_paired(out):
    pair = "pair=zip(neuron=[lif,eif],network=choice(fs_rs,vogels_abbott))"
    assert run(out, "-m", *SMALL, ALL_CELLS, pair, "name=pairs").count("computed: ") == 2
    ds = ss.open(out / "pairs")
    assert ds.status.sizes["neuron"] == ds.status.sizes["network"] == 2
    assert ds.status.dtype == np.uint8
    # nobody asked for these
    assert (ds.status.sel(neuron="lif", network="vogels_abbott") == 5).all()
    assert (ds.status.sel(neuron="eif", network="vogels_abbott") == 1).all()


@pytest.mark.slow
def test_sweeps_can_stand_in_the_configuration(out):
    """In Hydra's own words; those of the command line win."""
    (out.parent / "here.yaml").write_text(
        "defaults: [config, _self_]\n"
        "hydra:\n"
        "  mode: MULTIRUN\n"
        "  sweeper:\n"
        "    params: {neuron: 'lif,eif', neuron.LIF.C_m: '100,200', grid.fe: 'range(0,12,6)'}\n"
    )
    words = [word for word in SMALL if "fe=" not in word]
    run(out, "-cd", str(out.parent), "-cn", "here", *words, ALL_CELLS, "neuron=lif")
    ds = ss.open(out / "transfer_function" / "lif-fs_rs.zarr")
    assert (ds.C_m.values.tolist(), ds.fe.values.tolist()) == ([100.0, 200.0], [0.0, 6.0])


def test_nothing_runs_when_one_job_is_refused(out):
    said = run(out, "-m", *SMALL, "neuron=adexp,theta", code=2)
    assert "refused: neuron=theta: network.populations: 'RS' is no cell of neuron=theta" in said
    assert not list(out.iterdir())


def test_stores_that_cannot_be_joined_open_as_a_tree(small, tmp_path):
    ss.run(small("name=all/one"))
    ss.run(small("neuron.RS.b=0,20", "name=all/two"))
    tree = ss.open(tmp_path / "all")
    assert isinstance(tree, xr.DataTree)
    assert tree["two/adexp-fs_rs"].ds.rate.sizes["b"] == 2
    with pytest.raises(InputError, match="holds no store"):
        ss.open(tmp_path / "all" / "one" / "adexp-fs_rs.zarr" / ".spikesweep")
    with pytest.raises(InputError, match="does not exist"):
        ss.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["neurons=adexp"], "did you mean 'neuron'?"),
        (["neurosn=adexp,lif"], "did you mean 'neuron'?"),
        (["neuron=adex"], "adexp"),
        (["neuron=adexp,adexp"], "each once"),
        (["compute=threads,serial"], "protocol, neuron, network"),
        (["++neuron=adexp"], "adexp"),
        (["+typo=1"], "typo is not known"),
        (["typo=1,2"], "typo is not known"),
        (["neuron.RS.bb=0,20"], "did you mean 'neuron.RS.b'?"),
        (["fe=0,20"], "did you mean 'grid.fe'?"),
        (["neuron.RS.b=range(0,20),30"], "neuron.RS.b"),
        (["neuron=interval(0,1)"], "at least one, each once"),
        (["neuron=3"], "the name of an option of neuron"),
        (["plan=maybe"], "plan = 'maybe' is refused; allowed: true or false"),
        (["sample=3"], "sample = 3 is refused"),
        (["zip=3"], "zip = 3 is refused"),
        (["points=3"], "points = 3 is refused"),
        (["x=zip(neuron=[lif,eif],network=[fs_rs])"], "equally many"),
    ],
)
def test_the_command_line_refuses(out, words, part, capfd):
    given = {word.split("=")[0] for word in words}
    base = [word for word in SMALL if word.split("=")[0] not in given]
    with pytest.raises(SystemExit) as end:
        commands.main(["run", "-m", *base, *words, f"outputs={out}"])
    assert end.value.code not in (0, None)
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert part in said
    assert not list(out.iterdir())


@pytest.mark.slow
def test_an_interrupted_multirun_continues_over_all_its_stores(out, killed):
    """SIGKILL in the second of three stores; the same command ends with the numbers of an undisturbed one."""
    words = (
        "-m", ALL_CELLS, "neuron=lif,eif,adexp", "grid.fe=range(0,12,2)", "grid.fi=2", 
        "grid.seed=range(0,20)",
        "grid.pop_size=2", "protocol.duration=1000.0", "compute=serial", "compute.block_points=5",
    )  # fmt: skip
    command = [sys.executable, str(RUN), *words, f"outputs={out}"]
    second = out / "transfer_function" / "eif-fs_rs.zarr"
    killed(command, second, blocks=24 + 5)
    done = {path.stem: int((ss.open(path).status != 0).sum()) for path in out.rglob("*.zarr")}
    assert done["lif-fs_rs"] == 120
    assert 0 < done["eif-fs_rs"] < 120
    assert "adexp-fs_rs" not in done
    said = run(out, *words)
    assert f"{120 - done['eif-fs_rs']} points computed" in said
    ds = ss.open(out / "transfer_function").load()
    assert (ds.status == 1).all()
    for neuron in ("lif", "eif", "adexp"):
        fresh = ss.run(ss.load(*words[1:2], f"neuron={neuron}", *words[3:], f"outputs={out}", "name=fresh"))
        cells = fresh.population.values.tolist()
        np.testing.assert_array_equal(ds.rate.sel(neuron=neuron, population=cells), fresh.rate)
    assert float(ds.rate.max()) > 5


@pytest.mark.slow
def test_numbers_are_axes_without_m_as_with_it(out):
    words = ("neuron.RS.b=40,20,0", "grid.fe=8,4", *SMALL[1:])
    assert "b 3 x fe 2" in run(out, *words)
    assert "nothing is missing" in run(out, *words, "-m")  # of the same store
    assert ss.open(out).b.values.tolist() == [0.0, 20.0, 40.0]
    assert "neuron=lif,eif is a sweep over names; allowed: one of them, or run.py -m" in run(
        out, "neuron=lif,eif", code=2
    )
    said = run(out, "neuron.RS.b=[40,20]", code=2)
    assert "allowed: a finite number; several are an axis: neuron.RS.b=40,20" in said
