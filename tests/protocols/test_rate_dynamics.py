"""Sweeps of rate networks: labels, draws, measures, figures, and the recorded sweeps."""

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import CONF, REFERENCE
from hydra import compose, initialize_config_dir
from omegaconf import open_dict

import spikesweep as ss
from spikesweep import models
from spikesweep.analysis import patterns
from spikesweep.analysis.plots import rate_network
from spikesweep.analysis.plots.rate_dynamics import figure
from spikesweep.config import compose as config
from spikesweep.kernels.random.philox import uniforms
from spikesweep.sweep.job import make_job

DENTATE = ("protocol.duration=350.0", "protocol.n_samples=351", "protocol.discard=150.0")
SHORT = ("protocol.duration=60.0", "protocol.n_samples=13", "protocol.discard=20.0", "protocol.dt=2.0")


def load(tmp_path, network, *words):
    base = ("neuron=rate_unit", f"network={network}", "protocol=rate_dynamics", "compute=serial")
    return ss.load(*base, f"outputs={tmp_path}", *words)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Return the dataset of a small recurrent sweep in several blocks."""
    axes = ("grid.pattern=[0,1,2,5]", "grid.seed=[0,3,7]", "grid.weight_scale=[0.5,1.0]")
    record = "protocol.record=[v,rate,current,projection_current,synapse_current]"
    words = (*SHORT, *axes, record, "compute.block_points=5")
    path = tmp_path_factory.mktemp("rate")
    return ss.run(load(path, "recurrent_rate", *words)).load(), path


def test_dataset_is_labelled(swept):
    ds, path = swept
    assert dict(ds.v.sizes) == {"cell": 15, "time": 13, "pattern": 4, "seed": 3, "weight_scale": 2}
    assert ds.projection_current.dims[:3] == ("projection", "cell", "time")
    assert ds.synapse_current.sizes["synapse"] == 10 * 25 + 5 * 20
    units = {name: ds[name].attrs["units"] for name in ("v", "rate", "current", "time", "settling_time")}
    assert units == {"v": "mV", "rate": "Hz", "current": "nA", "time": "ms", "settling_time": "ms"}
    assert ds.population.values.tolist() == ["E"] * 10 + ["I"] * 5
    assert ds.projection.values.tolist() == ["E<-E", "E<-FFE", "E<-I", "I<-E", "I<-FFE"]
    assert (ds.status == 1).all()
    assert float(ds.rate.max()) > 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = xr.open_zarr(path / "rate_dynamics" / "rate_unit-recurrent_rate.zarr")
    assert set(plain.coords) >= {"cell", "population", "time", "projection", "synapse", "post_cell"}


def test_points_are_those_of_one_network(swept, tmp_path):
    ds, _ = swept
    cfg = load(tmp_path, "recurrent_rate", *SHORT)
    alone = ss.rate_network(cfg, seed=3, pattern=5, synapses=True)
    there = ds.sel(seed=3, pattern=5, weight_scale=1.0)
    for name in ("v", "rate", "current", "projection_current", "synapse_current", "activity"):
        np.testing.assert_array_equal(there[name], alone[name])


@pytest.mark.parametrize("integrator", ["adaptive", "fixed"])
def test_numbers_do_not_depend_on_blocks_or_company(integrator, tmp_path):
    job, _, _ = make_job(load(tmp_path, "recurrent_rate", *SHORT, f"protocol.integrator={integrator}"))
    rng = np.random.default_rng(1)
    n = 37
    points = {
        "pattern": rng.integers(0, 50, n),
        "seed": rng.integers(0, 4, n),
        "weight_scale": rng.uniform(0.5, 2.0, n),
    }
    together = job.protocol(job.network, points, {})
    order = rng.permutation(n)
    shuffled = job.protocol(job.network, {k: v[order] for k, v in points.items()}, {})
    for name, values in together.items():
        np.testing.assert_array_equal(values[..., order], shuffled[name])
        assert len(np.unique(values)) > 1, name
    for i in (0, 17, 36):
        alone = job.protocol(job.network, {k: v[i : i + 1] for k, v in points.items()}, {})
        for name, values in together.items():
            np.testing.assert_array_equal(values[..., i : i + 1], alone[name])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["network.rng=legacy", "+network.inputs.B=${network.inputs.FFE}"], "drawn one after the other"),
        (["exclude=pattern > 3 and seed == 0", "grid.pattern=[0,3,4]"], ""),
    ],
)
def test_what_depends_on_company_is_refused(tmp_path, words, message):
    cfg = ss.load(
        "neuron=rate_unit",
        "network=feedforward_rate",
        "protocol=rate_dynamics",
        f"outputs={tmp_path}",
        *words,
    )
    if message:
        with pytest.raises(ss.InputError, match=message):
            make_job(cfg)
    else:
        assert make_job(cfg)[0].grid.n_points > 2


def test_networks_of_other_cells_come_as_a_tree(tmp_path):
    for network in ("feedforward_rate", "recurrent_rate"):
        ss.run(load(tmp_path, network, "grid.pattern=[0,1]", "grid.seed=[0]"))
    tree = ss.open(tmp_path)
    assert isinstance(tree, xr.DataTree)
    assert len(tree.leaves) == 2
    assert all((leaf.status == 1).all() for leaf in tree.leaves)


def test_measures_of_a_trace(swept):
    ds, _ = swept
    np.testing.assert_array_equal(ds.v_end, ds.v.isel(time=-1))
    np.testing.assert_array_equal(ds.v_peak, ds.v.max("time"))
    window = ds.rate.sel(time=slice(20.0, 59.0)).mean("time")
    np.testing.assert_allclose(ds.activity, window, rtol=1e-12, atol=1e-12)
    reach = 0.02 * abs(ds.v_end - ds.v.isel(time=0))
    after = ds.v.where(ds.time >= ds.settling_time)
    assert (abs(after - ds.v_end).max("time") <= reach).all()
    before = ds.v.sel(time=(ds.settling_time - 5.0).clip(0.0), method="nearest")
    moved = ds.settling_time > 0.0
    assert moved.mean() > 0.9
    assert (abs(before - ds.v_end) > reach).where(moved, True).all()


def test_a_network_that_overflows_is_not_finite_and_does_not_hang(tmp_path):
    words = ("grid.pattern=[0]", "grid.seed=[0]", "grid.weight_scale=[1.0,1e300]")
    for integrator in ("adaptive", "fixed"):
        name = f"name={integrator}"
        cfg = load(tmp_path, "recurrent_rate", *SHORT, *words, f"protocol.integrator={integrator}", name)
        assert ss.run(cfg).status.values.ravel().tolist() == [1, 2]


def test_draws_depend_on_labels_alone(tmp_path):
    job, _, _ = make_job(load(tmp_path, "recurrent_rate"))
    seeds, numbers = np.array([7, 0, 7]), np.array([2, 2, 9])
    weights, rates = job.network.draw(seeds, numbers, root_seed=0)
    w, x = weights["E"]["FFE"], rates["FFE"]
    assert (w[..., 0] == w[..., 2]).all()
    assert (w[..., 0] != w[..., 1]).all()
    assert (x[:, 0] == x[:, 1]).all()
    assert (x[:, 0] != x[:, 2]).all()
    assert (np.diag(weights["E"]["E"][..., 0]) == 0.0).all()
    assert (weights["E"]["E"][..., 0] > 0.0).sum() == 90
    other, _ = job.network.draw(seeds, numbers, root_seed=1)
    assert (w != other["E"]["FFE"]).all()
    assert (weights["E"]["FFE"][:5, :, 0] != weights["I"]["FFE"][..., 0]).all()


@pytest.mark.parametrize(
    ("name", "sd"), [("EqualWeights", 0.0), ("UniformWeights", 1 / np.sqrt(3)), ("NormalWeights", 1 / 3)]
)
def test_weights_have_the_mean_and_sd_of_their_distribution(name, sd):
    """Means and SDs of 1e5 weights within 4 standard errors; clipping changes the normal by less."""
    drawn = getattr(models, name)(mean=0.3)
    n = 100_000
    ours = 0.3 * drawn.unit_weights(uniforms(np.uint64(5), n).reshape(100, n // 100))
    legacy = drawn.legacy(np.random.RandomState(5), (100, n // 100))
    for values in (ours, legacy):
        assert values.shape == (100, 1000)
        assert abs(values.mean() - 0.3) <= 4 * 0.3 * sd / np.sqrt(n) + 1e-4 * sd + 1e-12
        assert abs(values.std() - 0.3 * sd) <= 4 * 0.3 * sd / np.sqrt(n) + 2e-3 * sd + 1e-12
        assert values.min() >= 0.0


def test_log_normal_weights_are_rescaled_in_every_sample():
    """The median of exp(normal) over its mean is exp(-1/2): 4 standard errors of 1e5 quantiles."""
    drawn = models.LogNormalWeights(mean=0.3)
    samples = 0.3 * drawn.unit_weights(uniforms(np.arange(10, dtype=np.uint64), 10_000).reshape(10, 100, 100))
    np.testing.assert_allclose(samples.mean(axis=(1, 2)), 0.3, rtol=1e-12)
    legacy = drawn.legacy(np.random.RandomState(0), (300, 300))
    assert legacy.mean() == pytest.approx(0.3, rel=1e-12)
    for values in (samples, legacy):
        # SE of a median: sqrt(pi / 2 n) SDs of the logarithm; of the sample mean: sqrt((e - 1) / n)
        error = np.sqrt(np.pi / 2 + np.e - 1) / np.sqrt(values.size)
        assert np.log(np.median(values) / 0.3) == pytest.approx(-0.5, abs=4 * error)


def test_binary_patterns_are_all_combinations_once_sorted():
    rates = models.BinaryPatterns(n=7, high=2.0).rates(np.uint64(0), np.arange(128))
    assert rates.shape == (128, 7)
    assert len(np.unique(rates, axis=0)) == 128
    assert set(rates.ravel()) == {0.0, 2.0}
    assert (np.diff((rates > 0).sum(axis=1)) >= 0).all()


def responses():
    """Return a dataset of two populations, of three and two cells, and four patterns."""
    activity = np.array([[0, 1, 2, 0], [0, 1, 0, 0], [0, 0, 2, 0], [0, 3, 3, 3], [0, 0, 0, 0]], float)
    return xr.Dataset(
        {"activity": (("cell", "pattern"), activity)},
        {"population": ("cell", list("AAABB")), "pattern": [0, 1, 2, 3], "cell": range(5)},
    )


def test_measures_of_patterns():
    found = patterns.measures(responses())
    assert found.sparsity.sel(population="A").values.tolist() == [0, 2, 2, 0]
    assert found.selectivity.values.tolist() == [2, 1, 1, 3, 0]
    a = found.similarity.sel(population="A")
    assert float(a.sel(pattern=1, other_pattern=2)) == pytest.approx(0.5)
    assert float(a.sel(pattern=1, other_pattern=1)) == pytest.approx(1.0)
    assert np.isnan(a.sel(pattern=0)).all()
    assert found.mean_similarity.values.tolist() == pytest.approx([0.5, 1.0])
    assert found.mean_similarity_silent_as_1.values.tolist() == pytest.approx([(0.5 + 5) / 6, 1.0])
    assert found.active_patterns.values.tolist() == [0.5, 0.75]
    assert found.silent_units.values.tolist() == [0.0, 0.5]
    assert float(found.discriminability.sel(population="A", pattern=1, other_pattern=2)) == pytest.approx(0.5)


def test_measures_of_unfinished_points_are_nan():
    ds = responses()
    ds["activity"][:, 2] = np.nan
    found = patterns.measures(ds)
    assert np.isnan(found.sparsity.sel(pattern=2)).all()
    assert not np.isnan(found.sparsity.sel(pattern=1)).any()


def test_missing_patterns_are_left_out_and_not_silent():
    ds = responses()
    ds["activity"][:, 2:] = np.nan
    found = patterns.measures(ds)
    assert found.active_patterns.values.tolist() == [0.5, 0.5]
    assert found.silent_units.isnull().all()
    assert found.mean_similarity_silent_as_1.values.tolist() == [1.0, 1.0]  # the one pair left
    ds["activity"][:] = np.nan
    found = patterns.measures(ds)
    for name in ("active_patterns", "silent_units", "mean_similarity_silent_as_1"):
        assert found[name].isnull().all(), name


def test_measures_refuse_another_dataset():
    with pytest.raises(ss.InputError, match="no activity"):
        patterns.measures(xr.Dataset())


def check_summary(tmp_path, file, n_rows):
    table = pd.read_csv(REFERENCE / file)
    table["number"] = table.config.astype(str).str[0].astype(int)
    assert len(table) == n_rows
    axes = ("grid.pattern={start:0,stop:127,num:128}", "protocol.record=[]")
    for (circuit, seed), rows in table.groupby(["number", "weight_seed"]):
        words = (*DENTATE, *axes, f"grid.seed=[{seed}]", f"name=s{seed}")
        ds = ss.run(load(tmp_path, f"dentate_{circuit}", *words)).load()
        found = patterns.measures(ds.isel(seed=0, weight_scale=0))
        for row in rows.itertuples():
            ours = found.sel(population=row.population)
            cells = found.cell_population == row.population
            assert float(ours.sparsity.mean()) == pytest.approx(row.mean_active_units, abs=6e-4)
            assert float(ours.sparsity.median()) == pytest.approx(row.median_active_units)
            selectivity = float(found.selectivity.where(cells).mean())
            assert selectivity == pytest.approx(row.mean_active_patterns, abs=6e-4)
            assert float(ours.active_patterns) == pytest.approx(row.frac_active_patterns, abs=1e-5)
            assert float(ours.silent_units) == pytest.approx(row.frac_silent_units, abs=1e-5)
            assert float(ours.mean_similarity) == pytest.approx(row.mean_similarity_valid, abs=1e-4)
            silent = float(ours.mean_similarity_silent_as_1)
            assert silent == pytest.approx(row.mean_similarity_silent_as_1, abs=1e-4)
            assert float(ours.mean_activity) == pytest.approx(row.mean_activity, abs=2e-5)


def test_summary_of_the_first_dentate_circuit(tmp_path):
    check_summary(tmp_path, "rate_network_dentate_summary.csv", 2)


@pytest.mark.slow
def test_summaries_of_all_dentate_circuits(tmp_path):
    check_summary(tmp_path, "rate_network_dentate_all.csv", 17)


def test_figures_show_what_they_are_given(swept):
    ds, _ = swept
    drawn = figure(ds)
    drawn.canvas.draw()
    titled = [ax.get_title(loc="left") for ax in drawn.axes]
    assert "E" in titled
    assert "I" in titled
    image = next(ax.images[0] for ax in drawn.axes if ax.get_ylabel() == "unit, by best pattern")
    shown = ds.activity.isel(cell=slice(0, 10), seed=0, weight_scale=-1)
    assert sorted(image.get_array().sum(axis=1)) == pytest.approx(sorted(shown.sum("pattern").values))
    partly = ds.copy(deep=True)
    partly["status"][:2] = 0
    figure(partly.drop_vars("rate")).canvas.draw()


def test_figure_of_one_network(tmp_path):
    ds = ss.rate_network(load(tmp_path, "recurrent_rate", *SHORT))
    drawn = rate_network.figure(ds)
    drawn.canvas.draw()
    titles = [ax.get_title() for ax in drawn.axes]
    assert {"inputs FFE", "weights of E<-I", "membrane potential", "activity"} <= set(titles)


@pytest.mark.parametrize("name", ["milstein_feedforward", "dentate_patterns"])
def test_recorded_sweeps_run(name, tmp_path):
    words = [f"hydra.searchpath=[file://{CONF}]", f"outputs={tmp_path}", "compute=serial", *SHORT]
    with initialize_config_dir(str(CONF.parent / "sweeps"), version_base="1.3"):
        composed = compose(name, words, return_hydra_config=True)
    choices = composed.hydra.runtime.choices
    with open_dict(composed):
        del composed["hydra"]
        composed.grid.pattern = [0, 1]
        composed.grid.seed = [1234]
    ds = ss.run(config.with_choices(composed, choices))
    assert (ds.status == 1).all()
    assert (tmp_path / name).is_dir()


@pytest.mark.slow
def test_python_and_compiled_kernels_give_the_same_bits(without_numba):
    """Both integrators, both synapses, collapsed and not, in a process with numba and one without."""
    code = """
import spikesweep as ss
short = ["duration=30.0", "n_samples=4", "discard=0.0", "rtol=1e-4", "dt=0.8"]
course = "network.courses={FFE:{_target_:spikesweep.models.Ramp,start:5.0,stop:20.0,before:0.0,after:2.0}}"
small = ["network.populations.Output.n=3"]
for network, words in [("recurrent_rate", []), ("dentate_2", small), ("recurrent_rate", [course])]:
    for integrator in ("adaptive", "fixed")[words == [course]:]:
        cfg = ss.load("neuron=rate_unit", f"network={network}", "protocol=rate_dynamics", *words,
            f"protocol.integrator={integrator}", *(f"protocol.{word}" for word in short))
        for synapses in (False, True):
            ds = ss.rate_network(cfg, seed=2, pattern=9, synapses=synapses)
            print(float(ds.v.std()) > 0.1, ds.v.values.tobytes().hex(), ds.current.values.tobytes().hex())
"""
    lines = without_numba(code)
    assert [line.split()[0] for line in lines] == ["True"] * 10
