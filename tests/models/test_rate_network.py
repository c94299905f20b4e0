"""Rate networks against golden numbers, closed forms, and a second implementation."""

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE
from omegaconf import OmegaConf

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.models import RateUnit
from spikesweep.sweep.job import make_job

SEED_CASE = pd.read_csv(REFERENCE / "rate_network_seed_case.csv")
INPUTS = np.load(REFERENCE / "rate_network_inputs.npz")
TIGHT = ("protocol.rtol=1e-11", "protocol.atol=1e-10")
#: What the collapsed compiled integrators, and the full system in SciPy, are asked for below.
INTEGRATORS = {
    "adaptive": ("protocol.integrator=adaptive", *TIGHT),
    "fixed": ("protocol.integrator=fixed", "protocol.dt=0.25"),
    "scipy": ("protocol.integrator=scipy", *TIGHT),
}


def load(network, *words):
    cfg = ss.load("neuron=rate_unit", f"network={network}", "protocol=rate_dynamics", *words)
    OmegaConf.set_struct(cfg, False)
    return cfg


def golden(*words):
    """Return the golden table of the network of seed 0 and pattern 0, and our dataset of it."""
    rows = SEED_CASE.sort_values("cell")
    assert len(rows) == 10
    return rows, ss.rate_network(
        load("feedforward_rate", *words), weights=INPUTS["w_0"], inputs=INPUTS["x_0"][0]
    )


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_golden_voltages(integrator):
    rows, ds = golden("protocol.n_samples=1001", *INTEGRATORS[integrator])
    for column, time in [("v_1s", 1000.0), ("v_20ms", 20.0), ("v_100ms", 100.0)]:
        np.testing.assert_allclose(ds.v.sel(time=time), rows[f"{column}_tight_mV"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(ds.v_end, rows.v_steady_analytic_mV, rtol=0, atol=1e-6)
    last = ds.isel(time=-1)
    np.testing.assert_allclose(last.rate, rows.rate_1s_tight_hz, rtol=0, atol=1e-6)
    np.testing.assert_allclose(last.current, rows.sum_i_1s_tight_nA, rtol=0, atol=1e-8)


def test_scipy_with_its_default_tolerances_is_the_original():
    words = ("protocol.integrator=scipy", "protocol.rtol=1e-3", "protocol.atol=1e-6")
    rows, ds = golden(*words)
    np.testing.assert_allclose(ds.v_end, rows.v_1s_rk45_default_mV, rtol=0, atol=1e-9)
    _, tight = golden(*INTEGRATORS["adaptive"])
    assert 1e-4 < abs(ds.v - tight.v).max() < 0.02
    rows, ds = golden(*words, "network.driving_force=pre_index")
    np.testing.assert_allclose(ds.v_end, rows.AS_CODED_v_1s_rk45_default_mV, rtol=0, atol=1e-9)


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_the_published_slip(integrator):
    rows, ds = golden("network.driving_force=pre_index", *INTEGRATORS[integrator])
    np.testing.assert_allclose(ds.v_end, rows.AS_CODED_v_1s_tight_mV, rtol=0, atol=1e-6)
    assert abs(ds.v_end - rows.v_1s_tight_mV.values).max() > 0.5


def test_initial_slopes():
    table = np.loadtxt(REFERENCE / "rate_network_initial_didt_rs0_pattern0_nA_per_s.csv", delimiter=",")
    cfg = load("feedforward_rate")
    ds = ss.rate_network(cfg, weights=INPUTS["w_0"], inputs=INPUTS["x_0"][0], synapses=True)
    assert table.shape == (10, 10)
    np.testing.assert_allclose(ds.initial_slope.values.reshape(10, 10), table, rtol=1e-12)


def test_f_i_curve():
    table = pd.read_csv(REFERENCE / "rate_fI_curve.csv")
    assert len(table) > 10
    for peak in (50.0, 80.0):
        unit = RateUnit(v_rest=-70.0, tau=50.0, R=100.0, v_th=-50.0, v_pk=-30.0, peak=peak)
        assert unit.rate(table["# v_mV"]).tolist() == table[f"rate_peak{peak:.0f}_hz"].tolist()


def test_legacy_draws_are_those_of_the_original():
    job, _, _ = make_job(load("feedforward_rate", "network.rng=legacy"))
    seeds = np.repeat([0, 1, 42], 10)
    weights, rates = job.network.draw(seeds, np.tile(np.arange(10), 3), root_seed=0)
    for k, seed in enumerate((0, 1, 42)):
        assert (weights["E"]["FFE"][:, :, 10 * k] == INPUTS[f"w_{seed}"]).all()
        assert (rates["FFE"][:, 10 * k : 10 * k + 10].T == INPUTS[f"x_{seed}"]).all()


def one_synapse(r_g):
    """Return a feed-forward network, and arrays for it, whose ten cells have these R G."""
    weights = np.zeros((10, 10))
    weights[:, 0] = np.asarray(r_g) / (100.0 * 2e-5 * 50.0)
    inputs = np.zeros(10)
    inputs[0] = 50.0
    return weights, inputs


@pytest.mark.parametrize("integrator", ["adaptive", "fixed"])
def test_transient_is_that_of_the_two_eigenvalues(integrator):
    """With (v - v_inf) = x: tau_s tau_m x'' + (tau_s + tau_m) x' + (1 + R G) x = 0, x'(0) = 0."""
    r_g = np.array([0.05, 0.2, 0.5, 0.7, 0.79, 0.81, 1.0, 2.0, 5.0, 20.0])
    tau_s, tau_m = 10.0, 50.0
    cfg = load("feedforward_rate", "protocol.n_samples=1001", *INTEGRATORS[integrator], "protocol.dt=0.1")
    weights, inputs = one_synapse(r_g)
    ds = ss.rate_network(cfg, weights=weights, inputs=inputs)
    v_inf = -70.0 / (1.0 + r_g)
    root = np.sqrt((1 / tau_s - 1 / tau_m) ** 2 / 4 - r_g / (tau_s * tau_m) + 0j)
    middle = -(1 / tau_s + 1 / tau_m) / 2
    plus, minus = middle + root, middle - root
    t = ds.time.values[:, np.newaxis]
    transient = (plus * np.exp(minus * t) - minus * np.exp(plus * t)) / (plus - minus)
    closed = v_inf + (-70.0 - v_inf) * transient.real
    np.testing.assert_allclose(ds.v.values.T, closed, rtol=0, atol=1e-6)


def test_overshoot_exactly_above_a_product_of_0_8():
    r_g = np.array([0.1, 0.3, 0.5, 0.7, 0.75, 0.85, 0.9, 1.0, 3.0, 10.0])
    weights, inputs = one_synapse(r_g)
    words = ("protocol.n_samples=4001", "protocol.rtol=1e-13", "protocol.atol=1e-12")
    ds = ss.rate_network(load("feedforward_rate", *words), weights=weights, inputs=inputs)
    v_inf = -70.0 / (1.0 + r_g)
    # the first maximum of the damped oscillation of the two eigenvalues -0.06 +- i omega per ms
    omega = np.sqrt(np.maximum(r_g / 500.0 - 0.0016, 0.0))
    with np.errstate(divide="ignore"):
        expected = (v_inf + 70.0) * np.where(r_g > 0.8, np.exp(-np.pi * 0.06 / omega), 0.0)
    assert (expected[r_g > 0.8] > 1e-7).all()
    np.testing.assert_allclose(ds.v_peak - v_inf, expected, rtol=1e-3, atol=1e-8)
    assert float(ds.v.min()) == -70.0
    assert (ds.v.max("time").values[r_g < 0.8] < 0.0).all()


def closed_system(cfg, **words):
    """Return a recurrent network's dataset with every synapse."""
    return ss.rate_network(cfg, seed=3, pattern=1, synapses=True, **words)


@pytest.mark.parametrize("network", ["recurrent_rate", "dentate_6"])
def test_compiled_collapsed_forms_are_the_full_system_in_scipy(network):
    few = ("protocol.duration=200.0", "protocol.discard=0.0", "protocol.n_samples=41")
    full = closed_system(
        load(network, *few, "protocol.integrator=scipy", "protocol.rtol=1e-9", "protocol.atol=1e-10")
    )
    fine = {**INTEGRATORS, "fixed": ("protocol.integrator=fixed", "protocol.dt=0.1")}
    for integrator in ("adaptive", "fixed"):
        cfg = load(network, *few, *fine[integrator])
        collapsed = ss.rate_network(cfg, seed=3, pattern=1)
        each = closed_system(cfg)
        assert float(abs(full.v).max()) > 1.0
        assert float(full.rate.max()) > 0.05
        for ds in (collapsed, each):
            for name in ("v", "rate", "current", "projection_current"):
                scale = float(abs(full[name]).max())
                np.testing.assert_allclose(ds[name], full[name], rtol=0, atol=3e-6 * scale, err_msg=name)
        scale = float(abs(full.synapse_current).max())
        np.testing.assert_allclose(each.synapse_current, full.synapse_current, rtol=0, atol=3e-6 * scale)


def test_currents_of_synapses_projections_and_cells_add_up():
    ds = closed_system(load("recurrent_rate"))
    np.testing.assert_allclose(ds.projection_current.sum("projection"), ds.current, atol=1e-12)
    first = {"E": 0, "I": 10}
    for name in ds.projection.values:
        own = ds.isel(synapse=np.flatnonzero(ds.synapse_projection == name))
        for i in range(10 if name[0] == "E" else 5):
            total = own.synapse_current.isel(synapse=np.flatnonzero(own.post_cell == i)).sum("synapse")
            there = ds.projection_current.sel(projection=name, cell=first[name[0]] + i)
            np.testing.assert_allclose(total, there, atol=1e-12)
    with np.errstate(all="raise"):
        steady = -70.0 + 100.0 * ds.current.isel(time=-1)
    np.testing.assert_allclose(ds.v_end, steady, atol=1e-3)


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_order_of_names_and_unconnected_populations_change_nothing(integrator):
    words = (
        *INTEGRATORS[integrator][:1],
        "protocol.dt=1.0",
        "protocol.duration=100.0",
        "protocol.discard=0.0",
    )
    plain = load("recurrent_rate", *words)
    changed = load("recurrent_rate", *words)
    changed.network.populations = dict(reversed(list(changed.network.populations.items())))
    changed.network.projections = {
        post: dict(reversed(list(sources.items())))
        for post, sources in reversed(list(changed.network.projections.items()))
    }
    changed.network.populations["A"] = {**changed.network.populations["I"], "n": 3}
    a, b = (ss.rate_network(cfg, seed=5, pattern=4) for cfg in (plain, changed))
    assert list(changed.network.populations) == ["I", "E", "A"]
    assert a.identical(b)
    assert float(a.rate.max()) > 1.0


def test_unequal_sizes():
    cfg = load(
        "feedforward_rate", "network.populations.E.n=3", "network.inputs.FFE.n=17", *INTEGRATORS["adaptive"]
    )
    rng = np.random.default_rng(0)
    weights, inputs = rng.uniform(size=(3, 17)), rng.uniform(0.0, 50.0, 17)
    ds = ss.rate_network(cfg, weights=weights, inputs=inputs)
    np.testing.assert_allclose(ds.v_end, -70.0 / (1.0 + 100.0 * 2e-5 * weights @ inputs), atol=1e-6)


def test_a_population_that_receives_nothing_drives_others_at_its_resting_rate():
    cfg = load("recurrent_rate", "neuron.I.v_rest=-40.0", *INTEGRATORS["adaptive"])
    del cfg.network.projections["I"]
    ds = ss.rate_network(
        cfg, weights={"E": {"I": np.ones((10, 5)), "E": np.zeros((10, 10))}}, inputs=np.zeros(10)
    )
    g = 5 * 6e-5 * 40.0  # five units at half of 80 Hz
    np.testing.assert_allclose(ds.v_end, -70.0, atol=1e-9)  # inhibition reverses at rest
    np.testing.assert_allclose(ds.projection_current.sel(projection="E<-I"), 0.0, atol=1e-9)
    cfg.network.projections["E"]["I"]["synapse"]["E_rev"] = 0.0
    ds = ss.rate_network(
        cfg, weights={"E": {"I": np.ones((10, 5)), "E": np.zeros((10, 10))}}, inputs=np.zeros(10)
    )
    np.testing.assert_allclose(ds.v_end, -70.0 / (1.0 + 100.0 * g), atol=1e-6)


DENTATE = ("protocol.duration=350.0", "protocol.n_samples=351", "protocol.discard=150.0")
ORIGINAL = pd.read_csv(REFERENCE / "rate_network_dentate_original.csv", dtype={"input": str})


@pytest.mark.parametrize("config", range(7))
def test_dentate_circuits_are_those_of_the_public_code(config):
    """With SciPy's default tolerances the steps are the same, up to what rounding does to recurrence.

    SciPy's sums round by processor (3e-5 between AVX2 and AVX-512).
    """
    words = ("protocol.integrator=scipy", "protocol.rtol=1e-3", "protocol.atol=1e-6")
    loose, tight = load(f"dentate_{config}", *DENTATE, *words), load(f"dentate_{config}", *DENTATE)
    table = ORIGINAL[ORIGINAL.config == config]
    assert table.input.nunique() == 4
    assert (table.active_units > 0).mean() > 0.8
    for pattern, rows in list(table.groupby("input"))[:: 1 if config < 3 else 2]:
        inputs = [float(digit) for digit in pattern]
        for cfg, tolerance in [(loose, 1e-4), (tight, 1e-3)]:
            ds = ss.rate_network(cfg, inputs=inputs, seed=1234)
            for row in rows.itertuples():
                own = ds.isel(cell=np.flatnonzero(ds.population == row.population))
                assert int((own.activity > 0.0).sum()) == row.active_units
                assert float(own.activity.mean()) == pytest.approx(row.mean_activity, abs=tolerance)
                assert float(own.v_end.mean()) == pytest.approx(
                    row.sum_v_end / own.sizes["cell"], abs=50 * tolerance
                )


@pytest.mark.parametrize(
    ("weights", "inputs", "part"),
    [
        (np.ones((10, 9)), None, "weights of E<-FFE have shape (10, 9); allowed: (10, 10)"),
        (np.full((10, 10), np.nan), None, "not finite"),
        ({"E": {"FFF": np.ones((10, 10))}}, None, "did you mean 'E<-FFE'"),
        ({"E": np.ones((10, 10))}, None, "allowed: {post: {pre: W}}"),
        (None, np.ones(9), "inputs of FFE have shape (9,); allowed: (10,)"),
        (None, -np.ones(10), "negative rates"),
        (None, {"FFI": np.ones(10)}, "did you mean 'FFE'"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(weights, inputs, part):
    with pytest.raises(InputError) as refusal:
        ss.rate_network(load("feedforward_rate"), weights=weights, inputs=inputs)
    assert part in str(refusal.value)


def test_one_array_for_several_projections_is_refused():
    with pytest.raises(InputError, match="one array for 5 projections"):
        ss.rate_network(load("recurrent_rate"), weights=np.ones((10, 10)))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("network=fs_rs",), "'RS' is no cell of neuron=rate_unit"),
        (("network=fs_rs", "network.populations=[E]"), "allowed: a neuron that spikes"),
        (
            ("network=fs_rs", "network.populations=[E]", "protocol=transfer_function"),
            "network.populations.E.cell is a RateUnit, which has no step",
        ),
        (("protocol=transfer_function",), "a RateNetwork, which has no in_degree, synapses_onto"),
        (("neuron=adexp",), "'E' is no cell of neuron=adexp"),
        (("neuron=adexp", "network.populations.E.cell=RS"), "network.populations.E.cell is a AdExp"),
        (("network.populations.E.n=0",), "network.populations.E.n = 0 cells is refused; allowed: at least 1"),
        (("network.populations.E.cell=X",), "'X' is no cell"),
        (("neuron.E.v_pk=-50.0",), "v_pk = -50.0 mV of E is refused"),
        (("network.projections.E=null",), "network.projections.E = None is refused"),
        (("~network.projections.E.FFE",), "network.projections leads to no population"),
        (("++network.projections.E.X=${network.projections.E.FFE}",), "'X' is no population and no input"),
        (("++network.projections.X=${network.projections.E}",), "'X' is no population"),
        (("network.driving_force=pre_index", "network.inputs.FFE.n=7"), "equal sizes"),
        (
            (
                "network.driving_force=pre_index",
                "network.projections.E.FFE.synapse._target_=spikesweep.models.SaturatingConductance",
                "~network.projections.E.FFE.synapse.tau",
                "+network.projections.E.FFE.synapse.tau_decay=10.0",
                "+network.projections.E.FFE.synapse.tau_rise=1.0",
            ),
            "is a SaturatingConductance; allowed: FilteredCurrent",
        ),
        (("network.driving_force=pre",), "did you mean 'pre_index'"),
        (("network.projections.E.FFE.synapse.tau=0.0",), "more than 0"),
        (("protocol.discard=1000.0",), "less than protocol.duration"),
        (("protocol.n_samples=1",), "at least 2"),
        (("protocol.n_samples=2",), "leaves no sample"),
        (("protocol.record=[v,v]",), "each name once"),
        (("protocol.record=[w]",), "protocol.record[0] = 'w'"),
        (("protocol.integrator=fixed", "protocol.dt=10.0"), "smallest time constant, 10 ms"),
        (("protocol.rtol=0.0",), "more than 0"),
        (("network=dentate_0", "grid.pattern=[0,128]"), "grid.pattern holds 128; allowed: 0 to 127"),
    ],
)
def test_bad_word_is_refused(words, part, tmp_path):
    with pytest.raises(InputError) as refusal:
        make_job(load("feedforward_rate", *words, f"outputs={tmp_path}"))
    assert part in str(refusal.value)


def test_simulate_refuses_a_unit_without_spikes():
    with pytest.raises(InputError, match="no spikes; allowed: rate_network"):
        ss.simulate(load("feedforward_rate"), cell="E", current=1.0, duration=10.0)
