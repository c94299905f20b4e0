import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import REFERENCE

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.grid.schema import OK, SATURATED
from spikesweep.kernels.cells.driver import Clock
from spikesweep.models.inputs.legacy import legacy_spike_counts
from spikesweep.sweep.job import make_job

ROOT = Path(__file__).parents[2]
SHORT = (
    "protocol.duration=1000.0",
    "grid.fi={start:0,stop:12,num:3}",
    "grid.seed=[0,1,2]",
    "protocol.n_fe=5",
    "protocol.max_fe=12.0",
    "protocol.max_fout=20.0",
)


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """Return a function that runs an adaptive scan with the given words."""

    def run(*words):
        path = tmp_path_factory.mktemp("scan")
        cfg = ss.load("protocol=transfer_function_adaptive", "compute=serial", f"outputs={path}", *words)
        return ss.run(cfg).load()

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "choices"),
    [("zerlaut2018", "adexp-fs_rs"), ("zerlaut2018_lif", "lif-vogels_abbott")],
)
def test_recorded_sweeps_are_the_published_data(tmp_path, name, choices):
    command = [sys.executable, str(ROOT / "run.py"), "-cd", str(ROOT / "sweeps"), "-cn", name]
    subprocess.run([*command, f"outputs={tmp_path}"], check=True, timeout=900)
    ds = ss.open(tmp_path / name / f"{choices}.zarr")
    table = pd.read_csv(REFERENCE / "adexp_scan_published.csv")
    for population in ds.population.values:
        rows, ours = table[table.cell == population], ds.sel(population=population)
        assert rows.mean_Hz.max() > 20
        np.testing.assert_allclose(ours.fe.values.ravel(), rows.fe_Hz, rtol=0, atol=1e-9)
        np.testing.assert_allclose(ours.rate.mean("seed").values.ravel(), rows.mean_Hz, rtol=0, atol=1e-9)
        np.testing.assert_allclose(ours.rate.std("seed").values.ravel(), rows.sd_Hz, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_default_scan_in_compat_mode_is_that_of_the_original(scan):
    ds = scan("protocol.compat=zerlaut2018", "grid.seed=[0]")
    assert ds.rate.dims == ("population", "fi", "fe_index", "seed")
    assert ds.fe.dims == ("population", "fi", "fe_index")
    assert "fe" in ds.coords
    for population in ("RS", "FS"):
        table = pd.read_csv(REFERENCE / f"adexp_scan_default_{population}-cell_CONFIG1.csv")
        assert table.MEANfreq_Hz.max() > 20
        ours = ds.sel(population=population, seed=0)
        np.testing.assert_allclose(ours.fe.values.ravel(), table.Fe_eff_Hz, rtol=0, atol=1e-9)
        np.testing.assert_allclose(ours.rate.values.ravel(), table.MEANfreq_Hz, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(ours.n_halvings.values.ravel(), table.n_halvings)
        np.testing.assert_allclose(ours.fi.values, table.fi_Hz.unique(), rtol=1e-14)


@pytest.mark.parametrize(("cell", "population"), [("demo", "Demo"), ("di_volo", "RS")])
def test_compat_mode_reproduces_cells_whose_reset_is_not_at_rest(scan, cell, population):
    """The original leaves a refractory cell at E_L, which changes these rates."""
    words = (
        f"neuron={cell}",
        f"network={cell}",
        f"network.populations=[{population}]",
        "protocol.compat=zerlaut2018",
        "grid.seed=[0,1]",
        "protocol.duration=4000.0",
        "grid.fi={start:1,stop:9,num:3}",
        "protocol.max_fe=12.0",
        "protocol.n_fe=6",
        "protocol.max_fout=20.0",
    )
    ds = scan(*words).isel(population=0)
    table = pd.read_csv(REFERENCE / f"adexp_{cell}_scan.csv")
    assert table.mean_Hz.max() > 10
    np.testing.assert_allclose(ds.fe.values.ravel(), table.fe_Hz, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ds.rate.mean("seed").values.ravel(), table.mean_Hz, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ds.rate.std("seed").values.ravel(), table.sd_Hz, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "neuron", "cell", "network"),
    [
        ("RS-cell|CONFIG1", "adexp", "RS", "fs_rs"),
        ("FS-cell|CONFIG1", "adexp", "FS", "fs_rs"),
        ("LIF|Vogels-Abbott", "lif", "LIF", "vogels_abbott"),
    ],
)
def test_legacy_streams_give_the_counts_of_the_original(name, neuron, cell, network):
    table = pd.read_csv(REFERENCE / "adexp_exact_single_experiment.csv")
    rows = table[table.cell + "|" + table.network == name]
    words = (f"neuron={neuron}", f"network={network}", f"network.populations=[{cell}]")
    net = make_job(ss.load(*words))[0].network
    rates = {
        "exc": rows.fe_Hz.to_numpy() * net.in_degree["exc"],
        "inh": rows.fi_Hz.to_numpy() * net.in_degree["inh"],
    }
    clock = Clock.of(0.05, "published", held_at_rest=True)
    counts = legacy_spike_counts(net.cells[cell], net.synapses, rates, rows.seed.to_numpy(), clock, 199_999)
    assert counts.max() > 50
    np.testing.assert_array_equal(counts, rows.n_spikes)


def test_few_expected_events_neither_crash_nor_bias(scan):
    """The original draws three times the expected number of events, which is too few for so low rates."""
    net = make_job(ss.load("neuron=lif", "network.populations=[LIF]"))[0].network
    kicks = {name: s._replace(weight=300.0, tau_syn=1.0) for name, s in net.synapses.items()}
    n, expected = 4000, np.array([0.2, 0.5, 1.0, 3.0])
    clock = Clock.of(0.1, "published")
    for mean in expected:  # an event makes the cell fire at most once, unless another is near
        rates = {"exc": np.full(n, mean), "inh": np.zeros(n)}
        counts = legacy_spike_counts(net.cells["LIF"], kicks, rates, np.arange(n), clock, 10_000)
        silent = np.mean(counts == 0)
        bound = 4 * np.sqrt(np.exp(-mean) * (1 - np.exp(-mean)) / n)
        assert abs(silent - np.exp(-mean)) <= bound, mean


@pytest.mark.parametrize(
    ("words", "population"),
    [
        (("neuron=adexp", "network=fs_rs", "network.populations=[FS]"), "FS"),
        (("neuron=jercog", "network=jercog"), "E"),
        (("neuron=jercog", "network=jercog"), "I"),
    ],
)
def test_scan_agrees_with_the_plain_protocol_at_the_same_points(scan, words, population):
    """Also where each cell has synapses of its own, two-stage currents."""
    ds = scan(*SHORT, *words).sel(population=population)
    assert (ds.status == OK).all()
    assert ds.rate.max() > 10
    plain = make_job(ss.load("protocol=transfer_function", "protocol.duration=1000.0", *words))[0]
    fe, fi, seed = (x.transpose(*ds.rate.dims).values.ravel() for x in xr.broadcast(ds.fe, ds.fi, ds.seed))
    points = {"fe": fe, "fi": fi, "seed": seed}
    rate = plain.protocol(plain.network, points, {"pop_size": np.array([1])})["rate"]
    rate = rate[list(plain.network.populations).index(population)]
    np.testing.assert_array_equal(rate.ravel(), ds.rate.values.ravel())


def test_compat_mode_takes_any_synapses(scan):
    words = ("protocol.compat=zerlaut2018", "protocol.refractory=published")
    ds = scan(*SHORT, "neuron=jercog", "network=jercog", *words)
    assert (ds.rate.max(["fi", "fe_index", "seed"]) > 5).all()


def test_scan_obeys_its_ceilings_and_blocks_change_no_bit(scan):
    ds = scan(*SHORT)
    ceilings = np.linspace(0.0, 20.0, 5)[:-1]
    pilot = ds.rate.isel(seed=0, fe_index=slice(1, None))
    assert (pilot <= ceilings + 1e-9).all()
    assert pilot.max() > 5
    assert (ds.n_halvings > 0).any()
    assert (ds.fe.diff("fe_index") > 0).all()
    xr.testing.assert_identical(
        ds.drop_attrs(deep=False), scan(*SHORT, "compute.block_points=1").drop_attrs(deep=False)
    )


def test_first_column_is_simulated_unless_compat(scan):
    words = (*SHORT, "neuron.RS.E_L=-45.0", "network.populations=[RS]", "protocol.max_halvings=4")
    ours, theirs = scan(*words), scan(*words, "protocol.compat=zerlaut2018")
    assert (ours.rate.isel(fe_index=0, fi=0) > 0).all()
    assert (theirs.rate.isel(fe_index=0) == 0).all()
    assert (ours.simulated.isel(fe_index=0) == 1).all()
    assert (theirs.simulated.isel(fe_index=0) == 0).all()


@pytest.mark.parametrize("compat", ["null", "zerlaut2018"])
def test_tonic_cell_ends_as_saturated(scan, compat):
    words = ("network.populations=[RS,FS]", "neuron.RS.E_L=-45.0", "grid.fi=[0]", f"protocol.compat={compat}")
    ds = scan(*SHORT, *words)
    assert (ds.status.isel(fe_index=slice(1, None)) == SATURATED).all()
    assert (ds.status.isel(fe_index=0) == OK).all()
    assert ds.rate.sel(population="RS").isel(fe_index=slice(1, None)).isnull().all()
    assert ds.n_halvings.sel(population="RS").isel(fe_index=1) == 30
    assert ds.rate.sel(population="FS").notnull().all()
    meanings = ds.status.attrs["flag_meanings"].split()
    assert meanings[SATURATED] == "saturated"


def test_seeds_decide_nothing_but_their_own_rates(scan):
    few, many = scan(*SHORT, "grid.seed=[0,2]"), scan(*SHORT)
    np.testing.assert_array_equal(few.fe, many.fe)
    np.testing.assert_array_equal(few.rate, many.rate.sel(seed=[0, 2]))
    assert not np.array_equal(many.rate.sel(seed=1), many.rate.sel(seed=2))


def test_swept_parameters_have_random_numbers_of_their_own(scan):
    """p_connect = 0.05 is the configured value, whose numbers are those of a scan that does not name it."""
    words = (*SHORT, "protocol.common_random_numbers=false")
    plain = scan(*words)
    both = scan(*words, "grid.network.p_connect=[0.05,0.0500001]")
    np.testing.assert_array_equal(both.rate.sel(p_connect=0.05), plain.rate)
    assert not np.array_equal(both.rate.isel(p_connect=0), both.rate.isel(p_connect=1))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("grid.fe_index=[0,1]",), "grid.fe_index"),
        (("protocol.n_fe=1",), "protocol.n_fe"),
        (("protocol.max_fe=0.0",), "protocol.max_fe"),
        (("protocol.compat=zerlaut2018", "protocol.discard=100.0"), "protocol.discard"),
        (("protocol.compat=zerlaut2018", "protocol.refractory=steps"), "protocol.refractory"),
        (("protocol.compat=zerlaut",), "did you mean 'zerlaut2018'"),
    ],
)
def test_refusals(words, names):
    with pytest.raises(InputError, match=names):
        make_job(ss.load("protocol=transfer_function_adaptive", *words))
