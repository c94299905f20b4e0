import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

CELLS = {"RS-cell": 0, "FS-cell": 1}


@pytest.fixture(scope="module")
def rates():
    """Return the reference points of independent streams and 30 seeds of 10 s at each, in Hz."""
    table = pd.read_csv(REFERENCE / "adexp_rates_stats.csv").query("rng_mode == 'indep'")
    points = table[["fe_Hz", "fi_Hz"]].drop_duplicates()
    job, _, _ = make_job(ss.load())
    n = 30
    out = job.protocol(
        job.network,
        {
            "fe": np.repeat(points.fe_Hz.to_numpy(), n),
            "fi": np.repeat(points.fi_Hz.to_numpy(), n),
            "seed": np.tile(np.arange(n), len(points)),
        },
        {"pop_size": np.array([1])},
    )["rate"].reshape(2, len(points), n)
    index = {point: i for i, point in enumerate(points.itertuples(index=False, name=None))}
    rows = [(row, out[CELLS[row.cell], index[row.fe_Hz, row.fi_Hz]]) for row in table.itertuples()]
    assert len(rows) == 26
    assert sum(r.mean() > 1.0 for _, r in rows) > 10
    return rows


def test_mean_rates_are_the_reference_within_4_standard_errors(rates):
    for row, ours in rates:
        sd = max(row.sd_Hz_ddof1, ours.std(ddof=1))
        error = np.hypot(sd / np.sqrt(len(ours)), row.sem_Hz)
        assert abs(ours.mean() - row.mean_Hz) <= 4 * error, row


def test_sd_over_seeds_is_that_of_independent_streams(rates):
    for row, ours in rates:
        if row.mean_Hz > 1.0:
            assert ours.std(ddof=1) == pytest.approx(row.sd_Hz_ddof1, rel=0.35), row


def test_sd_is_larger_than_with_the_shared_seed_of_the_original(rates):
    shared = pd.read_csv(REFERENCE / "adexp_rates_stats.csv").query("rng_mode == 'shared'")
    ratios = [
        ours.std(ddof=1) / other.sd_Hz_ddof1
        for (row, ours), other in zip(rates, shared.itertuples(), strict=True)
        if row.mean_Hz > 1.0
    ]
    assert len(ratios) > 10
    assert np.mean(ratios) > 1.0


def test_sizes_are_nested(small):
    ds = ss.run(small("grid.pop_size=[1,5]")).load()
    more = ss.run(small("grid.pop_size=[1,2,5,9]", "name=more")).load()
    assert (ds.rate.values > 0).sum() > 5
    np.testing.assert_array_equal(ds.rate, more.rate.sel(pop_size=[1, 5]))
    singles = np.diff(more.rate.isel(pop_size=[0, 1]) * more.pop_size.isel(pop_size=[0, 1]), axis=-1)
    assert not np.array_equal(singles[..., 0], more.rate.isel(pop_size=0).values)


def test_points_seeds_and_populations_have_streams_of_their_own(small):
    ds = ss.run(small("network.populations=[RS,RS2]", "neuron.RS2.a=4.0", "neuron.RS2.b=20.0")).load()
    rate = ds.rate.sel(pop_size=3)
    assert float(rate.max()) > 5
    assert not np.array_equal(rate.sel(population="RS"), rate.sel(population="RS2"))
    assert not np.array_equal(rate.sel(seed=0), rate.sel(seed=1))


def test_common_random_numbers_give_the_same_trains_at_every_point(small):
    """fe = 6 and fe = 6 + 1e-9 have nearly the same event times only when the trains are common."""
    words = ("grid.fe=[6.0,6.000000001]", "protocol.duration=1000.0")
    common = ss.run(small(*words, "protocol.common_random_numbers=true", "name=common")).load()
    own = ss.run(small(*words, "name=own")).load()
    assert float(common.rate.max()) > 5
    np.testing.assert_array_equal(common.rate.isel(fe=0), common.rate.isel(fe=1))
    assert not np.array_equal(own.rate.isel(fe=0), own.rate.isel(fe=1))


def test_discard_leaves_the_start_out(small):
    words = ("grid.fe=[20]", "grid.fi=[0]", "grid.seed=[0]", "grid.pop_size=[1]", "network.populations=[RS]")
    times = {}
    for name, discard, duration in (("all", 0, 400), ("late", 100, 400), ("early", 0, 100)):
        cfg = small(*words, f"protocol.discard={discard}", f"protocol.duration={duration}", f"name={name}")
        times[name] = float(ss.run(cfg).rate.sum()) * (duration - discard) / 1000
    assert times["early"] > 1
    assert times["all"] == pytest.approx(times["early"] + times["late"])


def test_steps_rule_holds_longer_than_the_published_one(small):
    """100 steps and one, against 100 or 101: never a higher rate, and lower somewhere."""
    words = ("grid.fe=[25]", "grid.fi=[0]", "protocol.duration=5000.0")
    published = ss.run(small(*words)).load().rate
    steps = ss.run(small(*words, "protocol.refractory=steps", "name=steps")).load().rate
    assert float(published.min()) > 50
    assert bool((steps <= published).all())
    assert bool((steps < published).any())


def test_step_size_converges_as_in_the_reference(small):
    """The mean over 40 seeds at dt = 0.1 and 0.05 ms; 4 standard errors of both samples."""
    table = pd.read_csv(REFERENCE / "adexp_dt_convergence.csv").query("fe_Hz == 6 and fi_Hz == 1")
    checked = 0
    for row in table.itertuples():
        dt = row.dt_s * 1e3
        if dt < 0.05:
            continue
        ds = ss.run(
            small(
                "grid.fe=[6]",
                "grid.fi=[1]",
                "grid.seed={start:0,stop:39,num:40}",
                "grid.pop_size=[1]",
                "protocol.duration=10000.0",
                f"protocol.dt={dt}",
                f"name=dt{dt}",
            )
        )
        ours = ds.rate.sel(population=row.cell[:2])
        error = np.hypot(float(ours.std(ddof=1)) / np.sqrt(40), row.sem_Hz)
        assert abs(float(ours.mean()) - row.mean_Hz) < 4 * error
        checked += 1
    assert checked == 4


def test_replay_has_the_spikes_of_legacy_streams(small, tmp_path):
    ds = ss.run(small("protocol.rng=legacy_shared", "protocol.record_spikes=true", "grid.pop_size=[2]"))
    stored = ds.sweep.spikes(fe=12, fi=2, seed=1, population="RS")
    for neuron in (0, 1):
        one = ss.replay(ds.encoding["source"], fe=12, fi=2, seed=1, population="RS", neuron=neuron)
        own = stored.spike_times[stored.spike_neuron == neuron]
        assert own.size > 1
        np.testing.assert_array_equal(one.spike_times, own)


def test_legacy_shared_streams_give_the_counts_of_the_original(small):
    """Spike counts of the original script, seed by seed; a spike in the very last step may be ours alone."""
    table = pd.read_csv(REFERENCE / "adexp_exact_single_experiment.csv").query("network == 'CONFIG1'")
    checked = 0
    for cell in ("RS-cell", "FS-cell"):
        rows = table[table.cell == cell]
        job = make_job(small("protocol.rng=legacy_shared", "protocol.duration=10000.0"))[0]
        points = {"fe": rows.fe_Hz.to_numpy(), "fi": rows.fi_Hz.to_numpy(), "seed": rows.seed.to_numpy()}
        rates = job.protocol(job.network, points, {"pop_size": np.array([1])})["rate"]
        ours = np.round(rates[CELLS[cell], :, 0] * 10.0)
        assert (abs(ours - rows.n_spikes) <= 1).all()
        assert (ours == rows.n_spikes).mean() > 0.9
        checked += len(rows)
    assert checked > 10


def test_a_step_that_is_lost_in_rounding_is_refused(small):
    with pytest.raises(InputError, match=r"C_m / g_L = 1e\+299 ms is refused: a step .* changes nothing"):
        ss.run(small("neuron.RS.C_m=1e300"))
    make_job(small("neuron.RS.C_m=1e12"))
