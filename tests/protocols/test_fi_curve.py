import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import REFERENCE, cells

import spikesweep as ss
from spikesweep.analysis import fi
from spikesweep.analysis.plots import fi_curve, figure
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

CELLS = ["E", "I", "E2022", "I2022"]


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    """Return the curves of both pairs of units, along `population`."""
    words = ("neuron=jercog", "network=jercog", "protocol=fi_curve", "compute=serial")
    folder = tmp_path_factory.mktemp("fi")
    pairs = [
        ss.run(ss.load(*words, f"network.populations=[E{year},I{year}]", f"outputs={folder}/{year}"))
        for year in ("", "2022")
    ]
    return xr.concat(
        [pair.load() for pair in pairs],
        "population",
        data_vars="all",
        join="exact",
        combine_attrs="drop_conflicts",
    )


def test_every_count_is_the_originals(curves):
    ref = pd.read_csv(REFERENCE / "jercog_FI_coarse.csv", index_col="I_pA")
    assert len(ref) == 16
    at = curves.rate.isel(seed=0).sel(i_ext=ref.index.values)
    for cell, column in zip(CELLS, ref.columns, strict=True):
        assert at.sel(population=cell).values.tolist() == ref[column].tolist()


@pytest.mark.parametrize("cell", CELLS)
def test_every_count_and_interval_is_brian2s(curves, cell):
    ref = np.load(REFERENCE / "jercog_brian2.npz")
    one = curves.sel(population=cell).isel(seed=0)
    assert one.rate.values.tolist() == ref[f"counts_{cell}"].tolist()
    assert np.isfinite(one.first_isi).sum() > 1000
    for end in ("first", "last"):
        np.testing.assert_allclose(one[f"{end}_isi"], ref[f"{end}_isi_steps_{cell}"] * 0.1, rtol=1e-12)


def test_threshold_and_gain_are_the_originals(curves):
    found = fi.measures(curves).isel(seed=0)
    for cell, ref in json.loads((REFERENCE / "jercog_thresh_gain.json").read_text()).items():
        one = found.sel(population=cell)
        assert float(one.threshold) == ref["thresh_pA"]
        assert float(one.gain_chord) == pytest.approx(ref["gain_Hz_per_pA"], rel=1e-14)
        assert float(one.rate_at_threshold) == ref["rate_at_thresh_Hz"]
    assert found.rheobase.values.tolist() == [124.0, 135.0, 124.0, 135.0]
    assert found.gain_chord.attrs["units"] == "Hz/pA"


def test_a_stronger_refractoriness_lowers_the_gain_and_not_the_threshold(curves):
    found = fi.measures(curves).isel(seed=0)
    for unit in "EI":
        old, new = found.sel(population=unit), found.sel(population=f"{unit}2022")
        assert float(new.threshold) == float(old.threshold)
        assert float(new.gain_chord) < float(old.gain_chord)


def test_only_the_excitatory_unit_adapts(curves):
    at = curves.isel(seed=0).sel(i_ext=269.9)
    assert at.rate.sel(population=["E", "I"]).values.tolist() == [52.0, 216.0]
    np.testing.assert_allclose(at.first_isi.sel(population=["E", "I"]), [9.6, 4.6], rtol=1e-12)
    np.testing.assert_allclose(at.last_isi.sel(population=["E", "I"]), [25.1, 4.6], rtol=1e-12)
    index = at.adaptation_index.sel(population=["E", "I"])
    np.testing.assert_allclose(index, [(25.1 - 9.6) / (25.1 + 9.6), 0.0], atol=1e-12)
    rates = fi.instantaneous_rates(at)
    assert float(rates.last_rate.sel(population="E")) == pytest.approx(1e3 / 25.1)


def test_intervals_do_not_exist_below_two_spikes_and_the_points_are_done(curves):
    assert (curves.status == 1).all()
    few = curves.rate < 2.0
    assert few.any()
    assert (curves.first_isi.isnull() == few).all()
    assert (curves.adaptation_index.isnull() == (curves.rate < 3.0)).all()  # two intervals to compare
    assert (curves.rate == 2.0).any()
    assert (curves.rate == 1.0).any()


def test_measures_of_a_known_curve():
    current = np.array([-10.0, 0.0, 10.0, 20.0, 40.0])
    rate = xr.DataArray(
        [[0, 0, 5, 10, 20], [0, 0, 0, 0, 0], [1, 2, 3, 4, 6], [0, 0, 0, 0, 8], [0, np.nan, 5, 10, 20]],
        dims=("curve", "i_ext"),
        coords={"i_ext": current},
    )
    found = fi.measures(xr.Dataset({"rate": rate}))
    np.testing.assert_array_equal(found.threshold, [10.0, np.nan, -10.0, 40.0, 10.0])
    np.testing.assert_allclose(found.gain_chord, [0.5, np.nan, np.nan, 0.4, 0.4])
    np.testing.assert_allclose(found.gain_regression, [0.5, np.nan, 0.1, np.nan, 0.5])
    narrow = fi.measures(xr.Dataset({"rate": rate}), span=(0.0, 20.0))
    assert float(narrow.gain_chord[0]) == 0.5
    assert np.isnan(narrow.threshold[3])
    with pytest.raises(InputError, match="at least two"):
        fi.measures(xr.Dataset({"rate": rate}), span=(11.0, 12.0))


@pytest.mark.parametrize("neuron", sorted({neuron for neuron, _ in cells()}))
def test_any_neuron_has_a_curve_from_its_rheobase_on(neuron, tmp_path):
    """A cell with a rheobase is silent up to it, and near it fires within the second or is too slow."""
    names = list(ss.load(f"neuron={neuron}").neuron)[:2]
    words = ("protocol=fi_curve", f"network.populations=[{','.join(names)}]", "compute=serial")
    network = "network=jercog" if neuron == "jercog" else "network=fs_rs"
    grid = "grid.i_ext={start:0,stop:600,num:121}"
    ds = ss.run(ss.load(f"neuron={neuron}", network, *words, grid, f"outputs={tmp_path}")).load()
    assert (ds.rate.isel(i_ext=-1) > 5.0).all()
    found = fi.measures(ds)
    known = found.rheobase.notnull()
    assert known.all() or neuron not in ("lif", "eif", "jercog", "di_volo")
    late = (found.threshold - found.rheobase).where(known, 5.0)
    assert ((late > 0.0) & (late <= 10.0)).all()


def test_numbers_do_not_depend_on_blocks(tmp_path):
    words = ("neuron=jercog", "network=jercog", "protocol=fi_curve", "protocol.duration=200.0")
    grid = "grid.i_ext={start:100,stop:300,num:45}"
    rates = [
        ss.run(
            ss.load(*words, grid, "compute=serial", f"compute.block_points={n}", f"outputs={tmp_path}/{n}")
        ).rate.values
        for n in (45, 7, 1)
    ]
    assert (rates[0] > 0).sum() > 40
    assert np.array_equal(rates[0], rates[1])
    assert np.array_equal(rates[0], rates[2])


def test_figures_are_drawn(curves):
    pair = curves.sel(population=["E", "I"])
    pair.attrs["configuration"] = {"choices": {"protocol": "fi_curve"}}
    left, right = figure(pair).axes
    assert len(left.lines) == 4  # two curves, two rheobases
    assert len(right.lines) == 4
    cfg = ss.load("neuron=jercog")
    examples = {c: ss.simulate(cfg, c, current=269.9, dt=0.1, duration=200.0) for c in "EI"}
    axes = fi_curve.ephys(pair, examples, 269.9).axes
    assert [ax.get_ylabel() for ax in axes] == ["mV", "mV", "Firing Rate (Hz)", "ISI (ms)"]
    assert len(axes[0].collections[0].get_segments()) == examples["E"].sizes["spike"] > 0


def test_the_figure_of_a_swept_parameter_is_a_curve_over_current(tmp_path):
    words = ("neuron=jercog", "network=jercog", "protocol=fi_curve", "protocol.duration=200.0")
    swept = ("neuron.E.beta=0,1500,3000", "neuron.I.g_L=10,20", "grid.i_ext={start:100,stop:300,num:21}")
    ds = ss.run(ss.load(*words, *swept, "compute=serial", f"outputs={tmp_path}")).load()
    drawn = figure(ds)
    assert drawn.get_supxlabel() == "seed = 0; I.g_L = 10 nS (one of 2, the configured one)"
    for ax, population in zip(drawn.axes, "EI", strict=True):
        for line, beta in zip(ax.lines, (0.0, 1500.0, 3000.0), strict=True):
            expected = ds.rate.sel(population=population, beta=beta, g_L=10.0).squeeze("seed")
            np.testing.assert_array_equal(line.get_ydata(), expected)
            np.testing.assert_array_equal(line.get_xdata(), ds.i_ext)
    assert drawn.legends[0].get_title().get_text() == "E.beta (fC)"
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["0", "1500", "3000"]


def test_few_currents_are_seen_and_a_first_one_is_no_threshold(tmp_path):
    words = ("neuron=jercog", "network=jercog", "protocol=fi_curve", "grid.i_ext=[200]")
    left, right = figure(ss.run(ss.load(*words, "compute=serial", f"outputs={tmp_path}"))).axes
    assert all(line.get_marker() == "." for line in right.lines)
    assert left.lines[0].get_label() == "E: from 200 pA or less"


def test_a_swept_parameter_of_a_cell_is_lanes_with_the_bits_of_single_runs(tmp_path):
    for neuron, network, key, values in (
        ("jercog", "jercog", "neuron.E.beta", (0.0, 10.0, 25.0)),
        ("adexp", "fs_rs", "neuron.RS.Delta_T", (0.0, 1.0, 2.0)),
    ):
        words = (
            f"neuron={neuron}",
            f"network={network}",
            "protocol=fi_curve",
            "grid.i_ext=[100,200,300,450]",
        )
        words += ("grid.i_ext=[100,200,300,450]", "compute=serial", "protocol.duration=400.0")
        swept = ss.load(*words, f"outputs={tmp_path}/{neuron}", f"grid.{key}=[{','.join(map(str, values))}]")
        assert key in make_job(swept)[0].parameters.lanes
        together = ss.run(swept).load()
        for value in values:
            alone = ss.run(ss.load(*words, f"outputs={tmp_path}/{neuron}{value}", f"{key}={value}")).load()
            assert float(alone.rate.sum()) > 0.0
            for name in ("rate", "first_isi", "last_isi", "adaptation_index", "rheobase"):
                part = together[name].sel({key.rsplit(".", 1)[1]: value}).transpose(*alone[name].dims)
                assert part.values.tobytes() == alone[name].values.tobytes(), (name, value)


def test_spikes_and_traces_on_demand_change_nothing(curves, tmp_path):
    words = ("neuron=jercog", "network=jercog", "protocol=fi_curve", "compute=serial", f"outputs={tmp_path}")
    ds = ss.run(ss.load(*words, "protocol.record_spikes=true", "grid.i_ext=[0.0,124.1,200.0,269.9]")).load()
    plain = curves.sel(i_ext=ds.i_ext.values, population=["E", "I"])
    for name in ("rate", "first_isi", "last_isi", "adaptation_index"):
        np.testing.assert_array_equal(ds[name], plain[name].transpose(*ds[name].dims))
    ref = np.load(REFERENCE / "jercog_trace_269p9pA.npz")
    path = tmp_path / "fi_curve" / "jercog-jercog.zarr"
    for population in "EI":
        spikes = ds.sweep.spikes(population=population, i_ext=269.9).spike_times
        trace = ss.replay(path, i_ext=269.9, seed=0, population=population)
        np.testing.assert_array_equal(trace.spike_times, spikes)
        np.testing.assert_allclose(spikes - 0.1, ref[f"spikes{population}_ms"], atol=1e-9)
        np.testing.assert_allclose(trace.v, ref[f"v{population}_mV"], atol=1e-9)
        # the adaptation decays and jumps by beta / tau_w, 6 pA at a spike of E and nothing of I
        w, at = trace.w.values, np.round(spikes.values / 0.1).astype(int)[:-1] - 1
        jumps = w[at + 1] - w[at] * (1.0 - 0.1 / 500.0)
        np.testing.assert_allclose(jumps, 6.0 if population == "E" else 0.0, atol=1e-9)
    assert dict(ss.replay(path, i_ext=269.9, seed=0).rate.sizes) == {"population": 2}  # as stored


@pytest.mark.parametrize("neuron", ["adexp", "izhikevich"])
def test_ends_of_recorded_trains_are_those_that_are_noted(neuron, tmp_path):
    words = (f"neuron={neuron}", "protocol=fi_curve", "compute=serial", "protocol.duration=300.0")
    words += (f"network.populations=[{next(iter(ss.load(f'neuron={neuron}').neuron))}]",)
    grid = "grid.i_ext={start:0,stop:400,num:50}"
    plain, kept = (
        ss.run(ss.load(*words, grid, f"protocol.record_spikes={on}", f"outputs={tmp_path}/{on}")).load()
        for on in ("false", "true")
    )
    assert {0, 1, 2} <= {*np.minimum(kept.spike_size.values.ravel(), 2).tolist()}
    for name in ("rate", "first_isi", "last_isi", "adaptation_index"):
        assert kept[name].values.tobytes() == plain[name].values.tobytes()
