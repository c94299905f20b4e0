"""Sweeps of population information: labels, growth, sharing, delays, statistics of the reference, figures."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import REFERENCE, first_file

import spikesweep as ss
from spikesweep.analysis import information as info
from spikesweep.analysis.plots import population_information as plots
from spikesweep.errors import InputError
from spikesweep.grid.attributes import configuration_of
from spikesweep.models.networks import afferents
from spikesweep.models.networks.afferents import Afferents, Conduction
from spikesweep.models.simulation import pool as response_pool
from spikesweep.store import Store
from spikesweep.store.check import check
from spikesweep.sweep.job import make_job

WORDS = ("neuron=lif_dimensionless", "network=afferents", "protocol=population_information")
#: A tenth of a second, 40 responses, segments of 20 ms: the numbers of milliseconds of computing.
SHORT = (
    "protocol.duration=100.0",
    "protocol.nperseg=2048",
    "protocol.num_responses=40",
    "protocol.coherence_sizes=[1,21]",
    "protocol.coherence_to=700.0",
    "grid.band=[0-200,200-600]",
    "grid.seed=[0,3]",
    "grid.pop_size=[1,5,21]",
    "grid.repeat=[0,1]",
    "compute=serial",
)
#: The same white noise and the same segments at half the step.
HALF_THE_STEP = (
    "protocol.dt=0.005",
    "protocol.nperseg=32768",
    "neuron.LIF.noise_D=null",
    "neuron.LIF.noise_sigma=0.0079056941504209485",
)
OWN = ("information", "information_floor", "coherence", "cell_coherence", "rate_mean", "isi_cv")


def load(tmp_path, *words):
    return ss.load(*WORDS, *SHORT, f"outputs={tmp_path}", *words)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    path = tmp_path_factory.mktemp("population")
    return ss.run(load(path)).load(), path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["grid.protocol.num_responses=[20,60]", "grid.pop_size=[1,21,60]"],
            "up to protocol.num_responses = 20",
        ),
        (["exclude=band == '0-100' and seed == 1", "grid.seed=[0,1]"], ""),
    ],
)
def test_sizes_and_bands_are_checked_wherever_they_stand(tmp_path, words, message):
    base = ("neuron=lif_dimensionless", "network=afferents", "protocol=population_information")
    base += ("protocol.coherence_sizes=[1]", f"outputs={tmp_path}")
    if message:
        with pytest.raises(ss.InputError, match=message):
            make_job(ss.load(*base, *words))
    else:
        assert "point" in make_job(ss.load(*base, *words))[0].grid.names


def test_dataset_is_labelled(swept):
    ds, path = swept
    assert dict(ds.information.sizes) == {
        "band": 2, "seed": 2, "condition": 4, "pop_size": 3, "repeat": 2
    }  # fmt: skip
    assert ds.coherence.dims == ("coherence_size", "frequency", "band", "seed", "condition", "repeat")
    assert ds.rate_mean.dims == ("band", "seed")
    assert (ds.status == 1).all()
    assert ds.band_low.values.tolist() == [0.0, 200.0]
    assert ds.band_high.values.tolist() == [200.0, 600.0]
    assert ds.density.values.tolist() == [0.0, 2000.0, 2000.0, 2000.0]
    assert ds.velocity.values.tolist() == [50.0, 50.0, 25.0, 7.0]
    np.testing.assert_allclose(ds.delay_step, [0.0, 0.01, 0.02, 1.0 / 14.0])
    names = ("information", "information_floor", "rate_mean", "delay_step", "velocity", "frequency")
    units = [ds[name].attrs["units"] for name in names]
    assert units == ["bits/s", "bits/s", "Hz", "ms", "m/s", "Hz"]
    plain = xr.open_zarr(path / "population_information" / "lif_dimensionless-afferents.zarr")
    assert set(plain.coords) >= {"band_low", "delay_step", "condition", "coherence_size", "frequency"}
    protocol = configuration_of(ds.attrs)["protocol"]
    assert protocol["nperseg"] == 2048
    assert protocol["include_zero"] is False


def test_numbers_are_those_of_scipy_on_the_same_trains(swept, tmp_path):
    """Everything that the kernels share is written out here: order, delays, rate, coherence, information."""
    ds, _ = swept
    job, _, _ = make_job(load(tmp_path))
    dt = job.protocol.dt
    for band, seed, condition, repeat in (("0-200", 3, "corpus_callosum", 1), ("200-600", 0, "none", 0)):
        pool = job.protocol.pool(job.network, {"band": band, "seed": seed})
        there = ds.sel(band=band, seed=seed, condition=condition, repeat=repeat)
        order, shifts = job.protocol.order(job.network, pool, condition, repeat)
        low, high = float(there.band_low), float(there.band_high)
        for size in (1, 5, 21):
            times = [pool.trains.of(k) * dt for k in order[:size]]
            rate = info.population_rate(times, job.protocol.n, dt, 1.25, shifts[:size] * dt)
            for name, stimulus in (("information", pool.stimulus), ("information_floor", pool.surrogate)):
                found = info.spectra(stimulus, rate, dt, 2048)
                bits = info.information(found.coherence, low, high)
                assert float(there[name].sel(pop_size=size)) == (pytest.approx(float(bits), rel=1e-9))
        kept = there.coherence.sel(coherence_size=21).dropna("frequency")
        found = info.spectra(pool.stimulus, rate, dt, 2048).coherence
        np.testing.assert_allclose(kept, found.sel(frequency=kept.frequency, method="nearest"), rtol=1e-9)
        inside = (ds.frequency >= low) & (ds.frequency <= high)
        assert np.isfinite(there.coherence.sel(coherence_size=21)).values.tolist() == inside.values.tolist()
        counts = pool.trains.counts
        assert len(counts) == 40
        assert float(there.rate_mean) == pytest.approx(counts.mean() / 0.1)


def test_repeats_sizes_and_conditions_differ(swept):
    ds, _ = swept
    several = ds.sel(pop_size=[5, 21])  # one cell can be the same by chance
    for name in ("information", "information_floor"):
        assert (several[name].std("repeat") > 0.0).all()
        assert len(np.unique(several[name])) == several[name].size


def test_responses_of_a_pool_are_no_copies(tmp_path):
    ds = ss.responses(load(tmp_path), band="200-600", seed=3)
    trains = [tuple(ds.spike_times.values[ds.spike_cell.values == k]) for k in range(ds.attrs["cells"])]
    assert len(set(trains)) == 40
    assert min(map(len, trains)) > 50
    assert ds.stimulus.sizes["time"] == 10_000


@pytest.mark.parametrize(
    "words",
    [
        (
            "grid.pop_size=[1,3,5,21,33]",
            "grid.repeat=[0,1,2,3]",
            "grid.condition=[none,4000/15,efish,squid,corpus_callosum]",
        ),
        ("grid.seed=[0,1,3]", "grid.band=[0-200,200-600,100-300]", "protocol.populations=independent"),
    ],
)
def test_growth_leaves_old_values_equal_bit_for_bit(words, tmp_path):
    """Whatever is added is computed; what was there has the same bits, also of a fresh sweep of all."""
    base = [word for word in words if word.startswith("protocol")]
    old = ss.run(load(tmp_path, *base)).load()
    grown = ss.run(load(tmp_path, *words)).load()
    fresh = ss.run(load(tmp_path / "fresh", *words)).load()
    assert grown.information.size > old.information.size
    assert (grown.status == 1).all()
    for name in OWN:
        labels = {dim: old[dim].values for dim in old[name].dims if dim in old.attrs["axes"]}
        np.testing.assert_array_equal(grown[name].sel(labels), old[name])
        everything = {dim: fresh[dim].values for dim in fresh[name].dims}
        np.testing.assert_array_equal(grown[name].sel(everything), fresh[name])
    assert grown.velocity.dims == ("condition",)


def test_a_pool_is_simulated_once_for_all_conditions_sizes_and_repeats(tmp_path, monkeypatch):
    calls = []

    def counted(cells, stimulus, keys, dt):
        calls.append(len(keys))
        return afferents.responses(cells, stimulus, keys, dt)

    job, _, _ = make_job(load(tmp_path))
    job.protocol.prepare(job.network)
    monkeypatch.setattr(response_pool, "responses", counted)
    points = {"band": np.array(["0-200", "200-600"]), "seed": np.array([0, 0])}
    job.protocol(job.network, points, job.grid.whole)
    assert calls == [40, 40]


def test_numbers_do_not_depend_on_blocks_or_words(swept, tmp_path):
    """One point a block; conditions in numbers; and a store that is opened again has nothing to do."""
    ds, path = swept
    other = ss.run(load(tmp_path, "compute.block_points=1", "grid.condition=[2000/25,2000/7,none]")).load()
    for name, number in (("squid", "2000/25"), ("corpus_callosum", "2000/7"), ("none", "none")):
        np.testing.assert_array_equal(
            ds.information.sel(condition=name), other.information.sel(condition=number)
        )
    again = ss.run(load(path))
    assert again.attrs["created"] == ds.attrs["created"]


def of(tmp_path, *words):
    job, _, _ = make_job(load(tmp_path, "grid.band=[0-200]", "grid.seed=[0]", *words))
    points = {"band": np.array(["0-200"]), "seed": np.array([0])}
    return job.protocol(job.network, points, job.grid.whole)


def test_a_compensating_reader_has_no_delays(tmp_path):
    """Without jitter the known delays are all there is: with the same populations, the same bits."""
    common = ("protocol.common_random_numbers=true",)
    plain, compensated = (of(tmp_path, *common, f"network.reader={r}") for r in ("plain", "compensated"))
    assert np.array_equal(plain["information"][:, 0], compensated["information"][:, 3])
    assert not np.array_equal(plain["information"][:, 0], plain["information"][:, 3])
    jittered = of(tmp_path, *common, "network.reader=compensated", "network.position_jitter=5.0")
    assert not np.array_equal(jittered["information"][:, 3], compensated["information"][:, 3])
    assert np.array_equal(jittered["information"][:, 0], compensated["information"][:, 0])


def test_jitter_moves_spikes_by_its_distance():
    """SD over 1e4 positions within 4 standard errors; whole steps add 1/12."""
    network = afferent_network(position_jitter=3.0)
    conduction, n = Conduction(2000.0, 7.0), 10_000
    moved = network.shifts(conduction, np.uint64(1), n, 0.01) - afferent_network().shifts(
        conduction, np.uint64(1), n, 0.01
    )
    sd = 3.0 * conduction.delay_step / 0.01
    assert moved[100:].std() == pytest.approx(np.hypot(sd, np.sqrt(1 / 6)), rel=4 / np.sqrt(2 * n))
    assert (network.shifts(Conduction(0.0, 1.0), np.uint64(1), n, 0.01) == 0).all()


def afferent_network(**changes):
    job, _, _ = make_job(ss.load(*WORDS, *(f"network.{k}={v}" for k, v in changes.items())))
    assert isinstance(job.network, Afferents)
    return job.network


def test_a_band_of_analysis_leaves_all_else_as_it_is_and_adds_up(tmp_path):
    """The same bits as without; the stimulus's own band as `information`; neighbours that share an edge."""
    df = 1e3 / (2048 * 0.01)
    edge = f"{2.5 * df:.17g}"  # between two bins
    bands = f"protocol.analysis_bands=[0-200,0-{edge},{edge}-600,200-600]"
    plain, banded = of(tmp_path), of(tmp_path, bands)
    for name, values in plain.items():
        np.testing.assert_array_equal(banded[name], values)
    found = banded["band_information"]
    assert found.shape == (4, *plain["information"].shape)
    np.testing.assert_array_equal(found[0], plain["information"])
    assert (found[1] < found[0]).all()  # less by the bins from there on
    # nothing of a stimulus of 0 to 200 Hz is there beyond what leaks into the next bins, and the bias
    assert found[3].max() < 2.0 * found[0].max()
    wide = ss.run(load(tmp_path, bands, "grid.band=[0-600]", "grid.seed=[0]")).load()
    parts = wide.band_information.isel(analysis_band=[1, 2]).sum("analysis_band")
    np.testing.assert_allclose(parts, wide.information, rtol=1e-12)


def test_bands_of_analysis_are_labelled_and_kept(tmp_path):
    ds = ss.run(load(tmp_path, "protocol.analysis_bands=[0-100,100-600]", "grid.seed=[0]")).load()
    assert ds.band_information.dims[0] == "analysis_band"
    assert ds.analysis_band.values.tolist() == ["0-100", "100-600"]
    assert ds.band_information.attrs["units"] == "bits/s"
    assert np.isfinite(ds.band_information).all()


def test_off_cells_respond_to_the_inverted_stimulus_and_tell_as_much(tmp_path):
    """All of them OFF: the spikes of ON cells that see minus the stimulus. A quarter: every fourth cell."""
    job, _, _ = make_job(load(tmp_path, "network.off_fraction=1.0", "network.spread_offset=0.1"))
    at = {"band": "0-200", "seed": 0}
    every_on = replace(job.network, off_fraction=0.0)
    off, on = job.protocol.pool(job.network, at), job.protocol.pool(every_on, at)
    inverted = replace(job.protocol, amplitude=-job.protocol.amplitude)
    assert not np.array_equal(off.trains.steps, on.trains.steps)
    mirrored = inverted.pool(every_on, at)
    np.testing.assert_array_equal(off.trains.steps, mirrored.trains.steps)
    part = job.protocol.pool(replace(job.network, off_fraction=0.25), at)
    assert part.signs.tolist() == [1.0, 1.0, 1.0, -1.0] * 10
    for cell in range(40):
        there = off if part.signs[cell] < 0.0 else on
        np.testing.assert_array_equal(part.trains.of(cell), there.trains.of(cell))


def test_a_reader_that_inverts_off_cells_is_that_of_rates_with_their_signs(tmp_path):
    """By SciPy: the rate of ON cells less that of OFF cells; and one that does not, their sum."""
    for reader, populations in (("inverted", "nested"), ("inverted", "independent"), ("plain", "nested")):
        words = (f"network.off_reader={reader}", f"protocol.populations={populations}", "grid.band=[0-200]")
        job, _, _ = make_job(load(tmp_path, "network.off_fraction=0.5", "grid.seed=[0]", *words))
        points = {"band": np.array(["0-200"]), "seed": np.array([0])}
        found = job.protocol(job.network, points, job.grid.whole)["information"][0, 2]  # squid
        pool = job.protocol.pool(job.network, {"band": "0-200", "seed": 0})
        size = 21 if populations == "independent" else None
        order, shifts = job.protocol.order(job.network, pool, "squid", 1, size)
        rate = np.zeros(job.protocol.n)
        for cell, shift in zip(order[:21], shifts[:21], strict=True):
            sign = 1.0 if reader == "plain" else pool.signs[cell]
            train = [pool.trains.of(cell) * 0.01]
            rate += sign * info.population_rate(train, job.protocol.n, 0.01, 1.25, [shift * 0.01])
        bits = info.information(info.spectra(pool.stimulus, rate, 0.01, 2048).coherence, 0.0, 200.0)
        assert float(found[2, 1]) == pytest.approx(float(bits), rel=1e-9)


def test_delays_of_a_disc_are_those_of_its_radii():
    """Cells nearest to the reader first: n of them lie within a circle that holds n at that density."""
    network = afferent_network(field="disc")
    assert network.places(5).tolist() == np.sqrt(np.arange(5) / np.pi).tolist()
    conduction = Conduction(2000.0, 7.0)
    n = 4000
    radius = network.places(n)[-1] / conduction.density  # m
    assert n / (np.pi * radius**2) == pytest.approx(2000.0**2, rel=1e-3)
    shifts = network.shifts(conduction, np.uint64(1), n, 0.01)
    assert shifts[-1] == round(radius / 7.0 * 1e3 / 0.01)
    assert (np.diff(shifts) >= 0).all()
    line = afferent_network().shifts(conduction, np.uint64(1), n, 0.01)
    assert line[-1] > 80 * shifts[-1]


def test_unequal_cells_have_the_spread_that_is_asked_for():
    """SD of the logarithm over 4000 cells within 4 standard errors; what else is spread has no part."""
    network = afferent_network(spread_offset=0.1, spread_tau_m=0.2)
    keys = np.arange(4000, dtype=np.uint64)
    cells = network.drawn_cells(keys)
    for values, centre, spread in ((cells.offset, 2.5, 0.1), (cells.tau_m, 2.5, 0.2)):
        logarithm = np.log(np.asarray(values) / centre)
        assert abs(logarithm.mean()) < 4 * spread / np.sqrt(4000)
        assert abs(logarithm.std() - spread) < 4 * spread / np.sqrt(8000)
    assert abs(np.corrcoef(np.log(cells.offset), np.log(cells.tau_m))[0, 1]) < 4 / np.sqrt(4000)
    alone = afferent_network(spread_offset=0.1).drawn_cells(keys[:7])
    assert np.array_equal(alone.offset, cells.offset[:7])
    assert alone.tau_m == 2.5
    assert afferent_network().drawn_cells(keys).offset == 2.5


def test_unequal_cells_fire_at_unequal_rates(tmp_path):
    equal, unequal = of(tmp_path), of(tmp_path, "network.spread_offset=0.2")
    assert unequal["rate_sd"] > 5.0 * equal["rate_sd"] > 0.0
    assert np.isfinite(unequal["information"]).all()


def test_conventions_change_the_numbers_and_are_part_of_the_identity(tmp_path):
    base = of(tmp_path)["information"]
    zero = of(tmp_path, "protocol.include_zero=true")["information"]
    assert (zero > base).all()
    for word in ("nperseg=2000", "kernel_sigma=2.5", "stimulus.normalise=true"):
        assert not np.array_equal(of(tmp_path, f"protocol.{word}")["information"], base)
    ss.run(load(tmp_path))
    job = make_job(load(tmp_path, "protocol.kernel_sigma=2.5"))[0]
    assert "kernel_sigma: 1.25 there, 2.5 here" in job.beside


def test_samples_are_counted_by_either_rule(tmp_path):
    for duration, dt, n, floor in ((2000.0, 0.01, 200_000, 199_999), (100.0, 0.1, 1000, 1000)):
        words = ("protocol.nperseg=64", "grid.band=[0-2000]", "protocol.coherence_to=2000.0")
        words += (f"protocol.duration={duration}", f"protocol.dt={dt}")
        rules = [make_job(load(tmp_path, *words, f"protocol.n_rule={r}"))[0] for r in ("round", "floor")]
        assert rules[0].protocol.n == n
        assert rules[1].protocol.n == int((duration / 1e3) // (dt / 1e3))
        assert rules[1].protocol.n in (floor, floor - 1)


def test_order_is_a_permutation_and_the_published_one_is_there():
    text = (REFERENCE / "population_order_example.txt").read_text()
    published = np.arange(10)
    np.random.RandomState(42).shuffle(published)
    assert published.tolist() == [int(k) for k in text.splitlines()[0].split(": ")[1].split()]
    network = afferent_network()
    orders = [network.order(np.uint64(key), 300).tolist() for key in range(50)]
    assert all(sorted(order) == list(range(300)) for order in orders)
    firsts = [order[0] for order in orders]
    assert len(set(firsts)) > 35


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("grid.band=[100-50]",), "low-high in Hz"),
        (("grid.band=[fast]",), "low-high in Hz"),
        (("grid.band=[5]",), "a list of words"),
        (("grid.band=[0-200,0-200]",), "each word once"),
        (("grid.band=[100-120]",), "holds a bin"),
        (("grid.band=[0-60000]",), "up to 50000"),
        (("grid.condition=[eefish]",), "did you mean 'efish'"),
        (("grid.condition=[-1/7]",), "density of at least 0"),
        (("grid.condition=[2000/0]",), "velocity above 0"),
        (("grid.pop_size=[1,41]",), "num_responses = 40"),
        (("protocol.coherence_sizes=[1,41]",), "coherence_sizes"),
        (("protocol.coherence_to=1.0",), "at least one bin"),
        (("protocol.nperseg=9000",), "no two segments"),
        (("protocol.analysis_bands=[0-100,0-100]",), "each band once"),
        (("protocol.analysis_bands=[fast]",), "protocol.analysis_bands holds 'fast'"),
        (("protocol.analysis_bands=[100-120]",), "protocol.analysis_bands holds '100-120'"),
        (("network.off_fraction=1.5",), "off_fraction"),
        (("network.field=cube",), "field"),
        (("protocol.dt=3.0",), "smallest time constant"),
        (("neuron.LIF.noise_D=null",), "noise_D"),
        (("network=fs_rs", "neuron=adexp"), "network=afferents"),
        (("neuron=adexp", "network.populations=[RS]"), "one LIFDimensionless"),
        (("network.conditions.efish=2000/0",), "velocity above 0"),
        (("network.conditions.efish=fast",), "density/velocity"),
    ],
)
def test_refusals(words, text, tmp_path):
    with pytest.raises(InputError, match=text):
        ss.run(load(tmp_path, *words))
    assert not list(tmp_path.iterdir())


def test_a_potential_that_is_not_finite_fails_its_point_alone(tmp_path):
    noise = ("neuron.LIF.noise_D=null", "neuron.LIF.noise_sigma=0.008")
    words = ("grid.neuron.LIF.noise_sigma=[0.008,1e308]", "grid.band=[0-200]", "grid.seed=[0]")
    ds = ss.run(load(tmp_path, *noise, *words)).load()
    assert (ds.status.sel(noise_sigma=0.008) == 1).all()
    assert (ds.status.sel(noise_sigma=1e308) == 3).all()
    assert ds.noise_sigma.attrs["units"] == "threshold s^0.5"


def test_figures_are_drawn(swept, tmp_path):
    ds, _ = swept
    texts = [ax.get_ylabel() for ax in plots.figure(ds).axes]
    assert "information (bits/s)" in texts
    assert "squared coherence" in texts
    for some in (["none"], ["efish"], ["none", "squid"]):
        plots.figure(ds.sel(condition=some)).savefig(tmp_path / "some.png")
    shown = plots.experiment(ss.responses(load(tmp_path)), 10.0, 60.0, 2048)
    assert len(shown.axes) == 5


@pytest.mark.slow
def test_the_command_line_leaves_a_store_and_a_figure(tmp_path):
    root = Path(__file__).parents[2]
    run = [sys.executable, str(root / "run.py"), "-m", *WORDS, *SHORT, "grid.condition=none,2000/15"]
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    subprocess.run([*run, f"outputs={tmp_path}"], check=True, env=environment, capture_output=True)
    path = tmp_path / "population_information" / "lif_dimensionless-afferents.zarr"
    assert ss.open(path).condition.values.tolist() == ["none", "2000/15"]
    assert path.with_suffix(".png").stat().st_size > 10_000


def test_a_damaged_block_is_named_by_its_words(tmp_path):
    ss.run(load(tmp_path, "grid.condition=[none,efish]", "grid.band=[0-200]"))
    (found,) = tmp_path.rglob("*.zarr")
    first_file(found / "information").unlink()
    (problem,) = check(Store.at(found))
    assert "band=0-200" in problem.what
    assert "condition=none..efish" in problem.what


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Return the full setting: three stimuli of the reference, ten populations, all bands."""
    words = (
        "protocol.stimulus.rng=legacy",
        "grid.seed=[1,2,3]",
        "grid.repeat={start:0,stop:9,num:10}",
        "compute=threads",
    )
    return ss.run(ss.load(*WORDS, *words, f"outputs={tmp_path_factory.mktemp('full')}")).load()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("nperseg", "words"),
    [
        (8192, ()),
        (16384, ()),
        (32768, ()),
        (16384, ("protocol.populations=independent",)),
        (16384, ("neuron.LIF.noise=gaussian",)),
        (16384, HALF_THE_STEP),
    ],
)
def test_information_without_delays_is_that_of_the_reference(nperseg, words, tmp_path):
    """Means over 3 stimuli x 10 populations within 4 standard errors of both samples, at every size.

    Gaussian noise tells as much as two-point noise, and half the step as much with `noise_sigma`.
    """
    table = pd.read_csv(REFERENCE / "population_mi_summary.csv")
    axes = (
        "grid.band=[0-100]",
        "grid.condition=[none]",
        "grid.seed=[1,2,3]",
        "grid.repeat={start:0,stop:9,num:10}",
        f"grid.pop_size={table.pop_size.tolist()}",
    )
    own = (f"protocol.nperseg={nperseg}", "protocol.stimulus.rng=legacy", "compute=threads")
    ds = ss.run(ss.load(*WORDS, *axes, *own, *words, f"outputs={tmp_path}")).load()
    assert len(table) == 11
    for row in table.to_dict("records"):
        at = ds.information.sel(pop_size=row["pop_size"])
        theirs = row[f"sd_within_stimulus_nperseg{nperseg}"]
        ours = float(np.sqrt(at.var("repeat", ddof=1).mean()))
        assert 0.4 < ours / theirs < 2.0
        error = np.hypot(ours, theirs) / np.sqrt(30)
        assert abs(float(at.mean()) - row[f"mean_nperseg{nperseg}"]) < 4 * error


@pytest.mark.slow
def test_responses_are_those_of_the_reference(full):
    """Rates within 4 standard errors of 300 responses; floors within the scatter of one surrogate each."""
    table = pd.read_csv(REFERENCE / "population_responses_summary.csv")
    assert len(table) == 9
    for row in table.itertuples():
        at = full.sel(band=f"{row.band_lo_hz}-{row.band_hi_hz}", seed=row.stim_seed)
        assert float(at.stimulus_sd) == pytest.approx(row.stim_sd, rel=1e-4)  # one sample more
        rate_sd = row.sd_rate_over_responses_hz
        assert abs(float(at.rate_mean) - row.mean_rate_hz) < 4 * np.sqrt(2 / 300) * rate_sd + 0.01
        assert abs(float(at.rate_sd) / rate_sd - 1.0) < 4 * np.sqrt(2 / 600)
        assert float(at.isi_cv) == pytest.approx(row.isi_cv, rel=0.01)
    floors = full.information_floor.sel(condition="none", pop_size=199).mean("repeat")
    error = np.hypot(floors.std(ddof=1), table.mi_floor_16384.std()) / 3.0
    assert abs(float(floors.mean()) - table.mi_floor_16384.mean()) < 4 * error


@pytest.mark.slow
def test_linear_response_predicts_information_without_delays(full):
    """Within 8 % for every band and stimulus, N from 11 to 199."""
    ratio = full.information.mean("repeat") / info.predicted(full)
    without = ratio.sel(condition="none", pop_size=slice(11, 199))
    assert without.size == 3 * 3 * 95
    assert float(abs(without - 1.0).max()) < 0.08
    # with delays as well, as long as the first zero of the attenuation is far
    spread = full.pop_size * full.delay_step
    far = ratio.where((spread * full.band_high < 500.0) & (full.pop_size >= 11))
    assert int(far.count()) > 1000
    assert float(abs(far - 1.0).max()) < 0.1


@pytest.mark.slow
def test_delays_bend_the_curves_as_specified(full):
    """The bend comes earlier for slow axons and high bands; without delays nothing bends; 7 m/s has humps."""
    mean = full.information.mean(("seed", "repeat"))
    left = mean / mean.sel(condition="none", drop=True)
    # the size from which on less than 90 % is left, 1000 where there is none
    below = (left < 0.9) & (left.pop_size > 10)
    bend = left.pop_size.where(below).min("pop_size").fillna(1000.0)
    order = ["efish", "squid", "corpus_callosum"]
    for band in full.band.values:
        by_velocity = bend.sel(band=band, condition=order).values
        assert (np.diff(by_velocity) <= 0).all()
        assert by_velocity[0] > by_velocity[2]
    for condition in order:
        by_band = bend.sel(condition=condition).values
        assert (np.diff(by_band) <= 0).all()
    slow = bend.sel(condition="corpus_callosum").values
    assert slow[2] < slow[1] < slow[0] < 200
    growth = mean.sel(condition="none").isel(pop_size=slice(None, None, 10)).diff("pop_size")
    assert (growth > 0.0).all()
    # logarithmic: doubling adds about as much anywhere
    steps = mean.sel(condition="none", pop_size=[25, 49, 99, 199]).diff("pop_size")
    assert float(steps.min()) > 0.6 * float(steps.max())
    hump = mean.sel(condition="corpus_callosum", band="200-300")
    first, valley, second = (hump.sel(pop_size=slice(*part)) for part in ((1, 40), (45, 70), (70, 110)))
    assert float(valley.min()) < 0.5 * float(second.max()) < 0.5 * float(first.max())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        (("network.off_fraction=0.5", "grid.condition=[none]"), 0.95, 1.1),
        (("network.field=disc", "grid.condition=[none,2000/7]"), 0.95, 1.1),
        (("network.off_fraction=0.25", "network.off_reader=plain", "grid.condition=[none]"), 0.75, 1.25),
    ],
)
def test_linear_response_predicts_discs_and_off_cells(words, low, high, tmp_path):
    """Means over 3 stimuli x 5 populations, no zero of the attenuation near: as on a line, within 10 %.

    Where OFF cells are read as all others, information depends on how many of a population are OFF: the mean
    over 15 populations scatters by more.
    """
    axes = ("grid.pop_size=[11,25,51,99]", "grid.seed=[1,2,3]", "grid.repeat=[0,1,2,3,4]", "compute=threads")
    ds = ss.run(ss.load(*WORDS, *axes, *words, f"outputs={tmp_path}")).load()
    ratio = ds.information.mean(("repeat", "seed")) / info.predicted(ds).mean("seed")
    assert low < float(ratio.min()) < float(ratio.max()) < high


@pytest.mark.slow
def test_opposed_cells_of_a_pool_cancel_as_predicted(tmp_path):
    """2 stimuli x 80 populations, half of 199 cells OFF and read as all others.

    What is not information is taken off as the floor measured it, to 2 bits/s; then 4 standard errors.
    """
    axes = ("grid.pop_size=[11,51,150,199]", "grid.seed=[1,2]", "grid.repeat={start:0,stop:79,num:80}")
    more = ("network.off_fraction=0.5", "network.off_reader=plain", "protocol.num_responses=199")
    words = (*WORDS, *axes, *more, "grid.condition=[none,2000/7]", "compute=threads", f"outputs={tmp_path}")
    ds = ss.run(ss.load(*words)).load()
    net = ds.information - ds.information_floor
    assert net.size == 3 * 2 * 2 * 4 * 80
    error = 4.0 * (net.var("repeat", ddof=1).mean("seed") / 160) ** 0.5 + 2.0
    expected = info.predicted(ds).mean("seed")
    assert bool((abs(net.mean(("repeat", "seed")) - expected) < error).all())
    nobody = expected.sel(condition="none", pop_size=199)
    assert float(nobody.max()) < 0.3 < 5.0 < float(expected.sel(condition="none", pop_size=150).min())
