"""Rules of connection: closed forms, what a projection does not depend on, refusals.

Statistical bounds hold for the fixed keys here; each says how often a right program would miss it elsewhere.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from scipy import stats

from spikesweep.config.build import build, built, field_hints
from spikesweep.contract import lacking
from spikesweep.errors import InputError
from spikesweep.kernels.random.draws import uniform_numbers
from spikesweep.kernels.random.philox import derive
from spikesweep.models import (
    AllToAll,
    ClippedNormalWeights,
    EqualWeights,
    FixedInDegree,
    FixedNumber,
    FixedOutDegree,
    GivenConnections,
    GivenLogNormalWeights,
    LogNormalWeights,
    NormalDelays,
    NormalWeights,
    OneToOne,
    RandomConnections,
    UniformDelays,
    UniformWeights,
)
from spikesweep.models.contracts import Connections, Delays, Weights
from spikesweep.models.networks.connections import edges_of
from spikesweep.models.networks.edges import Rule
from spikesweep.sweep.swept_keys import parameters
from spikesweep.units import unit_of

KEY = np.uint64(0x123456789ABCDEF)
ONE = EqualWeights(1.0)
DT = 0.1


# closed forms

PARTS = {
    Connections: (
        AllToAll,
        FixedInDegree,
        FixedNumber,
        FixedOutDegree,
        GivenConnections,
        OneToOne,
        RandomConnections,
    ),
    Delays: (NormalDelays, UniformDelays),
    Weights: (ClippedNormalWeights, GivenLogNormalWeights),
}


@pytest.mark.parametrize("contract", PARTS)
def test_parts_meet_their_contracts(contract):
    for cls in PARTS[contract]:
        assert not [name for name in lacking(cls, contract) if name not in field_hints(cls)], cls


RULES = {
    "random": RandomConnections(0.3, ONE, 1.0),
    "in": FixedInDegree(9, ONE, 1.0, autapses=False, multapses=False),
    "in, dense": FixedInDegree(25, ONE, 1.0, autapses=False, multapses=False),
    "in, multapses": FixedInDegree(9, ONE, 1.0, autapses=False, multapses=True),
    "out": FixedOutDegree(9, ONE, 1.0, autapses=False, multapses=False),
    "out, multapses": FixedOutDegree(9, ONE, 1.0, autapses=False, multapses=True),
    "number": FixedNumber(270, ONE, 1.0, autapses=False, multapses=False),
    "number, dense": FixedNumber(600, ONE, 1.0, autapses=False, multapses=False),
    "number, multapses": FixedNumber(270, ONE, 1.0, autapses=False, multapses=True),
    "all": AllToAll(ONE, 1.0, autapses=False),
    "one": OneToOne(ONE, 1.0),
}


def matrix(rule, sizes, same, key):
    e = rule.edges(sizes, same, np.uint64(key), DT)
    source = np.repeat(np.arange(sizes[0]), np.diff(e.rows))
    counts = np.zeros(sizes, int)
    np.add.at(counts, (source, e.target), 1)
    return counts


@pytest.mark.parametrize("name", RULES)
def test_rows_are_ascending_and_of_their_types(name):
    rule = RULES[name]
    for same in (True, False):
        e = rule.edges((31, 31), same, KEY, DT)
        assert [x.dtype for x in e] == [np.int64, np.uint32, np.float32, np.uint16]
        assert e.rows[0] == 0
        assert e.rows[-1] == len(e.target) > 0
        assert e.weight.shape == e.delay.shape == (1,)
        assert e.delay[0] == 10
        assert rule.uniform_weight
        assert rule.uniform_delay
        for a, b in zip(e.rows[:-1], e.rows[1:], strict=True):
            steps = np.diff(e.target[a:b].astype(int))
            assert (steps > 0).all() if rule.pairs_once else (steps >= 0).all()
        counts = matrix(rule, (31, 31), same, KEY)
        if same and name != "one":
            assert not counts.diagonal().any()
        assert rule.pairs_once == ("multapses" not in name)
        if name != "random":
            assert len(e.target) == rule.expected((31, 31), same)


def test_every_cell_has_its_degree():
    assert (matrix(RULES["in"], (31, 12), False, 3).sum(axis=0) == 9).all()
    assert (matrix(RULES["in, dense"], (31, 31), True, 3).sum(axis=0) == 25).all()
    assert (matrix(RULES["in, multapses"], (31, 12), False, 3).sum(axis=0) == 9).all()
    assert (matrix(RULES["out"], (12, 31), False, 3).sum(axis=1) == 9).all()
    assert (matrix(RULES["out, multapses"], (31, 31), True, 3).sum(axis=1) == 9).all()
    assert np.array_equal(matrix(RULES["one"], (5, 5), True, 3), np.eye(5))
    assert np.array_equal(matrix(RULES["all"], (5, 5), True, 3), 1 - np.eye(5))
    assert np.array_equal(matrix(AllToAll(ONE, 1.0, True), (5, 5), True, 3), np.ones((5, 5)))


@pytest.mark.parametrize("name", [name for name in RULES if name not in ("all", "one")])
def test_all_pairs_are_as_likely(name):
    """Counts of 12 x 12 pairs (132 without autapses) over 2000 networks, by chi-square.

    A pair's count has the variance m (1 - q) where each pair is there once with probability q, m = 2000 q,
    and less than m with multapses of fixed degrees. Missed by a right program once in 10 000 at most.
    """
    rule = RULES[name]
    if hasattr(rule, "n"):
        rule = replace(
            rule, n={"in": 3, "out": 3, "in, dense": 9, "number": 40, "number, dense": 100}.get(name, 5)
        )
    total = sum(matrix(rule, (12, 12), True, key) for key in range(2000))
    others = total[~np.eye(12, dtype=bool)]
    q = rule.expected((12, 12), True) / 132
    chi2 = (((others - 2000 * q) ** 2) / (2000 * q * (1.0 - q if rule.pairs_once else 1.0))).sum()
    assert chi2 < stats.chi2.ppf(1 - 1e-4, 132)
    assert chi2 > stats.chi2.ppf(1e-4, 132 - 24)  # degrees fix up to 12 sums; scaled by what is left
    assert total.diagonal().sum() == 0
    with_autapses = replace(rule, autapses=True)
    own = sum(matrix(with_autapses, (12, 12), True, key).trace() for key in range(500))
    mean = 500 * with_autapses.expected((12, 12), True) / 12
    assert abs(own - mean) < 5 * np.sqrt(mean)


def test_the_number_of_random_pairs_is_binomial():
    """Of 400 networks: mean and variance within 4 SD of theirs (1 in 16 000 each)."""
    rule = RandomConnections(0.1, ONE, 1.0)
    n = np.array([len(rule.edges((40, 50), False, np.uint64(k), DT).target) for k in range(400)])
    mean, variance = 200.0, 180.0
    assert rule.expected((40, 50), False) == pytest.approx(mean)
    assert abs(n.mean() - mean) < 4 * np.sqrt(variance / 400)
    assert abs(n.var() / variance - 1.0) < 4 * np.sqrt(2 / 400)
    assert rule.expected((40, 40), True) == pytest.approx(0.1 * 40 * 39)


def test_degrees_that_are_not_fixed_are_spread_as_they_must():
    """Out-degrees of a fixed in-degree: binomial; of a fixed number: hypergeometric or binomial (4 SD)."""
    n = 400
    out = matrix(FixedInDegree(40, ONE, 1.0, True, False), (n, n), True, 1).sum(axis=1)
    assert abs(out.var() / (n * 0.1 * 0.9) - 1.0) < 4 * np.sqrt(2 / n)
    number = matrix(FixedNumber(16_000, ONE, 1.0, True, False), (n, n), True, 1)
    for axis in (0, 1):
        assert abs(number.sum(axis=axis).var() / (40 * 0.9) - 1.0) < 4 * np.sqrt(2 / n)
    many = matrix(FixedNumber(16_000, ONE, 1.0, True, True), (n, n), True, 1)
    for axis in (0, 1):
        assert abs(many.sum(axis=axis).var() / 40 - 1.0) < 4 * np.sqrt(2 / n)
    # multapses: pairs that are there twice or more, Poisson with 0.1 a pair
    twice = n * n * (1 - math.exp(-0.1) * 1.1)
    assert abs((many > 1).sum() - twice) < 4 * np.sqrt(twice)


# what a projection does not depend on


def test_a_row_does_not_depend_on_other_rows():
    chosen = matrix(RandomConnections(0.2, ONE, 1.0), (80, 90), False, 4)
    assert np.array_equal(chosen[:50, :60], matrix(RandomConnections(0.2, ONE, 1.0), (50, 60), False, 4))
    for multapses in (False, True):
        rule = FixedInDegree(7, ONE, 1.0, False, multapses)
        assert np.array_equal(matrix(rule, (50, 80), False, 4)[:, :30], matrix(rule, (50, 30), False, 4))
        out = FixedOutDegree(7, ONE, 1.0, False, multapses)
        assert np.array_equal(matrix(out, (80, 50), False, 4)[:30], matrix(out, (30, 50), False, 4))


def test_pairs_do_not_depend_on_weights_and_delays_nor_these_on_each_other():
    plain = RULES["in"].edges((31, 31), True, KEY, DT)
    weighted = replace(RULES["in"], weights=NormalWeights(2.0)).edges((31, 31), True, KEY, DT)
    both = replace(RULES["in"], weights=NormalWeights(2.0), delay=UniformDelays(0.0, 2.0))
    delayed = both.edges((31, 31), True, KEY, DT)
    for e in (weighted, delayed):
        assert np.array_equal(e.target, plain.target)
    assert np.array_equal(weighted.weight, delayed.weight)
    assert not both.uniform_weight
    assert not both.uniform_delay
    assert np.unique(delayed.delay).tolist() == list(range(21))
    other = both.edges((31, 31), True, np.uint64(KEY + np.uint64(1)), DT)
    assert not np.array_equal(other.target, plain.target)
    assert not np.array_equal(other.weight, delayed.weight)


def test_projections_never_move():
    """A store is extended years later: what a key draws is part of what the store means."""
    weights, delay = ClippedNormalWeights(1.0, 0.1, 0.0, None), NormalDelays(1.5, 0.75, 0.1)
    found = {
        name: replace(rule, weights=weights, delay=delay).edges((31, 31), True, KEY, DT)
        for name, rule in RULES.items()
    }
    assert {name: e.target[:4].tolist() for name, e in found.items() if name not in ("one", "all")} == {
        "random": [1, 7, 8, 9],
        "in": [1, 2, 5, 9],
        "in, dense": [3, 4, 5, 6],
        "in, multapses": [1, 2, 5, 9],
        "out": [3, 5, 6, 7],
        "out, multapses": [5, 6, 7, 22],
        "number": [5, 7, 23, 26],
        "number, dense": [1, 2, 3, 4],
        "number, multapses": [23, 26, 30, 0],
    }
    assert found["random"].rows[-1] == 267
    assert found["number"].rows[-3:].tolist() == [251, 258, 270]
    assert found["one"].delay[:8].tolist() == [8, 30, 18, 20, 30, 11, 23, 22]
    np.testing.assert_allclose(
        found["one"].weight[:4], [1.1750506, 1.0482377, 0.8995839, 1.0384064], rtol=1e-6
    )


# weights and delays


def drawn(weights=ONE, delay=1.0, n=300_000):
    return FixedNumber(n, weights, delay, False, True).edges((100, 100), False, KEY, DT)


@pytest.mark.parametrize(
    ("weights", "mean", "sd"),
    [
        (UniformWeights(2.0), 2.0, 2.0 / np.sqrt(3.0)),
        (ClippedNormalWeights(2.0, 0.2, 0.0, None), 2.0, 0.2),
        (GivenLogNormalWeights(2.0, 0.5), 2.0, 0.5),
        (LogNormalWeights(2.0), 2.0, 2.0 * np.sqrt(np.e - 1.0)),
    ],
)
def test_weights_have_their_moments(weights, mean, sd):
    """300 000 of them, in 19 parts: the mean within 4 standard errors, the SD within 3 %."""
    w = drawn(weights).weight.astype(float)
    assert w.shape == (300_000,)
    assert abs(w.mean() - mean) < 4 * sd / np.sqrt(w.size)
    assert w.std() == pytest.approx(sd, rel=0.03)
    assert w.min() >= 0.0
    assert abs(np.corrcoef(w[:-1], w[1:])[0, 1]) < 5 / np.sqrt(w.size)


def test_weights_are_those_of_the_whole_sample_drawn_at_once():
    class Own(UniformWeights):
        """A class of a user: nothing is known of it."""

    for weights in (UniformWeights(0.7), NormalWeights(0.7), LogNormalWeights(0.7)):
        w = drawn(weights).weight
        u = uniform_numbers(np.uint64(derive(KEY, "weights", 0.0)), 300_000)[np.newaxis]
        whole = 0.7 * weights.unit_weights(u)[0]
        np.testing.assert_allclose(w, whole, rtol=2e-7)
    assert np.array_equal(drawn(Own(0.7)).weight, drawn(UniformWeights(0.7)).weight)


def test_clipping_sets_to_the_bounds():
    """Normal with mean 1 and SD 1 between 0.5 and 1.5: 30.85 % on each bound (4 SD)."""
    w = drawn(ClippedNormalWeights(1.0, 1.0, 0.5, 1.5)).weight
    assert (w.min(), w.max()) == (0.5, 1.5)
    share = stats.norm.cdf(-0.5)
    for bound in (0.5, 1.5):
        assert abs((w == bound).mean() - share) < 4 * np.sqrt(share * (1 - share) / w.size)
    legacy = ClippedNormalWeights(1.0, 1.0, 0.5, 1.5).legacy(np.random.RandomState(0), (100, 100))
    assert (legacy.min(), legacy.max()) == (0.5, 1.5)


def test_one_weight_is_kept_as_it_was_given():
    assert drawn(EqualWeights(0.5)).weight.dtype == np.float32
    third = drawn(EqualWeights(1 / 3)).weight
    assert (third.dtype, third.shape, third[0]) == (np.float64, (1,), 1 / 3)


def test_delays_have_their_distribution_in_steps():
    """Chi-square of 300 000 (1 in 10 000): uniform, half shares at the ends; normal, the rest on `low`."""
    uniform = UniformDelays(0.5, 1.5)
    rule = FixedNumber(1, ONE, uniform, False, True)
    assert (rule.shortest_delay(DT), rule.longest_delay(DT)) == (pytest.approx(0.5), pytest.approx(1.5))
    seen = np.bincount(drawn(delay=uniform).delay)[5:]
    expected = np.r_[0.05, np.full(9, 0.1), 0.05] * 300_000
    assert ((seen - expected) ** 2 / expected).sum() < stats.chi2.ppf(1 - 1e-4, 10)
    normal = NormalDelays(1.5, 0.75, 0.1)
    rule = replace(rule, delay=normal)
    assert (rule.shortest_delay(DT), rule.longest_delay(DT)) == (pytest.approx(0.1), pytest.approx(6.0))
    steps = drawn(delay=normal).delay
    assert steps.min() == 1
    seen = np.bincount(steps, minlength=61)[1:]
    edges = np.r_[-np.inf, np.arange(1, 60) + 0.5, np.inf]
    expected = np.diff(stats.norm.cdf(edges, 15.0, 7.5)) * 300_000
    likely = expected > 5
    chi2 = ((seen - expected) ** 2 / expected)[likely].sum()
    assert chi2 < stats.chi2.ppf(1 - 1e-4, likely.sum())


# matrices


def test_given_connections_are_their_matrix():
    weights = ((0.0, 1.5, 0.0), (0.1, 0.0, -2.0))
    rule = GivenConnections(weights, 0.3)
    e = rule.edges((2, 3), False, KEY, DT)
    assert e.rows.tolist() == [0, 1, 3]
    assert e.target.tolist() == [1, 0, 2]
    assert e.weight.tolist() == [1.5, 0.1, -2.0]
    assert e.weight.dtype == np.float64
    assert e.delay.tolist() == [3]
    assert rule.expected((2, 3), False) == 3
    assert rule.pairs_once
    assert not rule.uniform_weight
    same = GivenConnections(((0.0, 2.0), (2.0, 0.0)), UniformDelays(0.1, 0.5))
    assert same.uniform_weight
    own = same.edges((2, 2), True, KEY, DT)
    assert own.weight.tolist() == [2.0]
    assert own.delay.shape == (2,)
    none = GivenConnections(((0.0,),), 0.0).edges((1, 1), True, KEY, DT)
    assert none.rows.tolist() == [0, 0]
    assert none.weight.shape == none.delay.shape == (1,)


@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csr_matrix, scipy.sparse.coo_array])
def test_dense_and_sparse_matrices_are_the_same_connections(kind):
    rng = np.random.default_rng(1)
    dense = rng.uniform(0.5, 2.0, (30, 20)) * (rng.uniform(size=(30, 20)) < 0.2)
    delays = np.round(rng.uniform(0.0, 3.0, (30, 20)), 1)
    for delay in (0.7, delays, kind(delays)):
        ours = edges_of(dense, delay if not hasattr(delay, "toarray") else delays, DT)
        for a, b in zip(ours, edges_of(kind(dense), delay, DT), strict=True):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)
    source, target = np.nonzero(dense)
    ours = edges_of(dense, delays, DT)
    assert np.array_equal(ours.delay, np.rint(delays[source, target] / DT))
    assert np.array_equal(ours.weight, dense[source, target])
    assert edges_of(np.zeros((3, 3)), np.zeros((3, 3)), DT).delay.tolist() == [0]


# configurations


def test_a_delay_in_a_configuration_is_a_number_or_a_distribution():
    node = {
        "_target_": "spikesweep.models.RandomConnections",
        "p_connect": 0.1,
        "weights": {"_target_": "spikesweep.models.EqualWeights", "mean": 1.0},
        "delay": 1,
    }
    rule = build(node, "x")
    assert rule == RandomConnections(0.1, ONE, 1.0)  # autapses and synapse have defaults
    normal = {"_target_": "spikesweep.models.NormalDelays", "mean": 1.5, "sd": 0.75, "low": 0.1}
    assert build(node | {"delay": normal}, "x").delay == NormalDelays(1.5, 0.75, 0.1)
    assert build(node | {"delay": NormalDelays(1.5, 0.75, 0.1)}, "x").delay == NormalDelays(1.5, 0.75, 0.1)
    for delay, parts in (
        (-1.0, ("x.delay = -1.0 ms", "at least 0")),
        ("soon", ("x.delay = 'soon'", "a finite number")),
        (None, ("x.delay = None", "a finite number")),
        (
            {"_target_": "spikesweep.models.EqualWeights", "mean": 1.0},
            ("x.delay is a EqualWeights", "bounds"),
        ),
        ({"mean": 1.0}, ("x.delay = {'mean': 1.0}", "_target_")),
        (normal | {"low": -1.0}, ("x.delay.low = -1.0 ms", "at least 0")),
    ):
        with pytest.raises(InputError) as refusal:
            build(node | {"delay": delay}, "x")
        for part in parts:
            assert part in str(refusal.value)


def test_fields_without_a_default_must_stand_in_a_configuration():
    with pytest.raises(InputError, match=r"x.autapses is missing: AllToAll needs it"):
        built(AllToAll, {"weights": ONE, "delay": 1.0}, "x")
    assert built(AllToAll, {"weights": ONE, "delay": 1.0, "autapses": True}, "x") == AllToAll(ONE, 1.0, True)


def test_a_delay_can_be_swept_whether_it_is_a_number_or_a_distribution():
    values = {"neuron": {}, "protocol": {}, "network": {"projections": {"E": {"E": {}}}}}
    delay = {"_target_": "spikesweep.models.UniformDelays", "low": 0.5, "high": 1.5}
    for own, keys in ((1.0, {"delay"}), (delay, {"delay.low", "delay.high"})):
        node = {"_target_": "spikesweep.models.RandomConnections", "p_connect": 0.1, "delay": own}
        values["network"]["projections"]["E"]["E"] = node
        found = {key.removeprefix("network.projections.E.E."): p for key, p in parameters(values).items()}
        assert set(found) == {"p_connect", *keys}
        for key in keys:
            assert found[key].kind is float
            assert unit_of(found[key].hint) == "ms"
            assert found[key].check(2) == 2.0
            with pytest.raises(InputError, match="at least 0 ms"):
                found[key].check(-1.0)


# refusals


@pytest.mark.parametrize(
    ("rule", "sizes", "same", "parts"),
    [
        (
            FixedInDegree(12, ONE, 1.0, False, False),
            (12, 12),
            True,
            ("n = 12", "autapses=false", "at most 11"),
        ),
        (
            FixedInDegree(13, ONE, 1.0, True, False),
            (12, 99),
            False,
            ("n = 13", "multapses=false", "at most 12"),
        ),
        (FixedInDegree(1, ONE, 1.0, False, True), (1, 1), True, ("n = 1", "autapses=false", "at most 0")),
        (FixedOutDegree(12, ONE, 1.0, False, False), (12, 12), True, ("n = 12", "at most 11")),
        (FixedOutDegree(13, ONE, 1.0, True, False), (99, 12), False, ("n = 13", "at most 12")),
        (FixedNumber(133, ONE, 1.0, False, False), (12, 12), True, ("n = 133", "at most 132")),
        (OneToOne(ONE, 1.0), (3, 4), False, ("3 sources and 4 targets",)),
        (GivenConnections(((1.0, 2.0),), 1.0), (2, 2), True, ("a matrix of weights has 1 rows", "2 (from)")),
        (GivenConnections(((1.0, 2.0), (1.0,)), 1.0), (2, 2), True, ("a matrix of weights", "of 2 (to)")),
        (
            RandomConnections(0.1, ClippedNormalWeights(1.0, 0.1, 1.5, None), 1.0),
            (2, 2),
            True,
            ("weights.low = 1.5",),
        ),
        (
            RandomConnections(0.1, ClippedNormalWeights(1.0, 0.1, 0.0, 0.5), 1.0),
            (2, 2),
            True,
            ("weights.high = 0.5",),
        ),
    ],
)
def test_what_cannot_be_connected_is_refused(rule, sizes, same, parts):
    for ask in (lambda: rule.check(sizes, same), lambda: rule.edges(sizes, same, KEY, DT)):
        with pytest.raises(InputError) as refusal:
            ask()
        for part in parts:
            assert part in str(refusal.value)


@pytest.mark.parametrize(
    ("delay", "parts"),
    [
        (0.25, ("delay = 0.25 ms is not a multiple of protocol.dt = 0.1 ms", "0.2 or 0.3")),
        (0.05, ("delay = 0.05 ms", "0 or 0.1")),
        (1e-9, ("delay = 1e-09 ms", "0 or 0.1")),
        (6553.6, ("6553.6 ms", "at most 6553.5 ms")),
        (UniformDelays(0.05, 1.0), ("delay.low = 0.05 ms", "0 or at least 0.1 ms")),
        (UniformDelays(1.0, 0.5), ("delay.high = 0.5 ms", "at least 1.0 ms")),
        (NormalDelays(1.5, 0.75, 0.05), ("delay.low = 0.05 ms", "0 or at least 0.1 ms")),
        (NormalDelays(1.5, 0.75, 2.0), ("delay.low = 2.0 ms", "at most 1.5 ms")),
        (NormalDelays(6000.0, 100.0, 1.0), ("6600.0 ms", "at most 6553.5 ms")),
    ],
)
def test_delays_that_steps_do_not_resolve_are_refused(delay, parts):
    rule = RandomConnections(0.1, ONE, delay)
    for ask in (lambda: rule.check_dt(DT), lambda: rule.edges((2, 2), True, KEY, DT)):
        with pytest.raises(InputError) as refusal:
            ask()
        for part in parts:
            assert part in str(refusal.value)


def test_zero_and_the_longest_delay_are_allowed():
    for delay, steps in ((0.0, 0), (6553.5, 65535)):
        assert RandomConnections(1.0, ONE, delay).edges((2, 2), True, KEY, DT).delay.tolist() == [steps]


def test_delays_of_a_matrix_are_refused_where_no_step_resolves_them():
    with pytest.raises(InputError, match=r"delay = 0.25 ms is not a multiple"):
        edges_of(np.ones((2, 2)), np.full((2, 2), 0.25), DT)
    assert Rule.pairs_once
