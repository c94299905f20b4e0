"""What a protocol sees of a network while it runs, and the results that it makes of it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.grid.schema import Coordinate, Variable
from spikesweep.kernels.statistics import activity
from spikesweep.models.networks.spiking import SpikingNetwork
from spikesweep.models.simulation.network import Simulated, Spikes
from spikesweep.units import PER_MS, Hz, ms

#: A rate that stops a network counts from this time on (ms).
_SEEN = 100.0


class Settings(NamedTuple):
    """What is simulated and measured, in steps."""

    dt: ms
    n_steps: int
    n_discard: int
    bin_steps: int
    segment: int  #: bins of a segment of the spectra, none where 0
    saturated_above: Hz
    stopped_above: Hz | None = None  #: mean rate of a population, over all that is measured

    def coordinates(self) -> dict[str, list[str] | Coordinate]:
        """Return the beginnings of the time bins, and the frequencies of the spectra."""
        n = -(-self.n_steps // self.bin_steps)
        begin = np.arange(n) * (self.bin_steps * self.dt)
        found: dict[str, list[str] | Coordinate] = {
            "time_bin": Coordinate(begin, "ms", "begin of a time bin")
        }
        if self.segment:
            values = activity.frequencies(self.segment, self.bin_steps, self.dt)
            found["frequency"] = Coordinate(values, "Hz", "frequency")
        return found


def activity_variables(*, spectrum: bool, each_neuron: bool) -> tuple[Variable, ...]:
    """Return what is measured of each population and, where that is wanted, each neuron."""
    each = ("population",)
    power = Variable("spectrum", ("population", "frequency"), "Hz2/Hz", "power of the rate", optional=True)
    return (
        Variable("rate", each, "Hz", "mean rate of the cells"),
        Variable("rate_sd", each, "Hz", "SD of the rate over the cells"),
        Variable("cv_isi", each, "1", "mean coefficient of variation of intervals", optional=True),
        Variable(
            "synchrony", each, "1", "variance over mean of the population's spikes in bins", optional=True
        ),
        Variable("last_spike", each, "ms", "time of the last spike", optional=True),
        Variable("population_rate", ("population", "time_bin"), "Hz", "rate in time bins", optional=True),
        *((power,) if spectrum else ()),
        *((Variable("neuron_rate", ("neuron",), "Hz", "rate of each neuron"),) if each_neuron else ()),
    )


class Activity:
    """What is seen of a network while it runs."""

    def __init__(self, network: SpikingNetwork, settings: Settings, *, keep: bool) -> None:
        sizes = [p.n for p in network.populations.values()]
        whose = np.repeat(np.arange(len(sizes)), sizes)
        self._tally = activity.no_spikes(
            whose, len(sizes), settings.n_steps, settings.n_discard, settings.bin_steps
        )
        self._settings, self._sizes, self._whose = settings, np.array(sizes), whose
        self._keep, self._kept = keep, [(np.empty(0, np.int32), np.empty(0, np.int32))]
        self._recent, self._since = np.zeros(len(sizes), np.int64), 0
        self.saturated = False  #: whether the network was stopped, so fast was it
        seconds = (settings.n_steps - settings.n_discard) * settings.dt * PER_MS
        above = np.inf if settings.stopped_above is None else settings.stopped_above
        self._most = above * self._sizes * seconds * (1.0 + 1e-9)  # rounding decides nothing

    def told(self, neuron: Spikes, step: Spikes, reached: int) -> bool:
        """Count a chunk of spikes; return whether the network is to stop."""
        activity.tally(self._tally, neuron, step, len(neuron))
        if self._keep:
            self._kept.append((neuron.copy(), step.copy()))
        s = self._settings
        self._recent += np.bincount(self._whose[neuron], minlength=len(self._recent))
        if (reached - self._since) * s.dt >= _SEEN:
            rate = self._recent / (self._sizes * ((reached - self._since) * s.dt * PER_MS))
            self._recent[:], self._since = 0, reached
            self.saturated = bool(rate.max() > s.saturated_above) and reached < s.n_steps
            if s.stopped_above is not None:
                spikes = np.bincount(self._whose, self._tally.spikes, len(self._sizes))
                return self.saturated or bool((spikes > self._most).any())
        return self.saturated

    def spikes(self) -> tuple[Spikes, Spikes]:
        """Return neuron and step of all spikes that were kept."""
        neurons, steps = zip(*self._kept, strict=True)
        return np.concatenate(neurons), np.concatenate(steps)

    def measured(self, run: Simulated) -> dict[str, NDArray[Any]]:
        """Return every variable of `activity_variables`, shape its dims."""
        t, s, n = self._tally, self._settings, run.n_steps
        rates = np.where(run.finite, activity.rates(t, n, s.dt), np.nan)
        lost = np.bincount(self._whose, ~run.finite, len(self._sizes)) > 0
        mean, sd = activity.over_cells(t, rates)
        found = {
            "rate": np.where(lost, np.nan, mean),
            "rate_sd": np.where(lost, np.nan, sd),
            "cv_isi": activity.over_cells(t, activity.interval_cv(t))[0],
            "synchrony": activity.synchrony(t, n),
            "last_spike": activity.last_spike(t, s.dt),
            "population_rate": activity.population_rates(t, n, s.dt),
            "neuron_rate": rates,
        }
        if s.segment:
            found["spectrum"] = activity.spectrum(t, n, s.dt, s.segment)
        return found
