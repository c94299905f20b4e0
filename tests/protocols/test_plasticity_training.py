"""Training by plasticity: what the rules converge to, a naive twin, growth, and what is refused.

Closed forms are of linear units, y = a w.x. A rate unit under a current through a conductance is one to the
part that its conductance has of its leak, here less than 3e-7 (E_rev 1e9 mV, g 1e-9 uS/Hz, R 1 MOhm), after
40 of its time constants; changes by the mean over all patterns have the rules' fixed points, whatever eta.
"""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spikesweep as ss
from spikesweep import models
from spikesweep.analysis import patterns
from spikesweep.analysis.plots import figure
from spikesweep.contract import lacking
from spikesweep.errors import InputError
from spikesweep.grid.schema import OK
from spikesweep.kernels.random.philox import derive, point_keys, uniforms
from spikesweep.models.contracts import Plasticity
from spikesweep.sweep.job import make_job

RULES = {name: getattr(models, name) for name in dir(models) if not name.startswith("_")}
RULES = {name: x for name, x in RULES.items() if isinstance(x, type) and not lacking(x, Plasticity)}
SHORT = ("protocol.duration=60.0", "protocol.discard=40.0", "protocol.n_samples=7", "protocol.n_patterns=3")
LINEAR = (
    *("neuron.E.v_rest=0.0", "neuron.E.v_th=0.0", "neuron.E.v_pk=1e9", "neuron.E.peak=1e9", "neuron.E.R=1.0"),
    *("neuron.E.tau=2.0", "network.projections.E.FFE.synapse.tau=1.5", "protocol.integrator=fixed"),
    *("network.projections.E.FFE.synapse.g=1e-9", "network.projections.E.FFE.synapse.E_rev=1e9"),
    *("protocol.duration=90.0", "protocol.discard=80.0", "protocol.n_samples=10", "protocol.update=epoch"),
    *("protocol.record=[activity,weight,theta]", "grid.weight_scale=[0.1]"),
)


def load(tmp_path, *words, network="feedforward_rate"):
    base = ("neuron=rate_unit", f"network={network}", "protocol=plasticity_training", "compute=serial")
    return ss.load(*base, f"outputs={tmp_path}", *words)


def run(tmp_path, *words, network="feedforward_rate"):
    return ss.run(load(tmp_path, *words, network=network)).load()


def rule(name, **fields):
    inside = ",".join(
        f"{key}:{value}" for key, value in {"_target_": f"spikesweep.models.{name}", **fields}.items()
    )
    return f"protocol.rules={{it:{{{inside}}}}}"


def inputs(tmp_path, *words):
    job, _, _ = make_job(load(tmp_path, *words))
    n = job.protocol.n_patterns
    return job.network.draw(np.zeros(n, np.int64), np.arange(n), job.protocol.root_seed)[1]["FFE"]


@pytest.mark.parametrize("name", ["Oja", "NormalisedHebb"])
def test_hebbian_rules_converge_to_the_first_eigenvector_of_the_input_correlation(name, tmp_path):
    """Oja 1982: of length 1 / sqrt(a) with a = 1; power iteration, where the sum of weights is kept.

    Bound: the part by which responses are not linear, 3e-7, over the gap between the first two eigenvalues.
    """
    fields = {"eta": 5e-5} | ({"total": 2.0} if name == "NormalisedHebb" else {})
    words = (*LINEAR, "protocol.n_patterns=6", "grid.rule=[it]", "grid.seed=[0,1]", "grid.epoch=[0,300]")
    ds = run(tmp_path, *words, rule(name, **fields))
    x = inputs(tmp_path, *words, rule(name, **fields))
    values, vectors = np.linalg.eigh(x @ x.T / 6)
    first = np.abs(vectors[:, -1])
    expected = first if name == "Oja" else 2.0 * first / first.sum()
    bound = 4.0 * 3e-7 * values[-1] / (values[-1] - values[-2])
    weights = ds.weight.isel(epoch=-1).squeeze().transpose("seed", "synapse").values.reshape(2, 10, 10)
    np.testing.assert_allclose(weights, np.broadcast_to(expected, weights.shape), atol=bound * expected.max())
    np.testing.assert_allclose(ds.activity.isel(epoch=-1, seed=0).squeeze()[0], expected @ x, rtol=1e-5)
    assert (
        float(abs(ds.weight.isel(epoch=0).squeeze()[:10, 0] - expected).max()) > 0.05
    )  # where they came from


def test_bcm_selects_one_of_two_patterns(tmp_path):
    """Bienenstock, Cooper and Munro 1982: y = k / p = 2 k at one, 0 at the other, theta = y.

    Bound: the part by which responses are not linear, 3e-7, ten times; linear units are there to 1e-12 after
    1500 epochs of the patterns of this root seed.
    """
    bcm = rule("BCM", eta=1e-5, k=10.0, tau_theta=2.0, w_min="null", w_max="null")
    words = (*LINEAR, "network.inputs.FFE.n=2", "protocol.n_patterns=2", "protocol.root_seed=7")
    ds = run(tmp_path, *words, bcm, "grid.rule=[it]", "grid.seed=[0,1]", "grid.epoch=[0,1500]")
    last = ds.isel(epoch=-1).squeeze()
    responses = last.activity.transpose("seed", "cell", "pattern").values.reshape(-1, 2)
    selected = responses.argmax(axis=1)
    assert set(selected) == {0, 1}  # by the weights at the start
    np.testing.assert_allclose(responses.max(axis=1), 20.0, rtol=3e-6)
    np.testing.assert_allclose(responses.min(axis=1), 0.0, atol=20.0 * 3e-6)
    np.testing.assert_allclose(last.theta, 20.0, rtol=3e-6)
    np.testing.assert_allclose(last.selectivity_index, 0.5, atol=3e-6)  # the most that two patterns allow
    assert (ds.selectivity_index.isel(epoch=0) < 0.4).all()


@pytest.mark.parametrize("order", ["random", "fixed"])
def test_it_is_the_naive_loop_over_patterns(order, tmp_path):
    """Bit for bit, one weight after the other, with the responses of `rate_dynamics` to the same weights."""
    words = (*SHORT, "grid.seed=[3,5]", "grid.epoch=[0,1,3]", "protocol.record=[activity,weight,theta]")
    words = (*words, f"protocol.order={order}", "protocol.rules.bcm.eta=1e-4", "protocol.rules.bcm.k=1.5")
    ds = run(tmp_path, *words, "grid.rule=[oja,bcm]", network="recurrent_rate").squeeze()
    job, _, _ = make_job(load(tmp_path, *words, "grid.rule=[oja,bcm]", network="recurrent_rate"))
    protocol, network = job.protocol, job.network
    dynamics, zero = protocol._dynamics, np.array([5])
    for name in ("oja", "bcm"):
        one, law = ds.sel(seed=5, rule=name), protocol.rules[name]
        weights, _ = network.draw(zero, np.zeros(1, np.int64), 0)
        weights = {post: {pre: 3.0 * w for pre, w in of.items()} for post, of in weights.items()}
        theta = {post: np.full((network.size(post), 1), getattr(law, "k", np.nan)) for post in ("E", "I")}
        rates = [network.draw(zero, np.array([q]), 0)[1] for q in range(3)]
        for epoch in range(4):
            if epoch in (0, 1, 3):
                seen = one.sel(epoch=epoch)
                flat = np.concatenate([weights[post]["FFE"].ravel() for post in ("E", "I")])
                np.testing.assert_array_equal(seen.weight, flat)
                for q in range(3):
                    answer = dynamics.solve(network, weights, rates[q])["activity"][:, 0]
                    np.testing.assert_array_equal(seen.activity.sel(pattern=q), answer)
                if name == "bcm":
                    np.testing.assert_array_equal(seen.theta.sel(projection="I<-FFE")[10:], theta["I"][:, 0])
            u = uniforms(derive(point_keys(0, {"seed": zero}), "order", epoch), 3)[0]
            for q in np.argsort(u, kind="stable") if order == "random" else range(3):
                answer = dynamics.solve(network, weights, rates[q])["activity"][:, 0]
                for post, y_of in (("E", answer[:10]), ("I", answer[10:])):
                    w = weights[post]["FFE"]
                    for i, y in enumerate(y_of):
                        for j, x in enumerate(rates[q]["FFE"][:, 0]):
                            if name == "oja":
                                w[i, j] += law.eta * (y * x - (y * y) * w[i, j, 0])
                            else:
                                w[i, j] += law.eta * ((y * (y - theta[post][i, 0])) * x)
                        theta[post][i] += (y * y / 1.5 - theta[post][i]) / 20.0
    changed = ds.weight.isel(epoch=-1) != ds.weight.isel(epoch=0)
    assert (changed.groupby("synapse_projection").mean() > 0.2).all()


def test_more_epochs_and_seeds_continue_bit_for_bit(tmp_path):
    words = (*SHORT, "protocol.record=[activity,weight]", "grid.rule=[oja,bcm]")
    first = run(tmp_path, *words, "grid.epoch=[0,4]", "grid.seed=[0]")
    grown = run(tmp_path, *words, "grid.epoch=[0,2,4,6]", "grid.seed=[0,7]", "compute.block_points=4")
    again = run(tmp_path / "new", *words, "grid.epoch=[0,2,4,6]", "grid.seed=[0,7]")
    assert (grown.status == OK).all()
    for name in first.data_vars:
        np.testing.assert_array_equal(grown[name].sel(epoch=[0, 4], seed=[0]), first[name])
        np.testing.assert_array_equal(grown[name], again[name])


def test_the_measures_are_those_of_the_analysis(tmp_path):
    """To rounding: sums in another order."""
    ds = run(tmp_path, *SHORT, "grid.epoch=[0,5]", "grid.seed=[0,1]", "grid.rule=[bcm]").squeeze("rule")
    of_cells = ds[["activity"]].drop_dims("population", errors="ignore").rename(cell_population="population")
    found = patterns.measures(of_cells)
    for name, other in (("mean_activity", found.mean_activity), ("sparsity", found.sparsity.mean("pattern"))):
        np.testing.assert_allclose(ds[name].sel(population="E"), other.sel(population="E"), rtol=1e-12)
    np.testing.assert_allclose(
        ds.similarity.squeeze(), found.mean_similarity_silent_as_1.squeeze(), rtol=1e-12
    )
    index = 1.0 - ds.activity.mean("pattern") / ds.activity.max("pattern")
    np.testing.assert_allclose(ds.selectivity_index.squeeze(), index.mean("cell").squeeze(), rtol=1e-12)
    mean = ds.weight_mean.squeeze().isel(epoch=0)
    assert ((mean > 1.2) & (mean < 1.8)).all()  # uniform up to 3


@given(seed=st.integers(0, 2**32 - 1), n_post=st.integers(1, 4), n_pre=st.integers(1, 9), n=st.integers(2, 5))
def test_a_network_learns_alone_as_in_company_and_within_bounds(seed, n_post, n_pre, n):
    rng = np.random.default_rng(seed)
    w = rng.normal(1.0, 1.0, (n_post, n_pre, n))
    x, y = rng.uniform(0.0, 50.0, (n_pre, n)), rng.uniform(0.0, 50.0, (n_post, n)) * rng.integers(0, 2, n)
    for cls in RULES.values():
        given_ = {"eta": 1e-3, "w_min": -0.5, "w_max": 2.0, "total": 7.0, "k": 3.0, "tau_theta": 9.0}
        law = cls(**{name: given_[name] for name in cls._fields})
        theta = law.threshold((n_post, n))
        dw, dtheta = law.change(w, x, y, theta)
        new = law.bounded(w + dw)
        for i in range(n):
            at = slice(i, i + 1)
            one = law.change(w[..., at], x[:, at], y[:, at], theta[:, at])
            np.testing.assert_array_equal(one[0], dw[..., at])
            np.testing.assert_array_equal(one[1], dtheta[:, at])
            np.testing.assert_array_equal(law.bounded((w + dw)[..., at]), new[..., at])
        assert (dw[:, :, ~y.any(axis=0)] == 0.0).all()  # nothing is learnt in silence
        if "w_max" in cls._fields:
            assert new.min() >= -0.5
            assert new.max() <= 2.0
        if "total" in cls._fields:
            np.testing.assert_allclose(np.abs(new).sum(axis=1), 7.0, rtol=1e-12)


def test_rules_have_their_signatures():
    assert set(RULES) >= {"Hebb", "NormalisedHebb", "Oja", "BCM"}
    for cls in RULES.values():
        assert list(inspect.signature(cls.change).parameters) == ["self", "w", "x", "y", "theta"]


def test_recurrent_weights_learn_and_no_cell_connects_to_itself(tmp_path):
    words = (
        *SHORT,
        "protocol.trained={E:[E],I:[E]}",
        "protocol.record=[weight]",
        "grid.epoch=[0,3]",
        "grid.seed=[0]",
    )
    ds = run(tmp_path, *words, "grid.rule=[oja]", network="recurrent_rate").squeeze()
    assert ds.projection.values.tolist() == ["E<-E", "I<-E"]
    own = ds.weight.where((ds.post_cell == ds.pre_cell) & (ds.synapse_projection == "E<-E"), drop=True)
    assert own.sizes["synapse"] == 10
    assert (own == 0.0).all()
    assert (ds.weight_mean.isel(epoch=0) != ds.weight_mean.isel(epoch=1)).all()


def test_a_training_that_overflows_is_told_and_does_not_hang(tmp_path):
    words = (*SHORT, "grid.seed=[0]", "grid.epoch=[0,2]", "grid.rule=[oja]", "protocol.rules.oja.eta=1e300")
    status = run(tmp_path, *words).status.squeeze().values
    assert status.tolist() == [OK, 2]


def test_the_figure_has_a_column_a_rule_and_names_its_axes(tmp_path):
    ds = run(tmp_path, *SHORT, "grid.epoch=[0,2,4]", "grid.seed=[0,1]")
    axes = figure(ds).axes
    assert [ax.get_title() for ax in axes[:3]] == ["normalised_hebb", "oja", "bcm"]
    assert [ax.get_ylabel() for ax in axes[:12:3]] == [
        "mean rate (Hz)",
        "selectivity index (1)",
        "mean weight (1)",
        "cell (index), epoch 4",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["grid.rule=[hebbian]"], r"grid.rule holds 'hebbian'; .*hebb"),
        (["grid.epoch=[2000000]"], "grid.epoch holds 2000000; allowed: up to 1000000"),
        (["protocol.trained={E:[FF]}"], r"protocol.trained.E = \['FF'\] is refused: .*{E: \[FFE\]}"),
        (["protocol.trained={}"], "protocol.trained names no projection"),
        (["protocol.rules.oja.eta=-1.0"], "protocol.rules.oja.eta = -1.0"),
        (["protocol.rules.oja._target_=spikesweep.models.RateUnit"], "has no threshold, change, bounded"),
        (["protocol.record=[weights]"], "protocol.record holds 'weights'; .*weight"),
        (["protocol.n_patterns=null"], "protocol.n_patterns = null is refused"),
        (
            ["protocol.n_patterns=9", "network=dentate_1", "network.inputs.Input.n=3"],
            "n_patterns = 9 .* up to 8",
        ),
        (["~protocol.targets.similarity"], "protocol.targets.similarity is missing"),
        (["+protocol.ranges.gini=1.0"], "protocol.ranges.gini is not known"),
        (
            ["network.courses={FFE:{_target_:spikesweep.models.Ramp,start:20,stop:70,before:0,after:2}}"],
            "courses",
        ),
        (["neuron=adexp"], "neuron"),
        (
            ["grid.rule=[oja]", "grid.protocol.rules.bcm.eta=[1e-6,2e-6]"],
            r"grid.protocol.rules.bcm.eta = \[1e-06, 2e-06\] is refused: grid.rule = \['oja'\] has no bcm, "
            "so nothing reads it; allowed: protocol.rules.oja.eta, bcm in grid.rule",
        ),
        (
            ["grid.rule=[oja]", "grid.protocol.rules.bcm.k=[1,2]"],
            "nothing reads it; allowed: bcm in grid.rule",
        ),
    ],
)
def test_refusals(words, said):
    base = [] if any("network=" in word for word in words) else ["network=feedforward_rate"]
    neuron = [] if any("neuron=" in word for word in words) else ["neuron=rate_unit"]
    with pytest.raises(InputError, match=said):
        make_job(ss.load("protocol=plasticity_training", *base, *neuron, *words))


def test_a_value_of_a_rule_is_swept_where_some_network_learns_by_it(tmp_path):
    """By one rule of two, or where the value of a rule that is used is taken from it."""
    swept = "grid.protocol.rules.bcm.eta=[1e-6,2e-6]"
    for words in (
        ["grid.rule=[oja,bcm]"],
        ["grid.rule=[oja]", "protocol.rules.oja.eta=${protocol.rules.bcm.eta}"],
    ):
        job, _, _ = make_job(load(tmp_path, *SHORT, swept, *words))
        assert [axis.key for axis in job.grid.swept] == ["protocol.rules.bcm.eta"]


def test_a_store_with_a_swept_value_of_one_rule_has_another_rule_added(tmp_path):
    """The axis has one value then, which nobody asked for."""
    words = (*SHORT, "grid.seed=[0]", "grid.epoch=[0]")
    swept = ss.run(
        load(tmp_path, *words, "grid.rule=[bcm]", "grid.protocol.rules.bcm.eta=[1e-6,2e-6]")
    ).load()
    assert (swept.status == OK).all()
    added = ss.run(load(tmp_path, *words, "grid.rule=[oja]")).load()
    assert (added.sel(rule="oja").status == OK).any()
