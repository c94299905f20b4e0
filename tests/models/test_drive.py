"""External drives: counts against the Poisson distribution, courses in time, pools, refusals.

Statistical bounds hold for the fixed keys here; each says how often a right program would miss it elsewhere.
"""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from networks_here import CELL, EXC, poisson

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.poisson_counts import (
    NEVER,
    PART,
    _add_exceeded,
    _narrow,
    certain,
    fill_drives,
    thresholds,
)
from spikesweep.kernels.compile.jit import kept
from spikesweep.models import (
    GaussianFlanks,
    Ramp,
    SharedDrive,
    SpikingNetwork,
    SpikingPopulation,
    Steps,
    Table,
)
from spikesweep.models.simulation.external import drives_of, pool_of, tabled

DT = 0.1
KEY = np.uint64(5)


@kept
def _filled(d, kicks, n, first):
    fill_drives(
        d.inputs, d.key, d.stream, d.input, d.weight, d.parts, d.table, d.begin, d.levels, d.moving, d.origin,
        d.groups, d.adds, d.undriven, d.drawn, d.held, d.words, d.narrow, 0, d.groups, kicks, n, first,
    )  # fmt: skip


def counts(drives, n_steps, n_cells=64, blocks=(40,), per_call=10**9, dt=DT):
    """Return the events of each drive in each cell and step, shape (drives, cells, steps)."""
    found = []
    many = len(drives)
    for k in range(many):
        one = {name: replace(d, weight=1.0 if i == k else 0.0) for i, (name, d) in enumerate(drives.items())}
        network = SpikingNetwork({"A": SpikingPopulation(CELL, n_cells, EXC, (0.0,), None, None)}, {}, one)
        source, rows, widths = drives_of(network, "A", 1, KEY), [], list(blocks)
        for call in range(0, n_steps, per_call):
            end = min(call + per_call, n_steps)
            source = tabled(network, "A", source, call, end - call, dt)
            start = call
            while start < end:
                n = min(widths[len(rows) % len(widths)], end - start)
                kicks = np.full(source.groups * n * LANES, np.nan)
                _filled(source, kicks, n, start)
                kicks = kicks.reshape(source.groups, n, LANES).swapaxes(1, 2).reshape(-1, n)
                rows.append(kicks[:n_cells])
                start += n
        found.append(np.concatenate(rows, axis=1))
    return np.array(found)


def of_mean(mean, **more):
    """Return a drive with this mean number of events in a step of `DT`."""
    return poisson(10.0, {"A": mean / (10.0 * 1e-3 * DT)}, like="A", **more)


def _classes(expected, observed, least):
    """Return neighbours added up until each class is expected at least so often."""
    cuts, total = [0], 0.0
    for k, value in enumerate(expected):
        total += value
        if total >= least and expected[k + 1 :].sum() >= least:
            cuts, total = [*cuts, k + 1], 0.0
    return np.add.reduceat(expected, cuts), np.add.reduceat(observed, cuts)


@pytest.mark.parametrize("mean", [0.01, 0.5, 2.0, 15.9, 40.0])
def test_counts_have_the_poisson_distribution(mean):
    """256 000 counts in classes of at least 20 expected: chi-square above the quantile once in 10 000."""
    found = counts({"d": of_mean(mean)}, 4000)[0].astype(int).ravel()
    n, levels = found.size, np.arange(found.max() + 2)
    expected = n * np.diff(np.r_[0.0, scipy.stats.poisson.cdf(levels[:-1], mean), 1.0])
    observed = np.bincount(found, minlength=len(expected)).astype(float)
    expected, observed = _classes(expected, observed, 20.0)
    assert n == 256_000
    assert expected.min() >= 20.0
    chi = ((observed - expected) ** 2 / expected).sum()
    assert chi < scipy.stats.chi2.ppf(0.9999, len(expected) - 1)


def test_counts_of_steps_and_cells_and_drives_are_independent():
    """Correlations of 256 000 pairs stay within 4 / sqrt(n), missed once in 16 000 each, 30 of them."""
    x = counts({"d": of_mean(0.5), "e": of_mean(20.0)}, 4000)
    x = (x - x.mean(axis=(1, 2), keepdims=True)) / x.std(axis=(1, 2), keepdims=True)
    bound = 4.0 / np.sqrt(64 * 3900)
    for one in x:
        for lag in (1, 2, 3, 4, 5, 8, 100):
            assert abs((one[:, lag:] * one[:, :-lag]).mean()) < bound
        for apart in (1, 2, 31, 32, 33):
            assert abs((one[apart:] * one[:-apart]).mean()) < bound * np.sqrt(64 / (64 - apart))
        spread = one.sum(axis=1).var() / one.shape[1]  # of 64 cells
        assert abs(spread - 1.0) < 4.0 * np.sqrt(2.0 / 63.0)
    for lag in (0, 1, 4):
        assert abs((x[0][:, lag:] * x[1][:, : x.shape[2] - lag]).mean()) < bound


SHAPES = {
    "steps": Steps((2.0, 10.0, 20.0), (1.0, 0.0, 0.5)),
    "ramp": Ramp(5.0, 25.0, 0.2, 1.5),
    "flanks": GaussianFlanks(10.0, 18.0, 4.0, 2.0),
    "table": Table((0.0, 12.0, 30.0), (0.1, 2.0, 0.3)),
}


@pytest.mark.parametrize("blocks", [(1,), (3, 7, 2), (192,)])
@pytest.mark.parametrize("per_call", [4, 100, 1000])
def test_counts_do_not_depend_on_blocks_calls_cells_or_other_drives(blocks, per_call):
    drives = {
        "d": of_mean(0.7),
        "e": of_mean(20.0, shape=SHAPES["flanks"]),
        "f": of_mean(2.0, shape=SHAPES["table"]),
    }
    whole = counts(drives, 301, n_cells=33)
    assert np.array_equal(counts(drives, 301, n_cells=33, blocks=blocks, per_call=per_call), whole)
    assert np.array_equal(counts(drives, 301, n_cells=65)[:, :33], whole)
    for k, name in enumerate(drives):
        assert np.array_equal(counts({name: drives[name]}, 301, n_cells=33)[0], whole[k])
    assert not np.array_equal(whole[0][:32], counts({"g": drives["d"]}, 301)[0][:32])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mean", [0.3, 30.0])
def test_courses_in_time_give_their_mean_in_each_bin(shape, mean):
    """512 cells, bins of 1 ms: sums within 4.5 SD of a Poisson number, 240 times missed once in 147 000."""
    n_steps = 300
    found = counts({"d": of_mean(mean, shape=SHAPES[shape])}, n_steps, 512)[0]
    expected = 512 * mean * SHAPES[shape].factor(np.arange(n_steps) * DT).reshape(-1, 10).sum(axis=1)
    sums = found.sum(axis=0).reshape(-1, 10).sum(axis=1)
    assert (abs(sums - expected) <= 4.5 * np.sqrt(expected) + 1e-9).all()


def test_courses_are_what_they_say():
    t = np.array([0.0, 2.0, 9.9, 10.0, 15.0, 20.0, 40.0])
    assert SHAPES["steps"].factor(t).tolist() == [0.0, 1.0, 1.0, 0.0, 0.0, 0.5, 0.5]
    np.testing.assert_allclose(SHAPES["ramp"].factor(t), 0.2 + 1.3 * np.clip((t - 5.0) / 20.0, 0.0, 1.0))
    early, late = np.exp(-((t[:3] - 10.0) ** 2) / 32.0), np.exp(-((t[5:] - 18.0) ** 2) / 8.0)
    np.testing.assert_allclose(SHAPES["flanks"].factor(t), [*early, 1.0, 1.0, *late])
    np.testing.assert_allclose(SHAPES["table"].factor(t[[0, 1, 6]]), [0.1, 0.1 + 1.9 / 6.0, 0.3])
    for shape in SHAPES.values():
        assert shape.factor(np.linspace(0.0, 50.0, 5001)).max() == pytest.approx(shape.highest)


def pool(rate, n, shape=None):
    return SharedDrive(rate, shape, n, 0.5, ("A",), "A", None, 1.0)


def test_a_source_of_a_pool_has_an_event_with_its_probability():
    """0.03, then half of it: 300 sources, 2000 steps; numbers within 4 SD, missed once in 16 000 each."""
    drive = pool(300.0, 300, Steps((0.0, 100.0), (1.0, 0.5)))
    network = SpikingNetwork({"A": SpikingPopulation(CELL, 1, EXC, (0.0,), None, None)}, {}, {"p": drive})
    source = tabled(network, "p", pool_of("p", 300, KEY), 0, 2000, DT)
    kicks = np.empty(source.groups * 2000 * LANES)
    _filled(source, kicks, 2000, 0)
    events = kicks.reshape(source.groups, 2000, LANES).swapaxes(1, 2).reshape(-1, 2000)[:300]
    assert set(np.unique(events)) == {0.0, 1.0}
    for half, p in ((events[:, :1000], 0.03), (events[:, 1000:], 0.015)):
        assert abs(half.sum() - 300_000 * p) < 4.0 * np.sqrt(300_000 * p * (1.0 - p))
        assert abs(half.sum(axis=1).var() / (1000 * p * (1.0 - p)) - 1.0) < 4.0 * np.sqrt(2.0 / 299.0)


def test_thresholds_are_the_distribution_and_nothing_reaches_the_last():
    means = np.array([0.0, 1e-9, 0.3, 7.0, PART])
    found = thresholds(means, PART).astype(float)
    expected = scipy.stats.poisson.cdf(np.arange(found.shape[1]), means[:, None]) * 2.0**32
    assert (abs(found - np.minimum(expected, NEVER)) <= 2.0).all()
    assert (np.diff(found, axis=1) >= 0.0).all()
    assert (found[:, -1] == NEVER).all()
    assert found.shape[1] % 4 == 0
    assert certain(np.array([0.0, 0.25])).tolist() == [[NEVER] * 4, [3 * 2**30 - 1, *[NEVER] * 3]]


def test_no_word_reaches_what_is_never_reached():
    words = np.array([2**32 - 1, 2**32 - 2, 0] * LANES, np.uint64)
    narrow, found = np.empty(words.size, np.uint32), np.zeros(words.size, np.uint32)
    _narrow(words, narrow)
    _add_exceeded(narrow, 0, words.size, certain(np.array([0.0])).ravel(), 0, 4, found, 0)
    assert not found.any()
    _add_exceeded(narrow, 0, words.size, certain(np.array([0.5])).ravel(), 0, 4, found, 0)
    assert found[:3].tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("drive", "message"),
    [
        (
            poisson(10_000.0, {"A": 1.0}, like="A"),
            r"drives.d.rate = 10000 Hz reaches 10000 Hz, which a step of 0.1 ms",
        ),
        (
            poisson(9000.0, {"A": 1.0}, like="A", shape=Table((0.0,), (2.0,))),
            "reaches 18000 Hz.*allowed: below 10000",
        ),
        (pool(10_000.0, 3), r"rate = 10000 Hz.*allowed: below 10000 Hz"),
        (
            poisson(1.0, {"A": 1.0}, like="A", shape=Steps((3.0, 3.0), (1.0, 2.0))),
            r"shape.times = \[3.0, 3.0\]",
        ),
        (
            poisson(1.0, {"A": 1.0}, like="A", shape=Table((1.0, 3.0), (1.0,))),
            r"shape.factors has 1 values; allowed: 2",
        ),
        (poisson(1.0, {"A": 1.0}, like="A", shape=Steps((), ())), r"shape.times = \[\].*at least one"),
        (
            poisson(1.0, {"A": 1.0}, like="A", shape=Ramp(3.0, 3.0, 0.0, 1.0)),
            r"shape.stop = 3.0 ms.*allowed: after",
        ),
        (
            poisson(1.0, {"A": 1.0}, like="A", shape=GaussianFlanks(3.0, 2.0, 1.0, 1.0)),
            r"shape.stop = 2.0 ms",
        ),
    ],
)
def test_what_a_step_does_not_resolve_is_refused(drive, message):
    with pytest.raises(InputError, match=message):
        drive.check_dt("network.drives.d", DT)
