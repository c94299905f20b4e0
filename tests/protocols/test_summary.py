"""Summaries of a point's results, and gates: what is stored, what fails, what ends early; ready summaries."""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import spikesweep as ss
from spikesweep.analysis import plots, summaries
from spikesweep.api import commands
from spikesweep.errors import InputError
from spikesweep.grid.schema import DONE, FAILED, GATED, OK
from spikesweep.store import Store
from spikesweep.store.check import check
from spikesweep.sweep.replay import replay, verify

PAGE = Path(__file__).parents[2] / "docs" / "summaries.md"
SOURCE = '''
from typing import Annotated, TypedDict
import numpy as np
import xarray as xr

def trains(x: float, n: int = 4, seed: int = 0):
    """Return times, n of them, and a number."""
    if x == 9.0:
        raise ValueError("nine")
    return {"spike_times": np.arange(n) * x, "level": x, "pair": np.array([x, 2 * x])}

class Told(TypedDict):
    span: Annotated[float | None, "ms"]
    n_spikes: int

def span(ds) -> Told:
    times = ds.spike_times.values
    assert ds.spike_size == times.size
    return {"span": np.ptp(times) if times.size else None, "n_spikes": times.size}

def arrays(ds):
    double = ds.pair * 2
    return {"double": double.assign_attrs(units="mV"), "x_again": ds.x, "raw": np.arange(3.0) * ds.x.item()}

def bad(ds):
    x = float(ds.x)
    if x == 1.0:
        raise RuntimeError("one")
    return {2.0: {"shape": np.ones(2)}, 3.0: {"other": 1.0}, 4.0: {"shape": np.nan}}.get(x, {"shape": x})

def count(ds):
    return {"whole": 1 if ds.x == 0 else 0.5}

def level(ds):
    return {"level": 1.0}

def clash(ds):
    return {"x": 1.0}
'''
WORDS = ("protocol.results={spike_times:{units:ms,ragged:spike},level:{},pair:{dims:{pair_0:2}}}",)


@pytest.fixture
def mine(tmp_path):
    """Return a function that loads a sweep of trains with summaries."""
    folder = tmp_path / "ofmine"
    folder.mkdir()
    (folder / "sim.py").write_text(SOURCE)

    def load(names, *words, compute="serial"):
        each = [f"{folder}/sim.py:{n[1:]}" if n.startswith(":") else n for n in names]
        return ss.load(
            f"function={folder}/sim.py:trains",
            *WORDS,
            f"outputs={tmp_path}/out",
            f"compute={compute}",
            *([f"summary=[{','.join(each)}]"] if each else []),
            *words,
        )

    return load


def test_only_what_a_summary_returns_is_stored(mine, tmp_path):
    ds = ss.run(mine([":span", "level"], "grid.x=[1,2]", "grid.n=[0,4]")).load()
    assert {*ds.data_vars} == {"span", "n_spikes", "level", "status"}
    np.testing.assert_array_equal(ds.span.squeeze(), [[np.nan, 3.0], [np.nan, 6.0]])
    assert ds.span.attrs["units"] == "ms"
    assert ds.n_spikes.dtype == np.int64
    assert (ds.status == OK).all()
    whole = ss.run(mine([], "grid.x=[1,2]", "grid.n=[0,4]")).load()  # another store, beside
    assert "spike_size" in whole
    np.testing.assert_array_equal(whole.level, ds.level)
    (path,) = (tmp_path / "out" / "function").glob("trains.zarr")
    assert not check(Store(path))


def test_it_is_the_same_however_it_runs_and_grows(mine, tmp_path):
    words = (":span", ":arrays")
    names = {n: f"name={n}" for n in ("serial", "threads", "processes")}
    found = {
        n: ss.run(mine(words, "grid.x=[0,1,2]", w, "grid.seed=[0,1]", "compute.block_points=2", compute=n))
        for n, w in names.items()
    }
    for n in ("threads", "processes"):
        assert found[n].load().drop_attrs().equals(found["serial"].load().drop_attrs())
    grown = ss.run(mine(words, "grid.x=[0,1,2,5]", names["serial"], "grid.seed=[0,1]")).load()
    assert grown.double.attrs["units"] == "mV"
    np.testing.assert_array_equal(grown.raw.sel(x=5, seed=0, n=4), [0.0, 5.0, 10.0])
    assert grown.sel(x=[0, 1, 2]).drop_attrs().equals(found["serial"].load().drop_attrs())
    store = Store(tmp_path / "out" / "serial" / "trains.zarr")
    assert not verify(store, 8, np.random.default_rng(0))["different"]
    assert replay(store, {"x": 5.0, "seed": 1}).n_spikes == 4
    assert "ofmine.sim" in store.attrs["models"]


def test_what_fails_at_a_point_is_told_there(mine, tmp_path):
    ds = ss.run(mine([":bad"], "grid.x=[0,1,2,3,4,9]")).load()
    np.testing.assert_array_equal(ds.status.squeeze(), [OK, *[FAILED] * 5])
    reasons = {f["point"]["x"]: f["reason"] for f in Store(tmp_path / "out/function/trains.zarr").failures()}
    assert reasons[1.0] == "summary bad: RuntimeError: one"
    assert "(2,)" in reasons[2.0]
    assert "other; before shape" in reasons[3.0]
    assert "nan" in reasons[4.0]
    assert reasons[9.0] == "ValueError: nine"


def test_another_kind_of_number_fails(mine):
    assert ss.run(mine([":count"], "grid.x=[0,1]")).status.values.ravel().tolist() == [OK, FAILED]


@pytest.mark.parametrize(
    ("names", "words", "text"),
    [
        (["levels"], (), "did you mean 'level'"),
        (["rates"], (), "rates needs"),
        (["spikesweep.store.durable.write"], (), "is not known"),  # a YAML of somebody else's may name it
        (["os.system"], (), "of no package that was named"),
        ([":nothing"], (), "no function nothing"),
        ([":level", "level"], (), "twice"),
        ([":clash"], (), "twice, or an axis"),
        (["level", "level"], (), "each once"),
        (["level"], ("gate={spam:[0,1]}",), "gate.spam"),
        (["level"], ("gate={level:[2,1]}",), r"allowed: \[LOW, HIGH\]"),
        (["level"], ("gate={level:[1]}",), r"allowed: \[LOW, HIGH\]"),
        (["level"], ("gate={spike_times:[0,1]}",), "no number"),
        ([":bad"], ("grid.x=[1]",), "raised RuntimeError: one"),
    ],
)
def test_mistakes_are_refused(mine, names, words, text, tmp_path):
    with pytest.raises(InputError, match=text):
        ss.run(mine(names, "grid.x=[0]", *words))
    assert not [*tmp_path.glob("out/*/*.zarr")]


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(
        InputError, match=re.escape("there is no file none.py; allowed: summary=FILE.py:NAME")
    ):
        ss.load("summary=none.py:rate")


def test_the_page_of_a_store_says_what_is_kept_and_gated(mine, capsys):
    words = "grid.x=[1,2]", "gate={level:[null,1.5]}"
    path = ss.run(mine([":span", "level"], *words)).encoding["source"]
    with pytest.raises(SystemExit):
        commands.main(["show", path])
    said = capsys.readouterr().out
    assert re.search(r"^  summary    \S+\.span, level$", said, re.MULTILINE)
    assert re.search(r"^  gate       level from -inf to 1.5$", said, re.MULTILINE)
    assert re.search(r"^  points     2: 1 ok, 1 gated$", said, re.MULTILINE)
    with pytest.raises(SystemExit):
        commands.main(["ls", str(Path(path).parent)])
    assert re.search(r"\.zarr +\S.*\b2 +0 +0 ", capsys.readouterr().out)  # done, failed, missing


def test_gates_of_own_and_of_summarised_results(mine):
    words = ("grid.x=[1,2,3]", "grid.n=[0,4]")
    ds = ss.run(mine([":span", "level"], *words, "gate={level:[null,2],n_spikes:[1,null]}")).load()
    np.testing.assert_array_equal(ds.status.squeeze(), [[GATED, OK], [GATED, OK], [GATED, GATED]])
    meanings = dict(
        zip(ds.status.attrs["flag_values"], ds.status.attrs["flag_meanings"].split(), strict=True)
    )
    assert meanings[GATED] == "gated"
    assert ds.level.sel(x=3).values.tolist() == [[3.0], [3.0]]  # it stays
    assert np.isnan(ds.span.sel(x=3)).all()  # what is gated already is not summarised
    again = ss.run(mine([":span", "level"], *words, "gate={level:[null,2],n_spikes:[1,null]}"))
    assert again.load().identical(ds)


NETWORK = ("neuron=izhikevich", "network=recurrent_spiking", "protocol=spiking_network", "compute=serial")
SHORT = ("protocol.duration=300", "protocol.discard=50", "grid.weight_scale=[0.5,3]")


def test_networks(tmp_path):
    names = ["rate", "cv_isi", "rates", "intervals", "correlations", "spectra", "lfp"]
    (tmp_path / "bursting").mkdir()
    (source,) = re.findall(r"^```python\n# mine/s.py\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "bursting" / "s.py").write_text(source)
    words = (*NETWORK, *SHORT, f"outputs={tmp_path}", "protocol.neurons=[0,900]", "protocol.record=[v,i_syn]")
    whole = ss.run(ss.load(*words)).load()
    names.append(f"{tmp_path}/bursting/s.py:bursts")
    ds = ss.run(ss.load(*words, f"summary=[{','.join(names)}]")).load()
    np.testing.assert_array_equal(ds.n_spikes, whole.spike_size)
    assert 0.0 <= ds.burst.sel(weight_scale=3.0).item() < 1.0
    assert whole.rate.equals(ds.rate)
    active = (
        (whole.neuron_rate > 0).groupby("neuron_population").mean().rename(neuron_population="population")
    )
    np.testing.assert_allclose(ds.active.values, active.transpose(*ds.active.dims).values)
    assert ds.sizes["rate_power_frequency"] == ds.lfp_power.sizes["lfp_power_frequency"]
    assert "spike_times" not in ds
    assert "time" not in ds.dims
    figure = plots.figure(ds)  # of what is kept: the protocol's own draws what is not
    assert "mean rate" in figure.axes[0].get_ylabel()
    assert plots.figure(whole).axes[0].get_ylabel() != figure.axes[0].get_ylabel()


def test_a_gate_of_the_rate_ends_networks_early(tmp_path):
    words = (*NETWORK, *SHORT, f"outputs={tmp_path}", "protocol.record_spikes=false", "protocol.neurons=[]")
    whole = ss.run(ss.load(*words)).load()
    high = float(whole.rate.max())
    ds = ss.run(ss.load(*words, f"gate={{rate:[0,{high / 3}]}}")).load()
    strong = ds.sel(weight_scale=3.0)
    assert (strong.status == GATED).all()
    assert float(strong.rate.max()) > high / 3
    bins = np.isfinite(strong.population_rate).all("population").squeeze()
    assert 0 < int(bins.sum()) < bins.size  # it was not simulated to its end
    weak = {"weight_scale": 0.5}
    assert ds.sel(weak).status.isin(DONE).all()
    assert ds.sel(weak).rate.equals(whole.sel(weak).rate)


def _trains(times, neurons, populations, duration=10_000.0):
    names = np.array(populations)
    coords = {"neuron_population": ("neuron", names), "population": sorted(set(populations))}
    data = {"spike_times": ("spike", np.array(times)), "spike_neuron": ("spike", np.array(neurons))}
    data["neuron_rate"] = ("neuron", np.zeros(len(names)))
    return xr.Dataset(data, coords, {"duration": duration, "discard": 0.0})


def test_ready_summaries_of_known_trains():
    rng = np.random.default_rng(1)
    shared, n, duration = rng.uniform(0, 100_000, 1000), 30, 100_000.0
    own = [np.concatenate([shared[rng.random(1000) < 0.5], rng.uniform(0, duration, 500)]) for _ in range(n)]
    regular = np.arange(50.0, duration, 100.0)
    times = np.concatenate([*own, regular, regular + 25.0])
    cells = np.repeat(np.arange(n + 2), [*map(len, own), len(regular), len(regular)])
    order = np.argsort(times, kind="stable")
    ds = _trains(times[order], cells[order], ["E"] * n + ["I"] * 2, duration)
    found = summaries.correlations(ds).correlation
    # counts that share a half of a half of all: thinned by p from the same events, p of the variance
    assert abs(float(found.isel(population=0, window=1)) - 0.25) < 0.03
    pairs = np.corrcoef(summaries._Trains(ds).binned(np.arange(n), 100.0))
    np.testing.assert_allclose(
        found.isel(population=0, window=1), pairs[np.triu_indices(n, 1)].mean(), rtol=1e-9
    )
    irregular = summaries.intervals(ds)
    assert irregular.cv[1] == 0.0
    assert irregular.lv[1] < 1e-20
    assert abs(irregular.cv[0] - 1.0) < 0.05
    assert abs(irregular.lv[0] - 1.0) < 0.1
    np.testing.assert_allclose(summaries.rates(ds).rate_quantile[1], 10.0)
    peak = float(summaries.spectra(ds).rate_power_peak[1])  # harmonics of 10 Hz, of which 40 Hz adds up
    assert abs(peak / 40.0 - round(peak / 40.0)) < 0.05


def test_silent_trains_have_no_values():
    ds = _trains(np.empty(0), np.empty(0, int), ["E", "E", "I"])
    assert summaries.rates(ds).active.values.tolist() == [0.0, 0.0]
    for found in (summaries.intervals(ds).cv, summaries.correlations(ds).correlation):
        assert np.isnan(found).all()
    assert np.isnan(summaries.spectra(ds).rate_power_peak).all()


def test_the_page_names_what_is_ready():
    for name in summaries.READY:
        assert f"`{name}`" in PAGE.read_text()
