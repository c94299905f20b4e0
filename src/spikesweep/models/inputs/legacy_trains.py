"""Trains, wiring and imaging noise as Fiers' voltage-to-wiring-sim draws them (code: tfiers/phd, eb3893fc).

One seed goes to Python's own generator, which the wiring comes from, and to NumPy's frozen one, from which
follow in this order: all trains, the imaging noise, the shuffles of each input. Times in s, as there.
"""

import random

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from spikesweep.models.inputs.spike_trains import Trains, trains_of
from spikesweep.units import Hz, ms

_S_PER_MS = 1e-3


def poisson_trains(rng: RandomState, n: int, rate: Hz, duration: ms, dt: ms) -> Trains:
    """Return n Poisson trains. Intervals come in blocks of the expected number, until one ends too late."""
    end = duration * _S_PER_MS
    found = []
    for _ in range(n):
        times = np.empty(0)
        while not len(times) or times[-1] < end:
            waits = rng.exponential(1.0 / rate, max(1, round(rate * end)))
            times = np.concatenate([times, np.cumsum(waits) + (times[-1] if len(times) else 0.0)])
        found.append(times[times < end])
    return trains_of(found, dt * _S_PER_MS)


def wiring_uniforms(seed: int) -> NDArray[np.float64]:
    """Return the three numbers that round the wiring's counts."""
    generator = random.Random(seed)
    return np.array([generator.random() for _ in range(3)])
