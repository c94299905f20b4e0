"""Events of many sources: random ones are binomial at each step, regular ones where they belong."""

import numpy as np
import pytest

from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.random.philox import point_keys
from spikesweep.models.inputs.sources import fill_random, fill_regular, random_sources, regular_trains

STREAMS = ("exc", "inh")


def random_counts(sources, probability, n_steps, fill=fill_random, block=64, seed=0):
    """Return the counts at each sample, shape (n_steps, stream, LANES)."""
    keys = point_keys(seed, {"lane": np.arange(LANES)})
    shape = (len(STREAMS), LANES)
    full = [np.broadcast_to(np.reshape(x, (-1, 1)), shape) for x in (sources, probability)]
    return run(fill, random_sources(keys, STREAMS, *full), n_steps, block)


def run(fill, source, n_steps, block):
    counts = np.empty((n_steps, len(STREAMS), LANES))
    kicks = np.empty(block * len(STREAMS) * LANES)
    for first in range(0, n_steps, block):
        n = min(block, n_steps - first)
        fill(source, kicks, n, first)
        counts[first : first + n] = kicks.reshape(block, len(STREAMS), LANES)[:n]
    return counts


def test_events_at_the_end_of_a_block_stay_in_it():
    """0.84 sources: the division of trial 483 rounds to step 576, the product with step 575 to 483."""
    keys = point_keys(0, {"lane": np.arange(LANES)})
    shape = (len(STREAMS), LANES)
    source = random_sources(keys, STREAMS, np.full(shape, 0.84), np.full(shape, 1e-9))
    source.trial[:] = 483.0 - 1e-10
    kicks = np.zeros(192 * source.trial.size + 1000)
    kicks[192 * source.trial.size :] = 7.0
    fill_random(source, kicks[: 192 * source.trial.size], 192, 384)
    assert (kicks[192 * source.trial.size :] == 7.0).all()
    assert kicks[: 192 * source.trial.size].sum() in (0.0, source.trial.size)


@pytest.mark.parametrize(
    ("sources", "probability"),
    [((400, 100), (5e-4, 1.4e-3)), ((3, 1), (0.3, 0.9)), ((50, 7), (0.02, 0.5))],
)
def test_counts_are_binomial(sources, probability):
    """Mean, variance and the share of zeros of 32 lanes x 20000 steps within 5 standard errors.

    At 0.3 and 0.9 a Poisson number has another variance by hundreds of standard errors.
    """
    counts = random_counts(sources, probability, 20_001)[1:]
    for k, (n, p) in enumerate(zip(sources, probability, strict=True)):
        x = counts[:, k].ravel()
        assert x.sum() > 1000
        assert x.max() <= n
        variance = n * p * (1 - p)
        fourth = variance * (1 + 3 * (n - 2) * p * (1 - p)) if n > 1 else variance * (1 - 3 * p * (1 - p))
        assert abs(x.mean() - n * p) < 5 * np.sqrt(variance / x.size)
        assert abs(x.var() - variance) < 5 * np.sqrt((fourth - variance**2) / x.size)
        zero = (1 - p) ** n
        assert abs((x == 0).mean() - zero) < 5 * np.sqrt(zero * (1 - zero) / x.size)


def test_trains_are_independent():
    """Correlations of neighbouring steps, lanes and streams within 5 standard errors of none."""
    counts = random_counts((400, 100), (2e-3, 8e-3), 10_001)[1:]
    x = (counts - counts.mean(axis=0)) / counts.std(axis=0)
    bound = 5 / np.sqrt(x[:, 0].size)
    assert abs((x[1:] * x[:-1]).mean(axis=(0, 2))).max() < bound
    assert abs((x[:, :, 1:] * x[:, :, :-1]).mean(axis=(0, 2))).max() < bound
    assert abs((x[:, 0] * x[:, 1]).mean()) < bound


def test_nothing_happens_before_the_first_step_and_silent_sources_are_silent():
    counts = random_counts((400, 100), (0.9, 0.0), 50)
    assert (counts[0] == 0).all()
    assert (counts[1:, 0] > 300).all()
    assert (counts[:, 1] == 0).all()


def test_counts_do_not_depend_on_time_blocks_and_depend_on_the_seed():
    a, b, c = (
        random_counts((400, 100), (1e-3, 2e-3), 3000, block=block, seed=seed)
        for block, seed in ((64, 0), (7, 0), (64, 1))
    )
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_compiled_and_plain_code_give_the_same_counts():
    one = random_counts((40, 3), (1e-2, 0.2), 500)
    assert one.sum() > 1000
    assert np.array_equal(one, random_counts((40, 3), (1e-2, 0.2), 500, fill_random.py_func))


@pytest.mark.parametrize("fill", [fill_regular, fill_regular.py_func])
@pytest.mark.parametrize("block", [64, 7])
def test_regular_events_are_rounded_down_to_a_step(fill, block):
    events = np.array([[5.0] * LANES, [14.0] * LANES])
    sizes = np.array([[400.0] * LANES, [1.0] * LANES])
    counts = run(fill, regular_trains(events, sizes, 10_000), 10_000, block)
    for k, (n, size) in enumerate(((5, 400.0), (14, 1.0))):
        at = np.flatnonzero(counts[:, k, 3])
        assert at.tolist() == [i * 10_000 // n + 1 for i in range(n)]
        assert (counts[at, k] == size).all()
