"""Connection tests: the original's draws, averages, decisions and scores; streams, statistics, sweeps."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE, cells, classes
from numpy.random import RandomState

import spikesweep as ss
from spikesweep.analysis import connection_test as test
from spikesweep.analysis.detection import evaluate
from spikesweep.analysis.plots import connection_test as plots
from spikesweep.analysis.plots import figure
from spikesweep.errors import InputError
from spikesweep.kernels.random.draws import poisson_trains
from spikesweep.kernels.random.philox import derive
from spikesweep.kernels.statistics.spike_triggered import averages
from spikesweep.models.inputs import legacy_trains
from spikesweep.models.inputs.spike_trains import KeyedShuffles, trains_of
from spikesweep.models.networks.many_to_one import Experiment, Wiring
from spikesweep.store import Store
from spikesweep.sweep.job import make_job
from spikesweep.sweep.replay import verify

DT = 0.1
LEGACY = ("protocol.rng=legacy", "protocol.pvalue=upstream")
#: Columns of the original's table, and ours.
COLUMNS = {
    "out_rate_hz": "output_rate",
    "median_v_mV": "median_v",
    **{name: name for name in ("tpr", "tpr_exc", "tpr_inh", "fpr")},
    **{f"auc{kind}": f"auc{kind}_left" for kind in ("", "_exc", "_inh")},
    **{f"auc{kind}_trapz": f"auc{kind}" for kind in ("", "_exc", "_inh")},
}


def load(tmp_path, *words):
    base = ("neuron=izhikevich", "network=n_to_1", "protocol=connection_test", "compute=serial")
    return ss.load(*base, f"outputs={tmp_path}", *words)


def job(*words):
    return make_job(load(".", *words))[0]


def points(*seeds, **labels):
    return {"seed": np.array(seeds), **{k: np.full(len(seeds), v) for k, v in labels.items()}}


# the original's numbers


def test_trains_are_those_of_the_originals_stream():
    ref = pd.read_csv(REFERENCE / "wiring_poisson.csv")
    assert len(ref) == 12
    for (seed, rate, seconds), rows in ref.groupby(["seed", "rate_hz", "duration_s"]):
        trains = legacy_trains.poisson_trains(RandomState(seed), 3, rate, seconds * 1e3, DT)
        assert trains.counts.tolist() == rows.n_spikes.tolist()
        for row in rows.itertuples():
            t = trains.one(row.train)
            assert [*t[:3], t[-1]] == [row.t0_s, row.t1_s, row.t2_s, row.t_last_s]


def test_wiring_is_that_of_the_originals_stream():
    ref = pd.read_csv(REFERENCE / "wiring_connectivity.csv")
    assert len(ref) == 16
    default = job().network
    for row in ref.itertuples():
        network = replace(default, N=row.n_inputs, p_inhibitory=row.p_inh, p_connected=row.p_conn)
        wiring = network.wiring(legacy_trains.wiring_uniforms(row.seed))
        inh, connected = wiring.is_inhibitory, wiring.is_connected
        counts = [inh.sum(), (~inh).sum(), (inh & connected).sum(), (~inh & connected).sum()]
        assert counts == [row.n_inh, row.n_exc, row.n_inh_conn, row.n_exc_conn]


def test_heights_k_and_p_of_a_recorded_signal_are_the_originals():
    case = np.load(REFERENCE / "wiring_conntest_case.npz")
    ref = pd.read_csv(REFERENCE / "wiring_conntest_case_expected.csv")
    signal = case["vi_q"] * case["vi_scale_V"] * 1e3
    times = np.split(case["spike_times_s"] * 1e3, case["offsets"][1:-1])
    settings = {"window": 100.0, "n_shuffles": 100, "alpha": 0.05, "seed": 123}
    found = test.connections(signal, times, DT, legacy=True, **settings)
    np.testing.assert_allclose(found.sta[:2], case["sta_mV"], rtol=1e-12)
    for row in ref.itertuples():
        one = found.isel(input=row.input)
        assert float(one.sta_height) == pytest.approx(row.sta_height_mV, rel=1e-12)
        assert int(one.n_larger) == row.n_shuffles_larger
        assert float(one.p_upstream) == row.p_value
        assert float(one.relative_height) == pytest.approx(row.relative_height, rel=1e-12)
        shuffled = one.shuffled_height
        assert float(shuffled.mean()) == pytest.approx(row.shuffled_height_mean_mV, rel=1e-12)
        assert float(shuffled.std(ddof=0)) == pytest.approx(row.shuffled_height_sd_mV, rel=6e-3)
    keyed = test.connections(signal, times, DT, **settings)
    assert (keyed.p_value <= 0.05).values.tolist()[:5] == [True, False, True, True, True]
    assert (keyed.shuffled_height != found.shuffled_height).any()


def test_evaluation_is_the_originals():
    ref = pd.read_csv(REFERENCE / "wiring_evaluation_cases.csv")
    assert len(ref) >= 2
    for row in ref.itertuples():
        p, connected, inhibitory = (
            np.array(text.split(), float) for text in (row.p_values, row.is_connected, row.is_inhibitory)
        )
        found = evaluate(p, connected, inhibitory, 0.05)
        names = {"tpr_005": "tpr", "tpr_exc": "tpr_exc", "tpr_inh": "tpr_inh", "fpr": "fpr"}
        ref_values = dict(zip(ref.columns, row[1:], strict=True))
        assert found["tpr"] == ref_values["tpr_0.05"]
        for name in ("tpr_exc", "tpr_inh", "fpr"):
            assert found[name] == ref_values[name], names
        for kind in ("", "_exc", "_inh"):
            assert found[f"auc{kind}_left"] == pytest.approx(ref_values[f"auc{kind}_left"], rel=1e-12)
            assert found[f"auc{kind}"] == pytest.approx(ref_values[f"auc{kind}_trapz"], rel=1e-12)


def _table(seeds):
    ref = pd.read_csv(REFERENCE / "wiring_nto1_default_T30.csv").set_index("seed").loc[list(seeds)]
    it = job(*LEGACY, "protocol.duration=30000.0")
    found = it.protocol(it.network, points(*seeds), {})
    for theirs, ours in COLUMNS.items():
        np.testing.assert_allclose(found[ours], ref[theirs], rtol=2e-8, atol=1e-9, err_msg=ours)
    assert (~found["is_connected"]).sum(axis=0).tolist() == ref.n_unconnected.tolist()


def test_short_runs_are_the_originals():
    _table(range(4))


@pytest.mark.slow
def test_all_short_runs_are_the_originals():
    _table(range(20))


@pytest.mark.slow
def test_the_default_run_spikes_first_where_the_originals_does():
    it = job(*LEGACY, "protocol.duration=600000.0")
    trace = it.protocol.trace(it.network, {"seed": 0}, "RS")
    assert float(trace.spike_times[0]) == pytest.approx(4869.5, abs=1e-6)
    assert trace.sizes["spike"] > 50


def _given_trains():
    """Return the trains of wiring_izh_input_trains.csv in s: ten excitatory, two inhibitory."""
    k = np.arange(60)
    exc = [0.0123 * (j + 1) + k * (0.040 + 0.0031 * j) for j in range(10)]
    inh = [0.011 * (j + 1) + 0.050 * k for j in range(2)]
    return [t[t < 2.0] for t in (*exc, *inh)]


def test_a_neuron_under_given_trains_is_the_originals():
    ref = pd.read_csv(REFERENCE / "wiring_izh_input_trains.csv", dtype=str)
    assert (ref.quantity == "v_mV").sum() > 5
    inhibitory = np.arange(12) >= 10
    trains = trains_of(_given_trains(), 1e-4)
    given = Experiment(Wiring(np.ones(12, bool), inhibitory), trains, None, None)
    columns = {
        "v_mV": ("v", 1.0),
        "u_pA": ("u", 1.0),
        "I_syn_outward_pA": ("i_syn", -1.0),
        "g_exc_total_nS": ("g_exc", 1.0),
        "g_inh_total_nS": ("g_inh", 1.0),
    }
    names = [name for name, _ in columns.values()]
    for case, rows in ref.groupby("case"):
        exc, inh = (float(text.split()[1]) for text in case.split(": ")[1].split(", "))
        words = f"network.exc.weight={exc}", f"network.dg_ratio={inh / exc}", "protocol.duration=2000.0"
        it = job(*words)
        signals, spikes = next(it.protocol._simulated(it.network, [given], names))
        listed = rows[rows.quantity == "spike_steps"].value.fillna("").iloc[0]
        assert spikes.tolist() == [int(n) for n in listed.split()]
        for quantity, (name, sign) in columns.items():
            part = rows[rows.quantity == quantity]
            at = part.step.astype(int).values
            ours, theirs = sign * signals[name][at], part.value.astype(float).values
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10, err_msg=name)


# averages and shuffles


def naive(signal, rows, window):
    """Add the windows one after the other."""
    sums = np.zeros((len(rows), window))
    for total, bins in zip(sums, rows, strict=True):
        for s in bins:
            total += signal[s : s + window]
    with np.errstate(invalid="ignore"):
        return sums / np.array([len(bins) for bins in rows])[:, np.newaxis]


@pytest.mark.parametrize("n", [900, 60_000])
def test_averages_are_those_of_a_plain_loop_to_the_last_bit(n):
    rng = np.random.default_rng(n)
    signal = rng.normal(size=n)
    window = 37
    sizes = [0, 1, 7, 8, 9, 64, 301, 5, 2000]
    rows = [np.sort(rng.integers(0, n - window, size)).astype(np.int32) for size in sizes]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    found = averages(signal, np.concatenate(rows), offsets, window)
    assert np.isnan(found[0]).all()
    assert np.array_equal(found, naive(signal, rows, window), equal_nan=True)


def test_shuffles_keep_the_intervals_and_are_uniform():
    """6 orders of 3 intervals, 60 000 shuffles: chi square of 5 degrees of freedom below 20.5 (p 0.001)."""
    trains = trains_of([[1.0, 3.0, 7.0], [1.0, 3.0, 7.0], [2.0]], 1.0)
    keys = derive(np.uint64(1), "input", np.arange(3))
    n = 60_000
    bins, used = KeyedShuffles(keys).bins(trains, 0, n, 7)
    assert (used == 2).all()
    assert (np.sort(np.diff(bins, prepend=0, axis=1), axis=1) == [1, 2, 4]).all()
    orders, counts = np.unique(bins, axis=0, return_counts=True)
    assert len(orders) == 6
    assert ((counts - n / 6) ** 2 / (n / 6)).sum() < 20.5
    fewer = KeyedShuffles(keys).bins(trains, 0, 10, 7)[0]
    assert np.array_equal(fewer, bins[:10])
    assert not np.array_equal(KeyedShuffles(keys).bins(trains, 1, 10, 7)[0], fewer)
    assert KeyedShuffles(keys).bins(trains, 2, 2, 7)[0].tolist() == [[2], [2]]


def test_trains_are_poisson_and_stop_in_time():
    """2000 trains of 5 spikes expected: mean and variance of the counts within 4 standard errors of 5."""
    keys = derive(np.uint64(2), "input", np.arange(2000))
    times, offsets = poisson_trains(keys, np.full(2000, 20.0), 100.0)
    counts = np.diff(offsets)
    assert abs(counts.mean() - 5.0) < 4 * np.sqrt(5.0 / 2000)
    assert abs(counts.var() - 5.0) < 4 * np.sqrt((5.0 + 2 * 25.0) / 2000)
    assert times.max() < 100.0
    assert times.min() > 0.0
    alone, _ = poisson_trains(keys[7:8], np.full(1, 20.0), 50.0)
    inside = times[offsets[7] : offsets[8]]
    assert np.array_equal(alone, inside[inside < 50.0])


def test_p_of_noise_is_uniform():
    """400 trains on white noise: the share of p <= 0.2 within 4 standard errors (0.08) of 0.2."""
    rng = np.random.default_rng(3)
    signal = rng.normal(size=20_000)
    times = [np.sort(rng.uniform(0.0, 2000.0, 40)) for _ in range(400)]
    found = test.connections(signal, times, DT, window=5.0, n_shuffles=99, alpha=0.05)
    assert abs(float((found.p_value <= 0.2).mean()) - 0.2) < 0.08
    assert abs(float((found.p_value <= 0.5).mean()) - 0.5) < 0.1


def test_an_input_without_a_window_has_no_p():
    signal = np.sin(np.arange(1000.0))
    found = test.connections(
        signal, [[], [99.0], [5.0, 40.0, 80.0]], DT, window=20.0, n_shuffles=9, alpha=0.05
    )
    assert found.n_larger.values[:2].tolist() == [-1, -1]
    assert np.isnan(found.p_value[:2]).all()
    assert np.isfinite(found.p_value[2])
    assert found.sign.values[:2].tolist() == [0, 0]


@pytest.mark.parametrize("statistic", ["height", "area", "template"])
def test_every_statistic_finds_what_is_there_and_its_sign(statistic):
    """Bumps of +-2 SD of the noise, after the spikes of inputs 0 and 1; none after those of 2 to 9."""
    rng = np.random.default_rng(4)
    signal = rng.normal(size=100_000)
    times = [np.sort(rng.uniform(0.0, 9990.0, 300)) for _ in range(10)]
    shape = np.exp(-np.arange(50) / 15.0)
    for t, height in zip(times[:2], (2.0, -2.0), strict=True):
        for s in np.rint(t / DT).astype(int):
            signal[s + 2 : s + 52] += height * shape
    words = {"window": 8.0, "n_shuffles": 99, "alpha": 0.05}
    found = test.connections(signal, times, DT, statistic=statistic, **words)
    assert found.p_value.values[:2].tolist() == [0.01, 0.01]
    assert (found.p_value.values[2:] > 0.05).sum() >= 6
    assert found.sign.values[:2].tolist() == [1, -1]
    if statistic == "template":
        assert float(found.template_correlation[0]) > 0.8
        assert float(found.template_correlation[1]) < -0.8


def test_a_regular_train_is_no_evidence():
    """Every shuffle of it is the train itself: none is larger, all are as large."""
    signal = np.random.default_rng(5).normal(size=10_000)
    regular = np.arange(20.0, 900.0, 20.0)
    found = test.connections(signal, [regular, [50.0]], DT, window=5.0, n_shuffles=99, alpha=0.05)
    assert found.n_larger.values.tolist() == [0, 0]
    assert found.p_value.values.tolist() == [1.0, 1.0]
    assert found.p_upstream.values.tolist() == [1 / 99, 1 / 99]


def test_without_a_first_find_no_input_is_like_the_template():
    rng = np.random.default_rng(6)
    times = [np.sort(rng.uniform(0.0, 900.0, 40)) for _ in range(3)]
    signal = np.zeros(10_000)
    found = test.connections(
        signal, [*times, []], DT, window=5.0, n_shuffles=19, alpha=0.01, statistic="template"
    )
    assert found.p_value.values[:3].tolist() == [1.0, 1.0, 1.0]
    assert np.isnan(found.p_value[3])
    assert evaluate(found.p_value, [1, 1, 0, 0], [0, 0, 0, 0], 0.05)["tpr"] == 0.0


@pytest.mark.parametrize("times", [[-1.0, 5.0], [5.0, 4.0], [np.nan], [[1.0]]])
def test_spike_times_that_are_none_are_refused(times):
    words = {"window": 5.0, "n_shuffles": 9}
    with pytest.raises(InputError, match="spike times of input 0 are refused; allowed: finite, sorted"):
        test.connections(np.zeros(1000), [times], DT, alpha=0.05, **words)
    with pytest.raises(InputError, match="spike times of input 0"):
        test.examples(np.zeros(1000), times, DT, **words)


def test_areas_of_ties_and_empty_classes():
    assert all(np.isnan(v) for v in evaluate([np.nan] * 4, [1, 1, 0, 0], [0] * 4, 0.05).values())
    tied = evaluate([0.5] * 4, [1, 1, 0, 0], [0, 0, 0, 0], 0.05)
    assert (tied["auc"], tied["auc_left"]) == (0.5, 0.0)
    assert np.isnan(tied["tpr_inh"])
    assert np.isnan(tied["auc_inh"])
    assert test.p_values([0, 1, 4, 100], 100, "upstream").tolist() == [0.01, 0.01, 0.04, 1.0]
    assert test.p_values([0, 100], 100, "corrected").tolist() == [1 / 101, 1.0]


# sweeps

SHORT = ("protocol.duration=3000.0", "network.N=10", "protocol.n_shuffles=19")


def test_numbers_do_not_depend_on_blocks_workers_or_company(tmp_path):
    words = (*SHORT, "grid.seed={start:0,stop:5,num:6}", "protocol.record=[sta,shuffled_height]")
    first = ss.run(load(tmp_path / "a", *words, "compute.block_points=6")).load()
    for folder, more in (
        ("b", ("compute.block_points=1",)),
        ("c", ("compute=threads", "compute.workers=2", "compute.block_points=4")),
    ):
        other = ss.run(load(tmp_path / folder, *words, *more)).load()
        for name in (*first.data_vars, "is_connected"):
            assert np.array_equal(first[name], other[name], equal_nan=first[name].dtype.kind == "f"), name
    assert (first.status == 1).all()
    assert len(np.unique(first.sta_height)) == 60
    assert set(first.coords) >= {"is_connected", "is_inhibitory", "input", "lag", "seed"}
    assert first.sta.attrs["units"] == "mV"


def test_an_inputs_test_does_not_depend_on_which_others_are_tested(tmp_path):
    everything = ss.run(load(tmp_path, *SHORT, "grid.seed=[3]", "name=all")).load().isel(seed=0)
    words = ("protocol.tested=1", "name=some", "grid.seed=[3]")
    some = ss.run(load(tmp_path, *SHORT, *words)).load().isel(seed=0)
    tested = np.flatnonzero(some.n_larger.notnull())
    assert len(tested) == 3
    for name in ("sta_height", "relative_height", "n_larger"):
        assert np.array_equal(some[name][tested], everything[name][tested])
    fastest = np.argmax(everything.n_spikes.where(~everything.is_connected, 0).values)
    assert int(fastest) in tested


def test_common_random_numbers_give_every_ratio_the_same_trains(tmp_path):
    words = (*SHORT, "grid.seed=[0,1]", "grid.network.dg_ratio=[0.5,4.0]")
    common = ss.run(load(tmp_path, *words, "name=common")).load()
    own = ss.run(load(tmp_path, *words, "name=own", "protocol.common_random_numbers=false")).load()
    assert (common.n_spikes.sel(dg_ratio=0.5) == common.n_spikes.sel(dg_ratio=4.0)).all()
    assert (common.median_v.sel(dg_ratio=0.5) > common.median_v.sel(dg_ratio=4.0)).all()
    assert (own.n_spikes.sel(dg_ratio=0.5) != own.n_spikes.sel(dg_ratio=4.0)).any()
    assert np.array_equal(own.sel(dg_ratio=4.0).sta_height, common.sel(dg_ratio=4.0).sta_height)


#: Pairs of values, and a variable that changes with them.
AXES = (
    {
        "protocol.duration": ((2000.0, 3000.0), "n_spikes"),
        "protocol.snr": ((5.0, 20.0), "sta_height"),
        "network.spike_rate": ((10.0, 20.0), "n_spikes"),
        "network.p_inhibitory": ((0.2, 0.6), "is_inhibitory"),
    },
    {
        "network.dg_ratio": ((1.0, 4.0), "median_v"),
        "network.N": ((6, 10), "n_spikes"),
        "protocol.window": ((50.0, 100.0), "sta_height"),
        "protocol.n_shuffles": ((9, 19), "p_value"),
    },
)


@pytest.mark.parametrize("axes", AXES, ids=["experiment", "test"])
def test_every_parameter_can_be_an_axis(axes, tmp_path):
    words = [f"grid.{key}={list(values)}" for key, (values, _) in axes.items()]
    ds = ss.run(load(tmp_path, *SHORT, "grid.seed=[0]", *words)).load()
    assert (ds.status == 1).all()
    assert ds.status.size == 16
    for key, (values, changed) in axes.items():
        name = key.split(".")[1]
        low, high = (ds[changed].sel({name: value}) for value in values)
        assert not np.array_equal(low, high, equal_nan=changed != "is_inhibitory"), key


def test_inputs_that_a_point_lacks_are_empty_and_a_store_grows_by_more(tmp_path):
    words = (*SHORT, "grid.seed=[0,1]", "protocol.record=[sta]")
    six = ss.run(load(tmp_path, *words, "grid.network.N=[6]")).load()
    both = ss.run(load(tmp_path, *words, "grid.network.N=[6,10]")).load()
    alone = ss.run(load(tmp_path, *words, "name=ten")).load()
    assert (both.status == 1).all()
    assert (six.sizes["input"], both.sizes["input"]) == (6, 10)
    for name in ("sta", "p_value", "n_spikes"):
        few = both[name].sel(N=6)
        assert np.array_equal(few.isel(input=slice(6)), six[name].sel(N=6))
        assert np.array_equal(both[name].sel(N=10), alone[name])
    beyond = both.sel(N=6).isel(input=slice(6, None))
    for name in ("sta_height", "n_larger", "p_value"):
        assert np.isnan(beyond[name]).all()
    assert not beyond.is_connected.any()
    path = tmp_path / "connection_test" / "izhikevich-n_to_1.zarr"
    assert verify(Store.at(path), 4, np.random.default_rng(0)) == {"verified": 4, "different": []}
    assert ss.replay(path, seed=1, N=6).input_of.values.max() == 5
    fewer = ss.run(load(tmp_path, *words, "grid.network.N=[6]")).load()
    assert fewer.sizes["N"] == 1
    with pytest.raises(InputError, match="labels"):
        ss.run(load(tmp_path, *words, "grid.protocol.dt=[0.1,0.2]", "name=steps"))


def test_stored_points_are_replayed_with_all_signals(tmp_path):
    words = (*SHORT, "grid.seed=[0,1]", "protocol.record=[v,vi,g_exc]")
    ds = ss.run(load(tmp_path, *words)).load()
    trace = ss.replay(tmp_path / "connection_test" / "izhikevich-n_to_1.zarr", seed=1)
    assert set(trace.data_vars) >= {"v", "vi", "u", "i_syn", "g_exc", "g_inh", "spike_times", "input_times"}
    for name in ("v", "vi", "g_exc"):
        assert np.array_equal(ds[name].sel(seed=1), trace[name])
    sigma = float((trace.vi - trace.v).std())
    assert sigma == pytest.approx(95.0 / 20.0, rel=4 / np.sqrt(2 * 30_000))
    assert float(trace.v.max()) <= 35.0
    assert np.array_equal(ds.sweep.spikes(seed=1).spike_times, trace.spike_times)


def says_how_high_spikes_are(pair):
    cls = classes()[pair]
    return hasattr(cls, "E_L") and (hasattr(cls, "V_spike") or hasattr(cls, "V_th"))


@pytest.mark.parametrize("neuron", sorted({pair[0] for pair in cells() if says_how_high_spikes_are(pair)}))
def test_any_neuron_can_be_imaged(neuron):
    cell = next(cell for name, cell in cells() if name == neuron)
    words = (f"neuron={neuron}", f"network.populations=[{cell}]", "protocol.duration=1000.0", "network.N=4")
    it = job(*words, "protocol.n_shuffles=9", "network.inh.E_rev=-100.0", "protocol.snr=1000.0")
    found = it.protocol(it.network, points(0), {})
    assert np.isfinite(found["sta_height"]).all()
    assert np.isfinite(found["median_v"]).all()
    assert (found["sta_height"] > 0.0).all()


def test_the_adexp_version_runs(tmp_path):
    words = ("neuron=adexp_fiers", "network=n_to_1_adexp", "protocol=connection_test", "protocol.window=20.0")
    ds = ss.run(ss.load(*words, "grid.seed=[0]", "protocol.duration=5000.0", f"outputs={tmp_path}"))
    assert (ds.status == 1).all()
    assert (ds.output_rate > 0.0).all()
    assert np.isfinite(ds.p_value).all()


def test_plain_rounding_has_the_same_counts_in_every_seed():
    network = make_job(load(".", "network=n_to_1_plain"))[0].network
    for u in (np.zeros(3), np.full(3, 0.999)):
        wiring = network.wiring(u)
        assert (wiring.is_inhibitory.sum(), wiring.is_connected.sum()) == (6, 21)


@pytest.mark.slow
def test_false_positives_are_those_of_the_early_notebook(tmp_path):
    """20 seeds of 10 minutes, counts rounded plainly: published 0.03889, which is 7 of 180, and AUC 0.99."""
    words = ("network=n_to_1_plain", "protocol.rng=legacy", "protocol.pvalue=upstream", "compute=threads")
    axes = ("protocol.duration=600000.0", "grid.seed={start:0,stop:19,num:20}")
    ds = ss.run(load(tmp_path, *words, *axes)).load()
    none = ~ds.is_connected.astype(bool)
    assert int(none.sum()) == 180
    assert int((ds.p_upstream <= 0.05).where(none, False).sum()) == 7
    assert float(ds.auc_exc_left.mean()) == pytest.approx(0.9889, abs=5e-5)
    assert 0.2 < float(ds.output_rate.mean()) < 0.28


@pytest.mark.slow
def test_independent_streams_find_connections_and_few_others(tmp_path):
    """20 seeds of 60 s; 0.05 is 3 standard errors of the share of 180 inputs that are not connected."""
    words = ("protocol.duration=60000.0", "grid.seed={start:0,stop:19,num:20}", "compute=threads")
    ds = ss.run(load(tmp_path, *words)).load()
    assert float(ds.tpr_exc.mean()) >= 0.97
    assert abs(float(ds.fpr.mean()) - 0.05) <= 0.05


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("network=fs_rs", "network is a RandomNetwork"),
        ("network.populations=[RS,FS]", "allowed: one neuron"),
        ("protocol.window=600000.0", "protocol.window = 600000.0 ms is refused; allowed: less than"),
        ("protocol.window=100.05", "protocol.window = 100.05 ms is not a multiple"),
        ("protocol.record=[w]", "which this neuron and its synapses do not have"),
        ("protocol.tested=0", "protocol.tested = 0"),
        ("protocol.snr=0", "protocol.snr = 0"),
        ("network.N=0", "network.N = 0"),
        ("network.p_connected=1.2", "network.p_connected = 1.2"),
        ("protocol.statistic=area2", "did you mean 'area'"),
    ],
)
def test_wrong_words_are_refused(word, message, tmp_path):
    with pytest.raises(InputError, match=message):
        make_job(load(tmp_path, word))


def test_legacy_has_one_rate(tmp_path):
    with pytest.raises(InputError, match="rate_spread"):
        make_job(load(tmp_path, *LEGACY, "network.rate_spread=0.5"))


def test_wrong_signals_are_refused():
    words = {"n_shuffles": 9, "alpha": 0.05}
    with pytest.raises(InputError, match="not finite"):
        test.connections([0.0, np.nan], [[0.1]], DT, window=0.1, **words)
    with pytest.raises(InputError, match="window = 5"):
        test.connections(np.zeros(10), [[0.1]], DT, window=5.0, **words)


def test_figures_are_drawn(tmp_path):
    words = (*SHORT, "grid.seed=[0,1]", "protocol.record=[shuffled_height]")
    ds = ss.run(load(tmp_path, *words))
    histogram, relative, matrix, curves = figure(ds).axes
    run = ds.isel(seed=0).load()
    for ax in (histogram, relative):
        assert sum(patch.get_height() for patch in ax.patches) == 20
    assert matrix.images[0].get_array().shape[0] == 10
    assert len(curves.lines) == 3
    assert len(plots.heights(run, [0, 9]).axes) == 2
    trace = ss.replay(tmp_path / "connection_test" / "izhikevich-n_to_1.zarr", seed=0)
    wide, near = plots.potential(trace).axes
    assert len(wide.lines[0].get_xdata()) == pytest.approx(2000, abs=2)
    assert len(near.lines[0].get_xdata()) == pytest.approx(70, abs=2)
    words = {"window": 20.0, "n_shuffles": 9}
    found = test.examples(trace.vi, trace.input_times[trace.input_of == 0], trace.dt, **words)
    assert len(plots.averages(found).axes[0].lines) == 9
    ratio = ss.run(load(tmp_path, *SHORT, "grid.seed=[0,1]", "grid.network.dg_ratio=[1.0,4.0]", "name=r"))
    rates, areas, output = figure(ratio).axes
    assert [len(ax.lines) for ax in (rates, areas, output)] == [9, 6, 3]
