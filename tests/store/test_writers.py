"""Every writer that xarray has takes a sweep's dataset, whole or in part; neo takes its spikes."""

import warnings

import numpy as np
import pytest
import xarray as xr
import zarr

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.store.paths import store_paths
from spikesweep.sweep.job import make_job

WORDS = {
    "plain": (),
    "spikes": ("protocol.record_spikes=true",),
    "swept number": ("grid.neuron.RS.a=[1,2]",),
    "swept words": ("grid.protocol.refractory=[published,steps]",),
    "swept truth value": ("grid.protocol.common_random_numbers=[true,false]",),
    "points": ("cell=zip(neuron.RS.a=[1,2],neuron.RS.b=[10,20])",),
    "another protocol": ("protocol=fi_curve", "~grid.fe", "~grid.fi", "~grid.pop_size", "grid.i_ext=[0,500]"),
}
ENGINES = ("scipy", "netcdf4", "h5netcdf")


@pytest.fixture(params=WORDS)
def ds(request, small):
    words = WORDS[request.param]
    if any(word.startswith("protocol=") for word in words):
        out = small()["outputs"]
        words = ("protocol=fi_curve", "grid.i_ext=[0,500]", "grid.seed=[0]", "protocol.duration=200")
        return ss.run(ss.load(f"outputs={out}", "compute=serial", *words))
    return ss.run(small("grid.fe=[0,6]", "grid.fi=[2]", "grid.seed=[0,1]", *words))


def assert_same(found, ds):
    xr.testing.assert_equal(found, ds)
    assert found.attrs == ds.attrs
    assert found.sweep.configuration == ds.sweep.configuration
    for name in ds.variables:
        for key, value in ds[name].attrs.items():
            assert np.array_equal(found[name].attrs[key], value), (name, key)


@pytest.mark.parametrize("engine", ENGINES)
def test_netcdf(ds, engine, tmp_path):
    for part in (ds, ds.load(), ds.isel({ds["status"].dims[0]: [0]})):
        part.to_netcdf(tmp_path / "it.nc", engine=engine)
        with xr.open_dataset(tmp_path / "it.nc", engine=engine) as found:
            found = found.load()
        for name in part.variables:  # netCDF has objects where numpy has text
            if part[name].dtype.kind in "UOT":
                assert found[name].values.tolist() == part[name].values.tolist()
                part, found = part.drop_vars(name), found.drop_vars(name)
        assert_same(found, part)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr(ds, zarr_format, tmp_path):
    """`consolidated=False`: xarray's default warns of every dataset that it writes in format 3."""
    for i, part in enumerate((ds, ds.load(), ds.isel({ds["status"].dims[0]: [0]}))):
        for name in part.variables:  # format 3 has no specification of numpy's text of one length
            if part[name].dtype.kind == "U":
                part[name] = part[name].astype(object)
        path = tmp_path / f"{i}.zarr"
        part.to_zarr(path, zarr_format=zarr_format, consolidated=False)
        assert_same(xr.open_zarr(path, consolidated=False).load(), part.load())


def test_pandas(ds):
    table = ds.to_dataframe()
    assert len(table) == int(np.prod([*ds.sizes.values()]))
    assert ds.rate.to_series().size == ds.rate.size


def test_truth_values_in_stores_of_before(small, tmp_path):
    cfg = small("grid.protocol.common_random_numbers=[true,false]")
    ss.run(cfg)
    path = make_job(cfg)[0].path
    group = zarr.open_group(path, mode="r+")
    group.attrs["git_dirty"] = True
    group["common_random_numbers"].attrs["configured"] = False
    with warnings.catch_warnings(action="ignore"):
        zarr.consolidate_metadata(path)
    ds = ss.open(path)
    assert ds.attrs["git_dirty"] == 1
    assert type(ds.attrs["git_dirty"]) is int
    ds.to_netcdf(tmp_path / "it.nc", engine="netcdf4")


@pytest.mark.parametrize("duration", [0.3, 0.6, 0.7, 1.2, 2.3, 9.7])
def test_neo_takes_a_spike_at_the_end(small, duration, monkeypatch):
    """n steps of 0.1 ms are a bit more than their duration (0.30000000000000004 ms)."""
    neo = pytest.importorskip("neo")
    words = ("protocol.dt=0.1", f"protocol.duration={duration}", "protocol.record_spikes=true")
    words += ("neuron=lif", "network.populations=[LIF]", "neuron.LIF.V_th=-61", "neuron.LIF.t_ref=0.1")
    words += ("neuron.LIF.E_L=-60", "neuron.LIF.V_reset=-62", "neuron.LIF.C_m=5")
    ds = ss.run(small(*words, "grid.fe=[0]", "grid.fi=[0]", "grid.seed=[0]", "grid.pop_size=[1]"))
    block = ds.sweep.to_neo()
    trains = [train for segment in block.segments for train in segment.spiketrains]
    assert isinstance(block, neo.Block)
    last = round(duration / 0.1) * 0.1
    assert max(float(train.t_stop) for train in trains) in (duration, last)
    times = ds.sweep.spikes().spike_times.values
    assert sum(len(train) for train in trains) == len(times)


def test_what_is_saved_beside_a_sweep_is_no_sweep(small, tmp_path):
    whole = ss.run(small("name=whole"))
    whole.isel(fe=[0]).to_zarr(tmp_path / "part.zarr", zarr_format=3, consolidated=False)
    whole.rate.mean("seed").to_zarr(tmp_path / "mean.zarr", zarr_format=3, consolidated=False)
    assert [path.parent.name for path in store_paths(tmp_path)] == ["whole"]
    assert isinstance(ss.open(tmp_path), xr.Dataset)
    for name in ("part", "mean"):
        with pytest.raises(InputError, match=rf"{name}.zarr (was saved from|exists and is not)"):
            ss.open(tmp_path / f"{name}.zarr")
