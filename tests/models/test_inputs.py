import numpy as np
import pytest
from scipy.signal import lfilter
from test_random import counts_per_step

from spikesweep.kernels.cells.driver import LANES, Clock
from spikesweep.models import ExponentialConductance

DT = 0.05


@pytest.mark.parametrize(("rate", "weight"), [(50.0, 5.0), (1000.0, 5.0), (3200.0, 1.0)])
def test_shot_noise_has_the_discrete_moments(rate, weight):
    """Mean and variance within 4 standard errors over 64 independent trains of 50 s."""
    synapse = ExponentialConductance(weight, 5.0, 0.0)
    c = synapse.coefficients(Clock.of(DT, "published"))
    per_step = rate * 1e-3 * DT
    counts = counts_per_step(np.full((2, LANES), per_step), 1_000_000).reshape(-1, 2 * LANES)
    decay = np.exp(-DT / synapse.tau_syn)
    skip = 2000  # 20 time constants
    total, squares = np.zeros(2 * LANES), np.zeros(2 * LANES)
    mean, before = per_step * weight / (1 - decay), np.zeros((1, 2 * LANES))
    for first in range(0, len(counts), 50_000):
        part = counts[first : first + 50_000]
        g, before = lfilter([c.weight], [1.0, -c.decay], part, axis=0, zi=before)
        off = g[max(skip - first, 0) :] - mean
        total += off.sum(axis=0)
        squares += (off**2).sum(axis=0)
    n = len(counts) - skip
    means, variances = total / n + mean, squares / n
    variance = per_step * weight**2 / (1 - decay**2)
    assert means.std() > 0.0
    assert abs(means.mean() - mean) < 4 * means.std(ddof=1) / np.sqrt(means.size)
    assert abs(variances.mean() - variance) < 4 * variances.std(ddof=1) / np.sqrt(means.size)


def test_decay_of_a_conductance_is_exact():
    synapse = ExponentialConductance(2.0, 5.0, 0.0)
    c = synapse.coefficients(Clock.of(DT, "published"))
    x = synapse.advance(c, synapse.initial(), 1.0)
    assert x.g == 2.0
    for _ in range(100):
        x = synapse.advance(c, x, 0.0)
    assert x.g == pytest.approx(2.0 * np.exp(-1.0), rel=1e-13)
    assert synapse.current(c, x, -50.0) == pytest.approx(50.0 * x.g)
