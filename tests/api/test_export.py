"""What other programs read of a sweep: tables, netCDF, NWB, a crate; and what to cite of it."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import xarray as xr
import yaml
from pynwb import NWBHDF5IO
from rocrate.rocrate import ROCrate

import spikesweep as ss
from spikesweep.api import cite, commands
from spikesweep.sweep.job import make_job

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return the path of a small store with spikes."""
    out = tmp_path_factory.mktemp("out")
    axes = ("grid.fe=6,12", "grid.fi=2,8", "grid.seed=0,1", "grid.pop_size=1,3")
    more = ("protocol.duration=200.0", "protocol.record_spikes=true", "compute=serial", f"outputs={out}")
    ss.run(ss.load(*axes, *more))
    (path,) = out.rglob("*.zarr")
    return path


@pytest.fixture
def said(capsys):
    def call(*words):
        with pytest.raises(SystemExit) as end:
            commands.main([*map(str, words)])
        out, err = capsys.readouterr()
        return end.value.code, (out if end.value.code == 0 else err)

    return call


def test_tables_have_a_row_a_value_and_say_what_their_columns_are(store, said, tmp_path):
    out = said("export", store, "--to", tmp_path / "a.csv")[1]
    names = [Path(line).name for line in out.split()]
    assert names == ["a.csv", "a.per_fe_fi_population_seed.csv", "a.csv-metadata.json"]
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    ds = ss.open(store)
    assert len(rows) == ds.rate.size == 32
    one = {"population": "FS", "fe": 12.0, "fi": 8.0, "seed": 1, "pop_size": 3}
    (row,) = [r for r in rows if all(r[k] == str(v) for k, v in one.items())]
    assert float(row["rate"]) == float(ds.rate.sel(one))
    assert row["status"] == "ok"
    tables = json.loads((tmp_path / "a.csv-metadata.json").read_text())["tables"]
    fe = next(c for c in tables[0]["tableSchema"]["columns"] if c["name"] == "fe")
    assert fe["spikesweep:units"] == "Hz"
    assert fe["dc:description"] == "excitatory presynaptic rate"
    assert said("export", store, "--to", tmp_path / "b.parquet", "fe=12", "population=RS")[0] == 0
    table = pq.read_table(tmp_path / "b.parquet")
    assert table.num_rows == 8
    assert table.schema.field("rate").metadata[b"units"] == b"Hz"
    assert set(table["population"].to_pylist()) == {"RS"}


@pytest.mark.parametrize("engine", ["netcdf4", "h5netcdf", "scipy", None])
def test_netcdf_has_the_dataset(store, said, tmp_path, engine):
    more = () if engine is None else ("--engine", engine)
    assert said("export", store, "--to", tmp_path / "a.nc", *more)[0] == 0
    with xr.open_dataset(tmp_path / "a.nc", engine=engine or "netcdf4") as found:
        xr.testing.assert_equal(found.rate.load(), ss.open(store).rate.load())
        assert found.rate.attrs["units"] == "Hz"


def test_nwb_has_a_unit_a_neuron_with_its_point(store, said, tmp_path):
    assert said("export", store, "--to", tmp_path / "a.nwb", "fe=12", "seed=1")[0] == 0
    with NWBHDF5IO(tmp_path / "a.nwb", "r") as io:
        units = io.read().units.to_dataframe()
    assert len(units) == 2 * 2 * 3  # populations, values of fi, neurons
    one = units[(units.population == "RS") & (units.fi == 2.0)]
    times = np.sort(np.concatenate([*one.spike_times]))
    spikes = ss.open(store).sweep.spikes(fe=12, fi=2, seed=1, population="RS").spike_times.values
    np.testing.assert_allclose(times, np.sort(spikes) * 1e-3)
    assert one.obs_intervals.iloc[0][0].tolist() == [0.0, 0.2]


def test_a_crate_is_read_and_finds_what_is_damaged(store, said, tmp_path):
    crate = tmp_path / "a.crate"
    assert said("export", store, "--to", crate)[0] == 0
    read = ROCrate(crate)
    assert {e.type for e in read.get_entities() if e.id == "#run"} == {"CreateAction"}
    assert "https://doi.org/10.1007/s10827-017-0668-2" in [e.id for e in read.root_dataset["citation"]]
    assert json.loads((crate / "configuration.json").read_text())["protocol"]["duration"] == 200.0
    found = ss.open(crate / "results" / store.name)
    xr.testing.assert_equal(found.load(), ss.open(store).load())

    def verified():
        check = [sys.executable, "-I", str(crate / "verify.py")]
        done = subprocess.run(check, capture_output=True, text=True, cwd=tmp_path)
        return done.returncode, done.stdout

    code, out = verified()
    assert code == 0
    assert re.fullmatch(r"\d{3} files are as they were written\n", out)
    assert "with Python" in (crate / "code" / "requirements.txt").read_text()
    chunk = min((crate / "results" / store.name / "rate").glob("c.*"))
    chunk.write_bytes(b"other")
    assert verified() == (1, f"damaged: {chunk.relative_to(crate).as_posix()}\n")
    assert said("export", store, "--to", crate)[0] == 2  # it is there


@pytest.mark.slow
def test_what_failed_is_computed_beside_what_has_results_once_its_function_is_mended(said, tmp_path):
    """Two codes never share a store: the refusal names the points, `--failed` writes them."""
    (tmp_path / "own").mkdir()
    file = tmp_path / "own" / "mine.py"
    file.write_text("def f(x, seed):\n    assert x != 2\n    return {'y': x + 0.5}\n")
    script = (
        "import sys, spikesweep as ss\n"
        "try:\n    ds = ss.run(ss.load(*sys.argv[1:]))\n"
        "    print(ds.y.values.tolist(), ds.status.values.tolist())\n"
        "except ss.InputError as error:\n    print(error)\n"
    )
    own = (f"function={file}:f", f"outputs={tmp_path}", "compute=serial")

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-c", script, *own, *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    grid = ("grid.x=0,2,3", "grid.seed=0,1")
    assert run(*grid).endswith("[[1, 1], [3, 3], [1, 1]]")
    file.write_text(file.read_text().replace("assert x != 2", "x = x + 0.0"))
    why = run(*grid, "retry=failed")
    store = tmp_path / "function" / "f.zarr"
    for part in ("by other code: code of own.mine", "2 of its points failed", "beside the 4 points"):
        assert part in why
    assert f"spikesweep export {store} --failed --to failed.csv" in why
    listed = tmp_path / "failed.csv"
    assert said("export", store, "--failed", "--to", listed)[0] == 0
    assert listed.read_text() == "x,seed\n2.0,0\n2.0,1\n"
    assert run(f"points={listed}", "name=mended") == "[2.5, 2.5] [1, 1]"
    assert (ss.open(store).status == [[1, 1], [3, 3], [1, 1]]).all()  # as it was


def test_failed_points_are_listed_by_their_keys_without_whole_axes(small, said, tmp_path, monkeypatch):
    cfg = small("neuron.RS.b=0.0,20.0", "grid.fi=[8]", "grid.seed=[0]")
    job = make_job(cfg)[0]
    original = type(job.protocol).__call__

    def poisoned(self, network, points, whole):
        if (points["fe"] == 6.0).any():
            raise FloatingPointError("the poison")
        return original(self, network, points, whole)

    monkeypatch.setattr(type(job.protocol), "__call__", poisoned)
    ss.run(cfg)
    said("export", job.path, "--failed", "--to", tmp_path / "failed.csv")
    lines = (tmp_path / "failed.csv").read_text().splitlines()
    assert lines == ["neuron.RS.b,fe,fi,seed", "0.0,6.0,8.0,0", "20.0,6.0,8.0,0"]
    make_job(small(f"points={tmp_path}/failed.csv", "name=again", "~grid.fe", "~grid.fi", "~grid.seed"))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--to", "a.xls"), "allowed: a name that ends with .csv, .parquet, .nc, .nwb, .crate"),
        (("--to", "a.csv", "fe=3"), "fe = 3.0; allowed: one of 6.0, 12.0"),
        (("--to", "a.csv", "--engine", "scipy"), "allowed: with .nc"),
        (("--to", "a.nc", "--engine", "hdf"), "allowed here: netcdf4, h5netcdf, scipy"),
        (("--to", "a.crate", "fe=6"), "a crate holds a whole store"),
        (("--to", "a.csv", "--failed"), "no point of this sweep failed"),
        (("--to", "a.nc", "--failed"), "allowed: a name that ends with .csv"),
    ],
)
def test_what_cannot_be_written_is_refused(store, said, words, part):
    code, err = said("export", store, *words)
    assert code == 2
    assert part in err


def test_what_to_cite_is_told(store, said):
    out = said("cite", store)[1]
    assert "doi:10.1007/s10827-017-0668-2\n" in out
    assert "    AdExp\n" in out.split("doi:10.1152/jn.00686.2005")[1]
    about, cff = cite.software(), yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {key: cff[key] for key in ("title", "version", "license", "abstract")}.items() <= about.items()
    assert cff["authors"] == [{"name": about["author"]}]


def test_the_accessor_says_what_it_is_and_has_tables(store, small):
    ds = ss.open(store)
    said = repr(ds.sweep)
    assert "16 of 16 points have results" in said
    assert "neuron=adexp" in said
    assert ".spikes(" in said
    table = ds.sweep.to_pandas("")
    assert list(table.columns) == ["population", "fe", "fi", "seed", "pop_size", "rate", "status"]
    assert len(ds.sweep.to_pandas()) == int(ds.spike_size.sum())
    plain = ss.run(small("grid.fe=[6]", "grid.seed=[0,1]"))
    assert len(plain.sweep.to_pandas(fi=2, population=["RS"])) == 2 * 2
    assert set(plain.isel(fi=0).sweep.to_pandas().fi) == {2.0}
    assert "one value" in repr(xr.Dataset().sweep)


def test_neighbours_are_read_together(small):
    ds = ss.run(small("compute.block_points=1", "grid.fe=[0,6,12]"))
    slope = ds.rate.differentiate("fe").load()
    np.testing.assert_array_equal(slope, ds.rate.load().differentiate("fe"))


def test_an_exclusion_of_nothing_leaves_a_grid(small):
    grid = ss.run(small('exclude=["fe > 20 and fi == 2"]', "grid.seed=[0]"))
    assert dict(grid.rate.sizes) == {"population": 2, "fe": 3, "fi": 2, "seed": 1, "pop_size": 2}
    listed = ss.run(small('exclude=["fe > 10 and fi == 2"]', "grid.seed=[0]", "name=other"))
    assert listed.sizes["point"] == 5
