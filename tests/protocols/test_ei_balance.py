"""Charges, spikes and balance of the units of an Up state."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import REFERENCE

import spikesweep as ss
from spikesweep.analysis import balance
from spikesweep.analysis.plots import ei_balance, figure
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

ROOT = Path(__file__).parents[2]
UNITS = ("neuron=jercog", "network=jercog_better", "protocol=ei_balance", "compute=serial")
POINT = ("grid.fe=[5]", "grid.fi=[14]")
N = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("balance")


def balanced(folder, name, *words):
    return ss.run(ss.load(*UNITS, *words, f"outputs={folder}", f"name={name}")).load()


@pytest.fixture(scope="module")
def seeds(folder):
    return balanced(folder, "seeds", *POINT, f"grid.seed={{start:0,stop:{N - 1},num:{N}}}")


@pytest.fixture(scope="module")
def over_set_points(folder):
    grid = ("grid.fe=[3,4,5,6]", "grid.fi={start:3,stop:24,num:8}", "grid.seed={start:0,stop:9,num:10}")
    return balanced(folder, "sweep", *grid)


@pytest.mark.parametrize(
    ("column", "variable", "cell"),
    [
        ("sESumExc", "charge_exc", "E"),
        ("sESumInh", "charge_exc", "I"),
        ("sISumExc", "charge_inh", "E"),
        ("sISumInh", "charge_inh", "I"),
        ("nSpkE", "spike_count", "E"),
        ("nSpkI", "spike_count", "I"),
    ],
)
def test_means_and_deviations_are_the_originals(seeds, column, variable, cell):
    """Mean of 400 seeds within 4 standard errors of the 2000 of the reference, SD within 20 %."""
    ref = pd.read_csv(REFERENCE / "jercog_poisson_stats.csv").iloc[0]
    values = seeds[variable].sel(population=cell).values.ravel()
    assert len(values) == N
    assert len(np.unique(values)) > 5
    sd = ref[f"sd_{column}"]
    assert abs(values.mean() - ref[f"mean_{column}"]) < 4 * sd * np.sqrt(1 / N + 1 / ref.n_realisations)
    assert 0.8 < values.std(ddof=1) / sd < 1.2


def test_both_units_hear_the_same_sources(seeds):
    """Charges are in the ratio of the weights, at every seed."""
    weights = {"exc": 123.92226015 / 143.49509118, "inh": 101.08023944 / 136.50692497}
    for kind, ratio in weights.items():
        charge = seeds[f"charge_{kind}"]
        found = charge.sel(population="I") / charge.sel(population="E")
        expected = seeds[f"expected_{kind}"]
        exact = expected.sel(population="I") / expected.sel(population="E")
        np.testing.assert_allclose(found, exact, rtol=1e-9)
        np.testing.assert_allclose(found, ratio, rtol=1e-9 if kind == "exc" else 1e-8)


def test_mean_charge_is_the_closed_form(seeds):
    """Weight x rate x time, less the tail that is cut; 4 standard errors, and no bias of 0.2 %."""
    for kind, tail in (("exc", 31.0), ("inh", 2.0)):
        expected = seeds[f"expected_{kind}"].isel(seed=0) * (1 - tail / 1000.0)
        charge = seeds[f"charge_{kind}"]
        error = 4 * charge.std("seed", ddof=1) / np.sqrt(N)
        assert (abs(charge.mean("seed") - expected) < error).all()
        np.testing.assert_allclose(seeds[f"current_{kind}"], charge, rtol=1e-12)  # pA, for a second


@pytest.mark.parametrize(
    ("mode", "exc", "inh", "counts"),
    [
        ("fixed", [0.71743917, 0.61957996], [1.91109695, 1.41512335], [0, 0]),
        (
            "fixed_scaled",
            [286.97566826969273, 247.83198593109628],
            [191.10969495291835, 141.51233521704214],
            [47, 123],
        ),
    ],
)
def test_regular_sources_give_the_reference_charges(folder, mode, exc, inh, counts):
    """`fixed` of the original, `fixed_scaled` of Brian2."""
    ds = balanced(folder, mode, *POINT, "grid.seed=[0]", f"protocol.mode={mode}").squeeze()
    np.testing.assert_allclose(ds.charge_exc, exc, rtol=1e-6 if mode == "fixed" else 1e-10)
    np.testing.assert_allclose(ds.charge_inh, inh, rtol=1e-6 if mode == "fixed" else 1e-10)
    assert (ds.sources_exc, ds.sources_inh) == ((1, 1) if mode == "fixed" else (400, 100))
    np.testing.assert_allclose(ds.current_exc, ds.expected_exc, rtol=0.01)
    assert ds.spike_count.values.tolist() == counts


def test_regular_sources_have_whole_events_and_the_expected_current_says_so(folder):
    """1.6 and 2.4 Hz are two events in a second, half of them in half of it."""
    words = ("protocol.mode=fixed_scaled", "grid.fe=[1.6,2.0,2.4]", "grid.fi=[14]", "grid.seed=[0]")
    ds = balanced(folder, "rounded", *words).squeeze()
    assert len(np.unique(ds.charge_exc.sel(population="E"))) == 1
    assert len(np.unique(ds.expected_exc.sel(population="E"))) == 1
    np.testing.assert_allclose(ds.current_exc, ds.expected_exc, rtol=0.01)


def test_traces_are_brian2s(folder):
    ref = np.load(REFERENCE / "jercog_brian2.npz")
    words = ("protocol.mode=fixed_scaled", "protocol.traces=true", "grid.seed=[0]")
    ds = balanced(folder, "traces", *POINT, *words).squeeze()
    assert ds.time.values[[0, -1]].tolist() == pytest.approx([0.0, 999.9])
    assert ds.time.attrs["units"] == "ms"
    for cell in "EI":
        one = ds.sel(population=cell).isel(time=slice(None, None, 10))
        np.testing.assert_allclose(one.v, ref[f"driven_v_every10_{cell}"], rtol=0, atol=1e-9)
        np.testing.assert_allclose(one.i_exc, ref[f"driven_sE_every10_{cell}"], rtol=0, atol=1e-9)
        np.testing.assert_allclose(one.i_inh, ref[f"driven_sI_every10_{cell}"], rtol=0, atol=1e-9)
        held = ds.v.sel(population=cell).values == 14.0
        assert (held[1:] & ~held[:-1]).sum() == len(ref[f"driven_spikes_steps_{cell}"]) > 40
    assert len(ei_balance.traces(ds).axes) == 3


def test_size_sets_sources_and_weights_and_leaves_the_mean(folder):
    """Four times the network: four times the sources at a quarter of the weight, half the deviation."""
    words = ("grid.pop_size=[250,1000,4000]", "grid.seed={start:0,stop:199,num:200}")
    ds = balanced(folder, "sizes", *POINT, *words).squeeze()
    assert ds.sources_exc.isel(seed=0).values.tolist() == [100.0, 400.0, 1600.0]
    assert ds.sources_inh.isel(seed=0).values.tolist() == [25.0, 100.0, 400.0]
    np.testing.assert_allclose(ds.expected_exc.sel(pop_size=250), ds.expected_exc.sel(pop_size=4000))
    sd = ds.charge_exc.std("seed", ddof=1)
    # the standard error of a ratio of two SDs of 200 is 0.07 of it
    np.testing.assert_allclose(sd.isel(pop_size=0) / sd.isel(pop_size=1), 2.0, rtol=4 * 0.071)
    np.testing.assert_allclose(sd.isel(pop_size=1) / sd.isel(pop_size=2), 2.0, rtol=4 * 0.071)


def test_numbers_depend_on_labels_only(folder):
    short = ("protocol.duration=300.0", "grid.fi=[5,14]")
    whole = balanced(folder, "whole", *short, "grid.fe=[5,9,12]", "grid.seed=[0,1,2]")
    cut = balanced(folder, "cut", *short, "grid.fe=[5,9,12]", "grid.seed=[0,1,2]", "compute.block_points=1")
    part = balanced(folder, "part", *short, "grid.fe=[9]", "grid.seed=[2]")
    assert (whole.spike_count > 0).any()
    for name in ("charge_exc", "charge_inh", "spike_count"):
        assert np.array_equal(whole[name], cut[name])
        assert np.array_equal(whole[name].sel(fe=[9], seed=[2]), part[name])
    assert len(np.unique(whole.charge_inh.sel(fe=9, population="E"))) == 6


def test_common_random_numbers_leave_the_other_source_alone(folder):
    words = ("protocol.common_random_numbers=true", "grid.fe=[5,9]", "grid.fi=[14]", "grid.seed=[0,1]")
    ds = balanced(folder, "common", *words)
    assert np.array_equal(ds.charge_inh.sel(fe=5), ds.charge_inh.sel(fe=9))
    assert not np.array_equal(ds.charge_inh.sel(seed=0), ds.charge_inh.sel(seed=1))


def test_other_networks_can_be_balanced_too(folder):
    """Conductances: the charge depends on the potential, and there is no expected current."""
    words = ("neuron=adexp", "network=fs_rs", "grid.fe=[6]", "grid.fi=[5,15]", "grid.seed=[0,1]")
    ds = ss.run(ss.load(*UNITS, *words, f"outputs={folder}", "name=adexp")).load()
    assert (ds.status == 1).all()
    assert (ds.charge_exc > 0).all()
    assert (ds.charge_inh > 0).all()
    assert ds.expected_exc.isnull().all()
    assert (ds.spike_count.sel(fi=5).sum("seed") > ds.spike_count.sel(fi=15).sum("seed")).all()


def test_units_stand_in_the_dataset(seeds):
    units = {name: seeds[name].attrs.get("units") for name in seeds.data_vars}
    assert units["charge_exc"] == units["charge_inh"] == "pC"
    assert units["current_exc"] == units["expected_inh"] == "pA"
    assert seeds.charge_exc.dims == ("population", "fe", "fi", "seed", "pop_size")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("protocol.mode=regular", "protocol.mode = 'regular'"),
        ("protocol.dt=0.3", "does not divide"),
        ("protocol.duration=10.05", "not a multiple"),
        ("network.N=4", "gives no inh synapses"),
        ("grid.pop_size=[0]", "at least 1"),
    ],
)
def test_bad_words_are_refused(word, message, folder):
    with pytest.raises(InputError, match=message):
        balanced(folder, "refused", *POINT, word)


def test_points_that_cannot_be_computed_are_refused(folder):
    with pytest.raises(InputError, match=r"grid\.fe holds 20000 Hz, more than one event in a step"):
        balanced(folder, "refused", "grid.fe=[5,20000]")


def reference_algebra():
    ref = json.loads((REFERENCE / "jercog_weight_models.json").read_text())["displayed_code_400_100"]
    gains = json.loads((REFERENCE / "jercog_thresh_gain.json").read_text())
    theta = np.array([gains[c]["thresh_pA"] for c in "EI"])
    gain = np.array([gains[c]["gain_Hz_per_pA"] for c in "EI"])
    return ref, theta, gain


# the older kernel state of the notebook: the same weights, other numbers of sources (specification, 6)
OLDER = {
    "additive_b": [-76.47829669, -84.89833122],
    "multiplicative_m": [0.66689498, 0.57181658],
    "linear_offset": [71.11665424, 42.56456493],
    "sums": [81.98730023, 70.80240743],
    "weights": [73.20294663, 63.21643521],
}


@pytest.mark.parametrize("older", [False, True])
def test_weight_algebra_is_the_originals(older):
    ref, theta, gain = reference_algebra()
    share, sources = (0.8, 80) if older else (1.0, 100)
    exc = share * np.array([ref["jEESum"], ref["jIESum"]])
    proposed = np.array([ref["proposed_jEI_pA"], ref["proposed_jII_pA"]])
    inh = proposed * sources * 14e-3
    np.testing.assert_allclose(balance.weight(inh, sources, 14.0), proposed, rtol=1e-12)
    as_point = [xr.DataArray(x[:, None], dims=("population", "point")) for x in (exc, inh)]
    found = balance.relations(*as_point, "point", slope=5 / 14)
    sums = balance.threshold_gain_original(exc, np.array([5.0, 14.0]), theta, gain, 5.0, 14.0)
    expected = OLDER if older else ref
    np.testing.assert_allclose(found.additive_b, expected["additive_b"], atol=1e-6)
    np.testing.assert_allclose(found.multiplicative_k, expected["multiplicative_m"], atol=1e-6)
    np.testing.assert_allclose(found.linear_c, expected["linear_offset"], atol=1e-6)
    if older:
        np.testing.assert_allclose(sums, expected["sums"], atol=1e-6)
        np.testing.assert_allclose(balance.weight(sums, sources, 14.0), expected["weights"], atol=1e-6)
    else:
        assert sums == pytest.approx([ref["gain_model_sumIE"], ref["gain_model_sumII"]], abs=1e-6)
        weights = [ref["gain_model_jEI_pA"], ref["gain_model_jII_pA"]]
        assert balance.weight(sums, sources, 14.0) == pytest.approx(weights, abs=1e-6)


def test_threshold_gain_in_consistent_units_asks_for_less_than_was_trained():
    ref, theta, gain = reference_algebra()
    exc = np.array([ref["jEESum"], ref["jIESum"]])
    needed = balance.threshold_gain(exc, np.array([5.0, 14.0]), theta, gain)
    # the threshold-linear unit fires at its set point under it
    np.testing.assert_allclose(gain * (exc - needed - theta), [5.0, 14.0], rtol=1e-12)
    assert (balance.weight(needed, 100, 14.0) < [136.5, 101.0]).all()


def test_relations_find_what_was_put_in():
    x = xr.DataArray([100.0, 200.0, 300.0, np.nan], dims="fe")
    found = balance.relations(x, 0.5 * x + 20.0, "fe")
    assert float(found.linear_m) == pytest.approx(0.5)
    assert float(found.linear_c) == pytest.approx(20.0)
    assert float(found.linear_residual) == pytest.approx(0.0, abs=1e-9)
    assert float(found.additive_b) == pytest.approx(-80.0)
    assert float(found.additive_residual) == pytest.approx(np.sqrt(5000.0 / 3.0))
    assert float(balance.relations(x, 0.7 * x, "fe").multiplicative_k) == pytest.approx(0.7)
    one = balance.relations(x[:1], 0.5 * x[:1], "fe")
    assert np.isnan(one.linear_m)
    assert int(one.n_points) == 1
    assert float(one.additive_b) == -50.0
    residuals = [f"{name}_residual" for name in ("additive", "multiplicative", "linear")]
    assert all(np.isnan(one[name]) for name in residuals)  # what fits by construction says nothing
    two = balance.relations(x[:2], 0.5 * x[:2], "fe")
    assert [bool(np.isnan(two[name])) for name in residuals] == [False, False, True]
    with pytest.raises(InputError, match="no dimension"):
        balance.relations(x, x, "fi")


def test_threshold_and_gain_are_found_over_set_points():
    x = xr.DataArray([100.0, 200.0, 300.0, 400.0], dims="fe")
    rate = xr.DataArray([2.0, 3.0, 7.0, 9.0], dims="fe")
    inh = balance.threshold_gain(x, rate, 60.0, 0.5)
    found = balance.relations(x, inh, "fe", rate=rate)
    assert float(found.threshold_gain_threshold) == pytest.approx(60.0)
    assert float(found.threshold_gain_slope) == pytest.approx(2.0)
    assert float(found.threshold_gain_residual) == pytest.approx(0.0, abs=1e-9)
    given = balance.relations(x, inh + 3.0, "fe", rate=rate, threshold_and_gain=(60.0, 0.5))
    assert float(given.threshold_gain_threshold) == 60.0
    assert float(given.threshold_gain_residual) == pytest.approx(3.0)
    few = balance.relations(x[:2], inh[:2], "fe", rate=rate[:2])
    assert np.isnan(few.threshold_gain_residual)
    assert "threshold_gain_slope" not in balance.relations(x, inh, "fe")


def test_set_points_of_a_known_network():
    """Rates that fall linearly with fi: the crossing is known."""
    fe, fi = xr.DataArray([4.0, 8.0], dims="fe"), xr.DataArray([0.0, 10.0, 20.0, 30.0], dims="fi")
    fe, fi = fe.assign_coords(fe=fe.values), fi.assign_coords(fi=fi.values)
    rate = (
        xr.concat([2 * fe - 0.5 * fi, 3 * fe - fi], "population").clip(0).assign_coords(population=["E", "I"])
    )
    ds = xr.Dataset(
        {"spike_count": rate * 2.0, "current_exc": 50.0 * fe + 0 * rate, "current_inh": 7.0 * fi + 0 * rate}
    )
    ds = ds.expand_dims("seed")
    ds.attrs["configuration"] = {"protocol": {"duration": 2000.0}}
    found = balance.set_points(ds)
    np.testing.assert_allclose(found.fi, [[8.0, 16.0], [6.0, 12.0]])
    np.testing.assert_allclose(found.inh, 7.0 * found.fi)
    np.testing.assert_allclose(found.exc, [[200.0, 400.0]] * 2)
    np.testing.assert_allclose(found.rate, [[4.0, 8.0], [6.0, 12.0]])


def test_the_trained_network_is_balanced_near_its_set_points(over_set_points):
    """At 5 Hz both units ask for inhibition near 14 Hz; inhibition grows with a slope near one."""
    found = balance.set_points(over_set_points).isel(pop_size=0)
    assert found.fi.notnull().all()
    assert (abs(found.fi.sel(fe=5) - 14.0) < 1.5).all()
    fits = balance.relations(found.exc, found.inh, "fe")
    assert (abs(fits.linear_m - 1.0) < 0.15).all()
    assert (fits.multiplicative_residual > 3 * fits.additive_residual).all()


def test_figures_are_drawn(over_set_points, seeds):
    sweep = figure(over_set_points)
    assert len(sweep.axes) == 6  # two maps with their bars, two relations
    assert [line.get_label().split(":")[0] for line in sweep.axes[2].lines] == [
        "at its set point",
        "additive",
        "multiplicative",
        "linear",
        "threshold-gain",
    ]
    histograms = figure(seeds)
    assert len(histograms.axes) == 3
    assert histograms.get_suptitle() == "fe = 5 Hz, fi = 14 Hz, pop_size = 1000"
    along = figure(over_set_points.sel(fi=[3]))
    assert along.get_suptitle() == "fi = 3 Hz, pop_size = 1000; mean and SD of 10 seeds"
    line = along.axes[2].containers[0].lines[0]  # E of E and I
    expected = over_set_points.spike_count.sel(population="E", fi=3).mean("seed").squeeze()
    np.testing.assert_allclose(line.get_ydata(), expected)
    crossed = figure(over_set_points.sel(population=["E"]))  # no set points: fi over, lines of fe
    assert len(crossed.axes[0].containers) == 4
    one = balance.relations(seeds.expected_exc.squeeze(), seeds.current_inh.squeeze(), "seed", slope=5 / 14)
    lines = ei_balance.weight_lines(one.sel(population="E"), (143.5, 136.7)).axes[0].lines
    np.testing.assert_allclose(lines[0].get_ydata()[-1], 200.0 * one.multiplicative_k.sel(population="E"))


@pytest.mark.slow
def test_python_and_compiled_kernels_give_the_same_bits(without_numba):
    code = """
import sys, spikesweep as ss
words = ("neuron=jercog", "network=jercog_better", "compute=serial", f"outputs={sys.argv[1]}")
for mode in ("poisson", "fixed_scaled"):
    ds = ss.run(ss.load(*words, "protocol=ei_balance", f"protocol.mode={mode}", f"name={mode}",
        "grid.fe=[30]", "grid.fi=[2]", "grid.seed=[0]", "protocol.duration=40.0", "protocol.traces=true"))
    names = ("charge_exc", "charge_inh", "v")
    print(*(ds[v].values.tobytes().hex() for v in names), int(ds.spike_count.sum()))
ds = ss.run(ss.load(*words, "protocol=fi_curve", "grid.i_ext=[400]", "protocol.duration=30.0"))
names = ("rate", "first_isi", "last_isi")
print(*(ds[v].values.tobytes().hex() for v in names), int((ds.rate > 0).sum()))
"""
    lines = without_numba(code)
    assert all(int(line.split()[-1]) > 0 for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words", "dims"),
    [
        ("jercog_fi", ["grid.i_ext.num=3"], {"population": 2, "i_ext": 3, "seed": 1}),
        (
            "seay2021_balance",
            ["grid.seed={start:0,stop:1,num:2}", "grid.fe=[4,5]"],
            {"population": 2, "fe": 2, "fi": 1, "seed": 2, "pop_size": 1},
        ),
    ],
)
def test_recorded_sweep_runs(name, words, dims, tmp_path):
    """As the first comment of its file says, on a reduced grid."""
    command = [sys.executable, str(ROOT / "run.py"), "-cd", str(ROOT / "sweeps"), "-cn", name]
    words = [*words, "protocol.duration=100.0", "compute=serial"]
    done = subprocess.run([*command, *words], cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    store = next((tmp_path / "outputs" / name).glob("*.zarr"))
    ds = ss.open(store)
    assert dict(ds.sizes) == dims
    assert (ds.status == 1).all()
    assert store.with_suffix(".png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("neuron", "network", "key", "values", "mode"),
    [
        ("jercog", "jercog", "neuron.E.C_m", (100.0, 200.0), "poisson"),
        ("jercog", "jercog", "neuron.E.tau_w", (300.0, 500.0), "fixed_scaled"),
        ("adexp", "fs_rs", "network.exc.tau_syn", (3.0, 5.0), "poisson"),
    ],
)
def test_swept_parameters_are_lanes_with_the_bits_of_single_runs(
    neuron, network, key, values, mode, tmp_path
):
    """The synapses of a Jercog cell have the weights that belong to its own C_m."""
    words = (f"neuron={neuron}", f"network={network}", "protocol=ei_balance", f"protocol.mode={mode}")
    words += (
        "grid.fe=[5.0,8.0]",
        "grid.fi=[4.0]",
        "grid.seed=[0]",
        "compute=serial",
        "protocol.duration=200.0",
    )
    words += ("protocol.common_random_numbers=true", "grid.pop_size=[2000]")
    swept = ss.load(*words, f"outputs={tmp_path}/all", f"grid.{key}=[{values[0]},{values[1]}]")
    assert key in make_job(swept)[0].parameters.lanes
    together = ss.run(swept).load()
    for value in values:
        alone = ss.run(ss.load(*words, f"outputs={tmp_path}/{value}", f"{key}={value}")).load()
        for name in ("charge_exc", "charge_inh", "current_exc", "expected_inh", "spike_count", "sources_exc"):
            part = together[name].sel({key.rsplit(".", 1)[1]: value}).transpose(*alone[name].dims)
            assert part.values.tobytes() == alone[name].values.tobytes(), (name, value)
    first, second = (together.current_exc.sel({key.rsplit(".", 1)[1]: value}) for value in values)
    assert neuron == "jercog" or float(abs(first - second).max()) > 0.0


def discrete_variance(charge, rise, fall, per_ms, dt=0.1):
    """Return the variance of a two-stage current: sources fire in a step with a probability each.

    Campbell's theorem for the response of the forward-Euler steps, which at a time constant of 1 ms has
    5 % more variance than charge^2 rate / (2 (rise + fall)), that of the equations.
    """
    u, s, squares = charge / rise, 0.0, 0.0
    for _ in range(5000):
        s, u = s + dt * (u - s) / fall, u - dt * u / rise
        squares += s * s
    n, rate = per_ms
    return n * squares * rate * dt * (1.0 - rate * dt)


def test_the_net_current_and_its_sd_are_those_of_shot_noise(folder):
    """Means within 4 standard errors of 20 seeds; the start from zero adds to the variance in closed form."""
    words = (*POINT, "grid.seed={start:0,stop:19,num:20}", "protocol.duration=4000.0")
    ds = balanced(folder, "net", *words, "protocol.net_current=true", "protocol.record_spikes=true").squeeze()
    plain = balanced(folder, "no_net", *words).squeeze()
    for name in plain.data_vars:
        assert plain[name].equals(ds[name]), name
    np.testing.assert_allclose(ds.current_net, ds.current_exc - ds.current_inh, rtol=1e-12, atol=1e-10)
    for cell, exc, inh in (("E", 143.49509118, 136.50692497), ("I", 123.92226015, 101.08023944)):
        one = ds.sel(population=cell)
        rising = (23.0**3 + 8.0**3) / 2.0 - 2.0 * 23.0**2 * 8.0**2 / 31.0
        start = (400 * 5e-3 * exc) ** 2 * rising / 15.0**2 / 4000.0
        variance = discrete_variance(exc, 8.0, 23.0, (400, 5e-3)) + discrete_variance(
            inh, 1.0, 1.0, (100, 14e-3)
        )
        found, error = one.current_net_sd.mean(), one.current_net_sd.std(ddof=1) / np.sqrt(20)
        assert abs(float(found) - np.sqrt(variance + start)) < 4.0 * error < 2.0
        spikes = ds.sweep.spikes(population=cell, seed=3).spike_times
        assert spikes.size == one.spike_count.sel(seed=3)
        trace = ss.replay(folder / "net" / "jercog-jercog_better.zarr", fe=5, fi=14, seed=3, population=cell)
        np.testing.assert_array_equal(trace.spike_times, spikes)
        np.testing.assert_allclose(trace.i_syn.std(), one.current_net_sd.sel(seed=3), rtol=1e-9)
        assert float(trace.w.max()) > 6.0 or cell == "I"
