"""Published networks: their numbers, their rates, and the same bits however a sweep of them runs."""

from pathlib import Path

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.analysis.plots import figure, network_measures
from spikesweep.errors import InputError
from spikesweep.grid.schema import OK
from spikesweep.sweep.job import make_job

#: Brunel 2000 by theory (Siegert, self-consistent): rate (Hz) by g and eta, V_reset 10 and 0 mV.
THEORY = {
    10.0: {
        (3.0, 2.0): 327.0, (6.0, 4.0): 55.84, (5.0, 2.0): 37.95, (4.5, 0.9): 6.517, (4.5, 2.0): 56.70,
        (6.0, 2.0): 22.85, (5.0, 1.5): 23.64, (5.0, 3.0): 65.04, (8.0, 2.0): 12.99, (8.0, 4.0): 31.65,
        (6.0, 1.2): 8.605,
    },
    0.0: {(5.0, 2.0): 32.03, (6.0, 4.0): 49.15, (4.5, 0.9): 5.83, (6.0, 2.0): 20.87, (8.0, 2.0): 12.41},
}  # fmt: skip
#: Where the network is asynchronous and irregular. It oscillates at the others, or is regular; (6, 1.2) is at
#: the border of slow oscillations (sweeps/brunel_phases.yaml).
IRREGULAR = {(5.0, 2.0), (4.5, 2.0), (6.0, 2.0), (5.0, 1.5), (5.0, 3.0), (8.0, 2.0)}
#: What Brunel's own simulations of network A had (Hz), Fig. 8.
SIMULATED = {(6.0, 4.0): 60.7, (5.0, 2.0): 37.7, (4.5, 0.9): 5.5}

LAYERS = ["L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I"]
#: Rates (Hz) of the microcircuit at full size (PyNEST/src/microcircuit/network_params.py).
FULL = np.array([0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829])
#: At scale 0.1, from our run of NEST 3.10 with the scaling, weights and Poisson input of that code: mean and
#: SD over seeds 1 to 6 of 3 s each, after 500 ms.
NEST = np.array([0.476, 2.119, 3.997, 5.019, 6.569, 7.798, 0.848, 7.018])
NEST_SD = np.array([0.020, 0.038, 0.021, 0.023, 0.283, 0.034, 0.019, 0.037])

QUIET = ("protocol.record=[]", "protocol.neurons=[]", "protocol.record_spikes=false")
#: A Brunel network of 500 cells: fewer inputs, stronger ones.
SMALL = (
    "neuron=lif_psc", "network=brunel2000", "protocol=spiking_network", "compute=serial", *QUIET[:2],
    "network.populations.E.n=400", "network.populations.I.n=100", "network.parameters.J=0.5",
    "network.drives.external.n={E:200,I:200}", "protocol.duration=150.0", "protocol.bin=1.0",
    *(f"network.projections.{t}.{s}.n={n}" for t in "EI" for s, n in (("E", 80), ("I", 20))),
)  # fmt: skip
G = "grid.network.parameters.g=[4.5,5.0,6.0]"


def load(tmp_path, network, neuron, *words):
    choices = (f"neuron={neuron}", f"network={network}", "protocol=spiking_network", "compute=serial")
    return ss.load(*choices, f"outputs={tmp_path}", *words)


def network_of(name, neuron, *words):
    return make_job(load(".", name, neuron, *words))[0].network


def pooled(ds):
    """Return the rate over all cells of four excitatory ones to an inhibitory one, shape (..., seed)."""
    weights = ds.rate.population.copy(data=[0.8, 0.2])
    return (ds.rate * weights).sum("population").squeeze(drop=True)


def test_brunels_network_has_its_published_numbers():
    whole = network_of("brunel2000", "lif_psc").whole
    assert {name: p.n for name, p in whole.populations.items()} == {"E": 10_000, "I": 2500}
    assert {s: c.n for s, c in whole.projections["I"].items()} == {"E": 1000, "I": 250}
    assert [p.synapse.weight for p in whole.populations.values()] == [0.1, -0.5]
    cell, drive = whole.populations["I"].cell, whole.drives["external"]
    assert (cell.C_m / cell.g_L, cell.V_th, cell.V_reset, cell.t_ref) == (20.0, 20.0, 10.0, 2.0)
    threshold = 1e3 * cell.V_th / (0.1 * 1000 * 20.0)
    assert drive.rate == pytest.approx(2.0 * threshold)
    changed = network_of("brunel2000", "lif_psc", "network.parameters.g=8", "network.parameters.eta=3").whole
    assert changed.populations["I"].synapse.weight == pytest.approx(-0.8)
    assert changed.drives["external"].rate == pytest.approx(30.0)


def test_networks_of_brette_have_their_published_numbers():
    coba, cuba = network_of("coba", "coba").whole, network_of("cuba", "lif_psc").whole
    for whole in (coba, cuba):
        assert {name: p.n for name, p in whole.populations.items()} == {"exc": 3200, "inh": 800}
        assert {c.p_connect for row in whole.projections.values() for c in row.values()} == {0.02}
    assert [p.synapse.weight for p in coba.populations.values()] == [6.0, 67.0]
    assert [p.synapse.E_rev for p in coba.populations.values()] == [0.0, -80.0]
    cell = cuba.populations["exc"].cell
    assert [p.synapse.weight / cell.g_L for p in cuba.populations.values()] == pytest.approx([1.62, -9.0])
    both = network_of("coba", "brette2007").whole
    assert both == coba


def test_the_microcircuit_has_its_published_numbers():
    """The constant currents are those that PyNEST/src/microcircuit/helpers.py gives at 0.1."""
    full = network_of("potjans_diesmann2014", "lif_psc", "network.scale=1.0").whole
    assert list(full.populations) == LAYERS
    assert full.N == 77_169
    numbers = {(t, s): c.n for t, row in full.projections.items() for s, c in row.items()}
    assert len(numbers) == 55  # nine probabilities are 0
    assert sum(numbers.values()) == pytest.approx(298_880_941, abs=100)
    pairs = 20683 * 20683
    assert numbers["L23E", "L23E"] == pytest.approx(np.log(1 - 0.1009) / np.log(1 - 1 / pairs), rel=1e-6)
    assert all(p.i_ext == (0.0,) for p in full.populations.values())
    whole = network_of("potjans_diesmann2014", "lif_psc").whole
    assert [p.n for p in whole.populations.values()] == [2068, 583, 2192, 548, 485, 106, 1440, 295]
    assert sum(c.n for row in whole.projections.values() for c in row.values()) == 2_988_807
    currents = [p.i_ext[0] for p in whole.populations.values()]
    published = [29.04, 112.37, 112.97, 114.99, 125.42, 151.68, 43.85, 153.71]
    assert currents == pytest.approx(published, rel=3e-4)  # 87.8 for 87.81 pA
    assert whole.populations["L4E"].synapse.weight == pytest.approx(87.8 / np.sqrt(0.1))
    assert whole.populations["L6I"].synapse.weight == pytest.approx(-4 * 87.8 / np.sqrt(0.1))
    doubled, other = whole.projections["L23E"]["L4E"].weights, whole.projections["L4I"]["L4E"].weights
    assert (doubled.mean, doubled.sd, other.mean, other.sd) == (2.0, 0.2, 1.0, 0.1)
    assert list(whole.drives["background"].n.values()) == pytest.approx(
        [160, 150, 210, 190, 200, 190, 290, 210]
    )
    for row in whole.projections.values():
        assert {c.delay.mean for s, c in row.items() if s.endswith("E")} == {1.5}
        assert {c.delay.mean for s, c in row.items() if s.endswith("I")} <= {0.75}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("network.scale=0.0", "network.scale"),
        ("network.scale=1.5", "network.scale"),
        ("network.scale=0.0004", "leaves no cell of L5I, which has 1065; allowed: at least"),
        ("network.g=4.0", "network.g = 4.0"),
        ("+network.probabilities.L4E.L4=0.1", "network.probabilities.L4E: 'L4' is no population"),
        ("+network.weight_factors.L5.L5E=2.0", "network.weight_factors.L5: 'L5' is no population"),
        ("network.probabilities.L4E.L4I=1.0", "network.probabilities.L4E.L4I"),
        ("network.populations.L4E.kind=excitatory", "network.populations.L4E.kind"),
    ],
)
def test_a_microcircuit_that_cannot_be_is_refused(word, message):
    with pytest.raises(InputError, match=message):
        network_of("potjans_diesmann2014", "lif_psc", word)


@pytest.mark.slow
def test_the_microcircuit_is_swept_over_its_scale(tmp_path):
    words = (*QUIET, "protocol.duration=40.0", "grid.network.scale=[0.01,0.02]")
    with pytest.raises(InputError, match=r"network\.scale: a sweep changes the labels"):
        make_job(load(tmp_path, "potjans_diesmann2014", "lif_psc", *words))
    ds = ss.run(load(tmp_path, "potjans_diesmann2014", "lif_psc", *words, "protocol.record_rates=false"))
    assert (ds.status == OK).all()
    assert ds.rate.dims[:2] == ("population", "scale")
    assert ds.population.values.tolist() == LAYERS
    assert "neuron" not in ds.dims
    assert float(ds.population_rate.max()) > 0.0
    assert [len(ax.lines) for ax in figure(ds).axes] == [8, 8, 8]


def test_the_bits_are_the_same_on_any_workers_and_blocks(tmp_path):
    words = (*SMALL, G, "grid.seed=[0,1]")
    runs = [
        ss.run(ss.load(*words, *more, f"outputs={tmp_path / str(k)}"))
        for k, more in enumerate(
            [
                ("compute.block_points=6",),
                ("compute.block_points=1",),
                ("compute=threads", "compute.workers=2", "compute.block_points=2"),
            ]
        )
    ]
    spikes = runs[0].sweep.spikes()
    assert spikes.sizes["spike"] > 1000
    for ds in runs[1:]:
        assert ds.drop_vars("spike_size").equals(runs[0].drop_vars("spike_size"))
        assert ds.sweep.spikes().equals(spikes)
    assert not runs[0].rate.sel(seed=0).equals(runs[0].rate.sel(seed=1))
    assert len(np.unique(runs[0].rate.sel(population="E", seed=0))) == 3


def test_a_sweep_grows_by_seed_and_by_g_to_the_same_bits(tmp_path):
    whole = ss.run(ss.load(*SMALL, G, "grid.seed=[0,1]", f"outputs={tmp_path / 'whole'}"))
    for g, seed in (("[5.0]", "[0]"), ("[5.0]", "[0,1]"), ("[4.5,5.0]", "[0,1]"), ("[4.5,5.0,6.0]", "[0,1]")):
        words = (f"grid.network.parameters.g={g}", f"grid.seed={seed}", f"outputs={tmp_path / 'grown'}")
        grown = ss.run(ss.load(*SMALL, *words))
    assert grown.sizes == whole.sizes
    assert whole.sweep.spikes().sizes["spike"] > 1000
    for name in ("rate", "cv_isi", "synchrony", "last_spike", "population_rate", "neuron_rate"):
        assert grown[name].equals(whole[name])
    assert grown.sweep.spikes().equals(whole.sweep.spikes())


def test_a_killed_sweep_goes_on_to_the_same_bits(tmp_path):
    """One of six networks raises KeyboardInterrupt, as Ctrl-C does; the next run computes what is left."""
    from spikesweep.protocols import SpikingNetworkActivity

    words = (*SMALL, G, "grid.seed=[0,1]", "compute.block_points=1")
    whole = ss.run(ss.load(*words, f"outputs={tmp_path / 'whole'}"))
    original, calls = SpikingNetworkActivity.__call__, []

    def killed(self, network, points, sweep):
        calls.append(points)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(self, network, points, sweep)

    cfg = ss.load(*words, f"outputs={tmp_path / 'killed'}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SpikingNetworkActivity, "__call__", killed)
        with pytest.raises(KeyboardInterrupt):
            ss.run(cfg)
    (store,) = Path(tmp_path / "killed").rglob("*.zarr")
    assert 0 < int((ss.open(store).status == OK).sum()) < 6
    resumed = ss.run(cfg)
    assert resumed.rate.equals(whole.rate)
    assert resumed.sweep.spikes().equals(whole.sweep.spikes())


def test_figures_show_one_network_a_line_and_a_map(tmp_path):
    one = ss.run(ss.load(*SMALL, "grid.seed=[0]", f"outputs={tmp_path / '1'}"))
    raster, rates, cumulated = sorted(figure(one).axes, key=lambda ax: (ax.get_xlabel(), ax.get_ylabel()))
    assert len(raster.collections[0].get_offsets()) == one.sweep.spikes().sizes["spike"] > 1000
    assert len(cumulated.lines) == len(rates.lines) == 2
    kept = ss.run(ss.load(*SMALL, *QUIET, "protocol.record_rates=false", f"outputs={tmp_path / '2'}"))
    assert [len(ax.patches) for ax in figure(kept).axes] == [0, 2]  # rates over time, a bar a population
    eta = "grid.network.parameters.eta=[0.1,0.9,2.0,4.0]"
    both = ss.run(ss.load(*SMALL, *QUIET, G, eta, "protocol.spectrum=30.0", f"outputs={tmp_path / '3'}"))
    maps = figure(both)
    labels = [ax.get_ylabel() for ax in maps.axes]
    measures = list(network_measures._MEASURES.values())
    assert [label for label in labels if label and label != "eta"] == 2 * measures
    texts = [text.get_text() for ax in maps.axes for text in ax.texts]
    assert len(texts) == 12
    assert "quiet" in texts
    assert "CV of intervals < 0.25" in maps.get_suptitle()
    over_one = figure(both.isel(eta=[3]))
    assert [ax.get_xlabel() for ax in over_one.axes] == ["g"] * 3


@pytest.mark.slow
@pytest.mark.parametrize("v_reset", THEORY)
def test_brunels_network_has_the_rates_of_theory_and_of_his_simulations(v_reset, tmp_path):
    """Mean of seeds 0 and 1, 1 s each after 200 ms, 12 500 cells.

    Within 5 % of theory where asynchronous and irregular, 10 % elsewhere. At (4.5, 0.9), where slow
    oscillations are strong, within 15 %: Brunel's own simulation lies 16 % below theory. Of V_reset 10 mV
    also within 2 % of his simulations, 8 % there.
    """
    theory = THEORY[v_reset]
    assert len(theory) in (11, 5)
    lines = ["network.parameters.g,network.parameters.eta", *(f"{g},{eta}" for g, eta in theory)]
    (tmp_path / "points.csv").write_text("\n".join(lines))
    words = (*QUIET, "protocol.record_rates=false", f"points={tmp_path / 'points.csv'}", "grid.seed=[0,1]")
    time = ("protocol.duration=1200.0", "protocol.discard=200.0", f"neuron.Brunel.V_reset={v_reset}")
    ds = ss.run(load(tmp_path, "brunel2000", "lif_psc", *words, *time))
    assert (ds.status == OK).all()
    rates = pooled(ds).mean("seed").values
    assert len(rates) == len(theory)
    found = dict(zip(theory, rates.tolist(), strict=True))
    for point, expected in theory.items():
        bound = 0.15 if point == (4.5, 0.9) else 0.05 if point in IRREGULAR else 0.10
        assert found[point] == pytest.approx(expected, rel=bound), point
    if v_reset == 10.0:
        for point, expected in SIMULATED.items():
            assert found[point] == pytest.approx(expected, rel=0.08 if point == (4.5, 0.9) else 0.02), point


@pytest.mark.slow
def test_cuba_has_the_rate_of_brian2(tmp_path):
    """Brian2 2.9 as we ran it: 5.68 +- .25 Hz (SD over 6 seeds) in the first second; seeds 0 to 11."""
    words = ("protocol.duration=1000.0", "grid.seed={start:0,stop:11,num:12}")
    ds = ss.run(load(tmp_path, "cuba", "lif_psc", *QUIET, *words))
    rates = pooled(ds)
    assert rates.sizes == {"seed": 12}
    assert float(rates.mean()) == pytest.approx(5.68, abs=3 * 0.25 * np.sqrt(1 / 6 + 1 / 12))
    assert float(rates.std()) < 2 * 0.25


@pytest.mark.slow
def test_coba_sustains_itself_at_its_rate_or_dies_early(tmp_path):
    """Brian2: 19.2 Hz in 5 of 6 seeds, the other dies within 30 ms. Seeds 0 to 11: within 1.5 Hz."""
    words = ("protocol.duration=1000.0", "protocol.discard=100.0", "grid.seed={start:0,stop:11,num:12}")
    ds = ss.run(load(tmp_path, "coba", "coba", *QUIET, *words))
    rates, last = pooled(ds).values, ds.last_spike.max("population").squeeze().values
    assert len(rates) == 12
    dead = last < 60.0
    assert (rates[dead] == 0.0).all()
    assert (last[~dead] > 990.0).all()
    assert 7 <= np.count_nonzero(~dead) <= 12
    assert rates[~dead].mean() == pytest.approx(19.2, abs=1.5)


@pytest.mark.slow
def test_the_microcircuit_at_a_tenth_has_the_rates_of_nest(tmp_path):
    """Mean of seeds 0 to 4, 2 s each after 500 ms, of NEST's mean of 6 seeds: within 3 errors and 2 %.

    From the full network's rates all but L23E are within the deviations of downscaled networks in Romaro et
    al. 2021 (doi:10.1162/neco_a_01400, Table A.1: up to 42 %, from scale 0.05 on). L23E halves, as in NEST.
    """
    words = (*QUIET, "protocol.record_rates=false", "grid.seed={start:0,stop:4,num:5}")
    time = ("protocol.duration=2500.0", "protocol.discard=500.0")
    ds = ss.run(load(tmp_path, "potjans_diesmann2014", "lif_psc", *words, *time))
    rates = ds.rate.mean("seed").squeeze().values
    assert ds.population.values.tolist() == LAYERS
    assert rates.shape == NEST.shape == (8,)
    assert (np.abs(rates - NEST) < 3 * NEST_SD * np.sqrt(1 / 6 + 1 / 5) + 0.02 * NEST).all()
    assert (np.abs(rates / FULL - 1.0)[1:] < 0.42).all()
    assert 0.4 < rates[0] / FULL[0] < 0.6
