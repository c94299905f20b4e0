import numpy as np
import pytest
from scipy import stats

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.lanes import BLOCK
from spikesweep.kernels.random.philox import derive, philox4x32, point_keys, uniform
from spikesweep.models.inputs.poisson import fill, make_trains

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES,) * 4, (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, words):
    assert philox4x32(*map(np.uint64, (*counter, *key))) == words


def test_uniform_never_reaches_0_or_1():
    assert uniform(np.uint64(0), np.uint64(0)) == 2.0**-53
    assert uniform(np.uint64(ONES), np.uint64(ONES)) == 1.0 - 2.0**-53


def test_keys_depend_on_values_and_names_not_on_order_or_position():
    labels = {"fe": np.array([1.0, 2.0, 3.0]), "seed": np.array([0, 0, 1])}
    keys = point_keys(0, labels)
    backwards = point_keys(0, {"seed": labels["seed"][::-1], "fe": labels["fe"][::-1]})
    assert keys.tolist() == backwards[::-1].tolist()
    assert len({*keys.tolist(), *point_keys(1, labels).tolist()}) == 6
    assert point_keys(0, {"fe": [0.0]}).tolist() == point_keys(0, {"fe": [-0.0]}).tolist()
    assert derive(keys, "exc", 0).tolist() != derive(keys, "inh", 0).tolist()


def test_a_million_keys_are_distinct():
    fe, seed = np.meshgrid(np.linspace(0.0, 30.0, 1000), np.arange(1000.0))
    keys = point_keys(0, {"fe": fe.ravel(), "seed": seed.ravel()})
    assert len(np.unique(keys)) == 1_000_000


def counts_per_step(rates, n_steps, key=0):
    """Return the events of two trains a lane, shape (n_steps, 2, LANES)."""
    trains = make_trains(np.arange(LANES) + key, np.zeros(LANES), ("exc", "inh"), rates)
    out = np.empty((n_steps, 2, LANES))
    for first in range(0, n_steps, BLOCK):
        n = min(BLOCK, n_steps - first)
        fill(trains, out[first : first + n].reshape(-1), n, first)
    return out


@pytest.mark.parametrize("events_per_step", [0.005, 0.3, 4.0])
def test_counts_are_poisson(events_per_step):
    n_steps = 20_000
    counts = counts_per_step(np.full((2, LANES), events_per_step), n_steps)[1:]
    n = counts.size
    assert counts.sum() > 1000
    assert abs(counts.mean() - events_per_step) < 4 * np.sqrt(events_per_step / n)
    # the variance of a Poisson sample variance is (lam + 2 lam^2) / n
    assert abs(counts.var() - events_per_step) < 4 * np.sqrt((events_per_step + 2 * events_per_step**2) / n)
    seen = np.bincount(counts.astype(int).ravel())
    expected = n * stats.poisson.pmf(np.arange(len(seen)), events_per_step)
    likely = expected > 5
    chi2 = ((seen - expected) ** 2 / expected)[likely].sum()
    assert chi2 < stats.chi2.ppf(1 - 1e-4, likely.sum())


def test_trains_are_independent():
    counts = counts_per_step(np.full((2, LANES), 0.3), 20_000)[1:].reshape(-1, 2 * LANES)
    off_diagonal = np.corrcoef(counts.T)[np.triu_indices(2 * LANES, 1)]
    n = len(counts)
    assert len(off_diagonal) == 2016
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(n)
    lagged = [np.corrcoef(counts[1:, k], counts[:-1, k])[0, 1] for k in range(2 * LANES)]
    assert np.abs(lagged).max() < 5 / np.sqrt(n)


def test_intervals_are_exponential():
    from spikesweep.models.inputs.poisson import BATCH, draw_waits

    waits = np.empty((400, BATCH))
    for batch in range(400):
        draw_waits(waits[batch], np.uint64(5), batch, np.uint64(0), np.uint64(1))
    assert stats.kstest(waits.ravel(), "expon").pvalue > 1e-3
    assert len(np.unique(waits)) == waits.size


def test_trains_never_move():
    """A store is extended years later: what a key draws is part of what the store means."""
    rates = np.full((2, LANES), 0.7)
    counts = counts_per_step(rates, 2000)
    assert counts.sum(axis=0)[:, :3].tolist() == [[1440, 1392, 1366], [1427, 1406, 1378]]
    assert counts[:12, 0, 0].tolist() == [0, 0, 0, 0, 2, 1, 0, 2, 1, 0, 1, 0]


def test_a_silent_train_has_no_event():
    rates = np.zeros((2, LANES))
    rates[0, 3] = 1.0
    counts = counts_per_step(rates, 1000)
    assert counts[:, 0, 3].sum() > 800
    counts[:, 0, 3] = 0.0
    assert counts.sum() == 0.0


def test_no_event_arrives_at_the_first_sample_and_blocks_change_nothing():
    rates = np.full((2, LANES), 0.7)
    whole = counts_per_step(rates, 200)
    assert whole[0].sum() == 0.0
    trains = make_trains(np.arange(LANES), np.zeros(LANES), ("exc", "inh"), rates)
    parts = np.empty_like(whole)
    for first, n in ((0, 1), (1, 63), (64, 100), (164, 36)):
        fill(trains, parts[first : first + n].reshape(-1), n, first)
    assert (whole == parts).all()
