"""General figures: of parts, means, joined sweeps and maps; what they say; the command `plot`."""

import json
import re

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.analysis import plots
from spikesweep.analysis.plots import fit, general
from spikesweep.analysis.plots.style import COLORS, is_log, norm_of
from spikesweep.api import commands
from spikesweep.errors import InputError
from spikesweep.grid.schema import FAILED, NOT_ASKED, OK


@pytest.fixture
def ds():
    """Return a sweep as a store gives it, without one."""
    rng = np.random.default_rng(1)
    hz = {"units": "Hz", "long_name": "presynaptic rate"}
    coords = {
        "population": ["RS", "FS"],
        "fe": ("fe", [0.0, 4.0, 8.0], hz),
        "b": ("b", [0.0, 20.0], {"units": "pA", "long_name": "adaptation", "key": "neuron.RS.b"}),
        "seed": ("seed", [0, 1, 2], {"units": "1", "long_name": "repetition"}),
        "pop_size": ("pop_size", [1, 10], {"units": "1", "long_name": "neurons averaged"}),
    }
    made = xr.Dataset(coords=coords, attrs={"results": "rate", "axes": "fe b seed pop_size"})
    dims = ("population", "fe", "b", "seed", "pop_size")
    attrs = {"units": "Hz", "long_name": "mean output rate"}
    made["rate"] = (dims, rng.uniform(1, 9, (2, 3, 2, 3, 2)), attrs)
    flags = {"flag_meanings": "missing ok non_finite failed saturated not_asked"}
    made["status"] = (dims[1:], np.full((3, 2, 3, 2), OK, np.uint8), flags)
    return made


def said(fig):
    return " ".join(fig.get_supxlabel().split())


def test_curves_say_what_is_averaged_and_what_is_held(ds):
    fig = general.draw(ds)
    assert [ax.get_title() for ax in fig.axes] == ["RS", "FS"]
    assert fig.axes[0].get_xlabel() == "presynaptic rate, fe (Hz)"
    assert fig.axes[0].get_ylabel() == "mean output rate (Hz)"
    assert fig.legends[0].get_title().get_text() == "RS.b (pA)"
    assert said(fig) == "pop_size = 10 (one of 2); mean over 3 seeds, shades and bars: SD, n = 3"
    (line, *_) = fig.axes[0].lines
    mean = ds.rate.sel(population="RS", b=0, pop_size=10).mean("seed")
    assert np.array_equal(line.get_ydata(), mean)


@pytest.mark.parametrize(
    ("configured", "words", "value"),
    [
        (20.0, "RS.b = 20 pA (one of 3, the configured one)", 20.0),
        (75.0, "RS.b = 60 pA (one of 3, the nearest to the configured 75)", 60.0),
        (None, "RS.b = 40 pA (one of 3, the middle)", 40.0),
    ],
)
def test_a_swept_value_that_is_not_drawn_is_the_configured_one(ds, configured, words, value):
    ds = xr.concat([ds.sel(b=[0.0]), ds], "b", join="outer", coords="minimal", compat="override")
    attrs = {"units": "pA", "key": "neuron.RS.b"}
    ds = ds.assign_coords(b=("b", [20.0, 40.0, 60.0], attrs))
    ds.attrs["configuration"] = json.dumps({"neuron": {"RS": {"b": configured}}})
    fig = general.draw(ds, x="fe", hue="population", at={"pop_size": 1, "seed": "mean"})
    assert words in said(fig)
    mean = ds.rate.sel(population="RS", b=value, pop_size=1).mean("seed")
    assert np.array_equal(fig.axes[0].lines[0].get_ydata(), mean)


def test_a_dotted_line_leads_across_what_is_not_there(ds):
    one = ds.sel(population="RS", b=0, pop_size=1, drop=True)
    one["status"].loc[{"fe": 4.0}] = NOT_ASKED
    fig = general.draw(one, x="fe", band="none")
    dotted, line = fig.axes[0].lines
    assert dotted.get_linestyle() == ":"
    mean = one.rate.mean("seed").values
    assert np.array_equal(dotted.get_ydata(), mean[[0, 2]])
    assert np.array_equal(np.isnan(line.get_ydata()), [False, True, False])
    assert line.get_marker() not in ("", "None")
    assert "dotted: across values that have no result" in said(fig)
    assert "dotted" not in said(general.draw(ds))


def test_a_band_is_an_SD_or_an_SEM(ds):
    one = ds.sel(population="RS", b=0, pop_size=1, drop=True)
    values = {}
    for band in ("sd", "sem"):
        chosen = general.choose(one, var=None, x="fe", y=None, hue=None, panel=None, at={}, band=band)
        values[band] = chosen.curve(None)[1]
    assert np.allclose(values["sd"], one.rate.std("seed", ddof=1))
    assert np.allclose(values["sem"], one.rate.std("seed", ddof=1) / np.sqrt(3))
    assert "SEM, n = 3" in said(general.draw(one, band="sem"))
    assert "SD" not in said(general.draw(one, band="none"))


def test_points_without_results_are_not_drawn(ds):
    ds.status[0, 0, 0, 1] = FAILED
    (line, *_) = general.draw(ds, at={"seed": 0}).axes[0].lines
    assert np.isnan(line.get_ydata()[0])
    assert np.isfinite(line.get_ydata()[1:]).all()


@pytest.mark.parametrize(
    "part",
    [
        lambda ds: ds.sel(population="RS"),
        lambda ds: ds.mean("seed"),
        lambda ds: ds.sel(fe=4, b=0, seed=0, pop_size=1),
        lambda ds: ds.isel(fe=slice(1), b=slice(1)),
        lambda ds: ds[["rate"]].mean(),
        lambda ds: ds.drop_attrs(),
        lambda ds: ds[["rate"]].max("population"),
        lambda ds: ds.expand_dims(neuron=["adexp", "lif"]),
    ],
)
def test_any_part_and_any_mean_has_a_figure(ds, part, tmp_path):
    plots.figure(part(ds)).savefig(tmp_path / "x.svg")
    assert (tmp_path / "x.svg").stat().st_size > 1000


def test_a_selection_says_where_it_is(ds):
    assert "fe = 4 Hz" in said(general.draw(ds, x="b", at={"fe": 4}))
    assert "mean over 2 RS.bs x 3 seeds" in said(general.draw(ds, x="fe", at={"b": "mean"}))


def test_a_map_has_a_colour_bar_with_the_unit_and_cells_around_values(ds):
    fig = general.draw(ds, x="fe", y="b", panel="population")
    assert fig.axes[-1].get_ylabel() == "mean output rate (Hz)"
    assert fig.axes[0].get_ylabel() == "adaptation, RS.b (pA)"
    assert fig.axes[0].get_xlim() == (-2.0, 10.0)
    assert said(fig) == "pop_size = 10 (one of 2); mean over 3 seeds"
    fig = general.draw(ds, var="status", x="fe", y="b")
    assert "saturated" in [text.get_text() for text in fig.axes[-1].get_yticklabels()]


def test_one_value_has_a_place_on_a_colour_bar(ds):
    assert (norm_of(np.array([4.0])).vmin, norm_of(np.array([4.0])).vmax) == (2.0, 6.0)
    fig = general.Figure()
    rate = ds.rate.isel(population=0, seed=0, pop_size=0, b=slice(1)).rename(b="fi")
    fit.curves(fig, fig.subplots(), rate, None)
    assert [text.get_text() for text in fig.axes[-1].get_yticklabels()] == ["0"]


def test_what_a_store_says_is_no_formula(ds, tmp_path):
    told = ds.assign_coords(population=["$", r"$\frac$"]).rename(fe="$x")
    told["rate"] = told.rate.assign_attrs(long_name=r"$\oops", units="$")
    told["$x"].attrs |= {"long_name": r"$\sqrt", "units": "$"}
    for words in ({}, {"y": "b"}, {"x": "population"}, {"x": "b", "at": {"$x": 4.0}}):
        general.draw(told, **words).savefig(tmp_path / "x.png")


def test_ratios_that_are_even_are_logarithmic():
    assert is_log(np.array([1.0, 10.0, 100.0]))
    assert not is_log(np.array([1.0, 50.0, 100.0]))
    assert not is_log(np.array([0.0, 10.0, 100.0]))


def test_colours_are_told_apart_by_all():
    assert COLORS[0] == "#0072b2"  # Okabe and Ito's
    assert len(set(COLORS)) == 7


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ({"x": "fi"}, "fi is no axis of rate; did you mean 'fe'?"),
        ({"var": "raet"}, "raet is no variable; did you mean 'rate'?"),
        ({"at": {"fe": 5}}, "fe = 5 is not there; allowed: 0.0, 4.0, 8.0"),
        ({"y": "fe", "hue": "b"}, "allowed: a panel for each value"),
        ({"band": "se"}, "allowed: sd, sem, none"),
    ],
)
def test_what_a_dataset_does_not_have_is_refused(ds, words, part):
    with pytest.raises(InputError, match=re.escape(part)):
        general.draw(ds, **words)


def test_the_command_draws_any_store(small, tmp_path, capsys):
    ss.run(small("grid.seed=[0,1]", "grid.pop_size=[1]", "protocol.record_spikes=true"))
    (path,) = tmp_path.rglob("*.zarr")

    def plot(*words):
        with pytest.raises(SystemExit) as end:
            commands.main(["plot", str(path), *words])
        out, err = capsys.readouterr()
        return end.value.code, out.strip() or err

    assert plot() == (0, str(path.with_suffix(".plot.pdf")))
    assert path.with_suffix(".plot.pdf").read_bytes()[:4] == b"%PDF"
    svg, png = str(tmp_path / "a.svg"), str(tmp_path / "b.png")
    assert plot("--x", "fi", "--hue", "fe", "population=RS", "--out", svg) == (0, svg)
    text = (tmp_path / "a.svg").read_text()
    assert "inhibitory presynaptic rate, fi (Hz)" in text
    assert "population = RS" in text
    assert plot("--y", "fi", "--out", png) == (0, png)
    assert plot("--out", "x.gif")[0] == 2
    assert "allowed: 0.0, 6.0, 12.0" in plot("fe=3")[1]
    assert "did you mean 'fe'" in plot("--x", "fee")[1]
    ds = ss.open(path)
    fig = general.draw(ds, var="spike_times", at={"fe": 12, "seed": 1})
    assert "fe = 12 Hz; fi = 2 Hz (one of 2); seed = 1" in said(fig)
    spikes = ds.sweep.spikes(fe=12, fi=2, seed=1, population="FS")
    np.testing.assert_array_equal(fig.axes[1].lines[0].get_xdata(), spikes.spike_times)
    plots.figure(ss.open(path).sel(fe=6))  # of a store, too
    plots.figure(ss.open(path).mean("seed"))
