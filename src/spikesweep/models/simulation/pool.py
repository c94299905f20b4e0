"""The responses of many cells to one stimulus of a frequency band: what populations are chosen from."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.random.normals import Normals
from spikesweep.kernels.random.philox import derive
from spikesweep.kernels.statistics.segment_spectra import Trains
from spikesweep.models.networks.afferents import Afferents, responses
from spikesweep.units import PER_MS, Hz, ms, threshold

Array = NDArray[np.float64]


class Pool(NamedTuple):
    """The responses to one stimulus."""

    stimulus: Array  #: shape (samples,)
    surrogate: Array  #: another stimulus of the same band, which no cell has seen
    trains: Trains
    key: np.uint64  #: what else is random follows from it
    dt: ms
    signs: Array  #: of what each cell sees of the stimulus: -1 of OFF cells

    def measures(self) -> dict[str, NDArray[Any]]:
        """Return mean and SD of the rate, mean CV of the intervals, and the SD of the stimulus."""
        counts = self.trains.counts
        rates = counts / (len(self.stimulus) * self.dt * PER_MS)
        intervals = [np.diff(self.trains.of(cell)) for cell in range(len(counts))]
        cvs = [i.std() / i.mean() for i in intervals if len(i) > 1]
        found = {
            "rate_mean": rates.mean(),
            "rate_sd": rates.std(),
            "isi_cv": np.mean(cvs) if cvs else np.nan,
            "stimulus_sd": self.stimulus.std(),
        }
        return {name: np.asarray(value, np.float64) for name, value in found.items()}


class Trial(NamedTuple):
    """What a pool responds to, and how many cells it has."""

    stimulus: Any  #: models.contracts.Stimulus, whose `rng` says whether its numbers are legacy
    amplitude: threshold  #: factor of the stimulus
    n: int  #: samples
    dt: ms
    num_responses: int


def draw_pool(
    network: Afferents, trial: Trial, band: tuple[Hz, Hz], seed: int, root_seed: int, key: np.uint64
) -> Pool:
    """Return the responses to a stimulus of a band.

    Stimulus and noise follow from `key`, the cells, where they are unequal, from `root_seed` alone; a
    stimulus with legacy numbers from `seed`.
    """
    own = Normals(np.uint64(derive(key, "stimulus", 0.0)))
    other = Normals(np.uint64(derive(key, "surrogate", 0.0)))
    source = RandomState(seed) if trial.stimulus.rng == "legacy" else own
    stimulus, surrogate = (
        trial.amplitude * trial.stimulus.samples(rng, *band, trial.n, trial.dt) for rng in (source, other)
    )
    numbers = np.arange(trial.num_responses)
    cells = network.drawn_cells(derive(np.uint64(root_seed), "cell", numbers))
    off = network.off(trial.num_responses) if hasattr(network, "off") else np.zeros(len(numbers), bool)
    keys = derive(key, "response", numbers)
    if not off.any():
        trains = responses(cells, stimulus, keys, trial.dt)
    else:
        parts = [(np.flatnonzero(off == sees), sign) for sees, sign in ((False, 1.0), (True, -1.0))]
        trains = _joined(
            {
                tuple(which): responses(_some(cells, which), sign * stimulus, keys[which], trial.dt)
                for which, sign in parts
                if len(which)
            }
        )
    return Pool(stimulus, surrogate, trains, key, trial.dt, np.where(off, -1.0, 1.0))


def _some(cells: Any, which: NDArray[np.int64]) -> Any:
    """Return some of the cells; parameters that differ between cells are arrays."""
    varied = {name: v[which] for name, v in cells._asdict().items() if isinstance(v, np.ndarray)}
    return cells._replace(**varied)


def _joined(parts: Mapping[tuple[int, ...], Trains]) -> Trains:
    """Return the trains of all cells in their order, from those of some each."""
    found = {cell: trains.of(i) for cells, trains in parts.items() for i, cell in enumerate(cells)}
    each = [found[cell] for cell in sorted(found)]
    return Trains.of_sizes(np.concatenate(each), np.array([len(train) for train in each]))


def edges(band: str, where: str = "grid.band") -> tuple[Hz, Hz]:
    """Return the lower and the upper edge of a band, `0-100`; raise InputError naming `where` it stands."""
    try:
        low, high = (float(text) for text in band.split("-"))
    except ValueError:
        low = high = np.nan
    if not 0.0 <= low < high < np.inf:
        raise InputError(f"{where} holds {band!r}; allowed: low-high in Hz, 0-100 for example")
    return low, high
