"""Afferents: equal cells side by side, whose spikes travel to one reader at a finite velocity.

The cell at position i of a line, counted from zero, is i / density away from the reader, and its spikes are
i / (density velocity) late. Which cell stands where is random. Hladnik and Grewe 2023,
doi:10.1371/journal.pcbi.1010871. On a disc, whose middle is the reader's, there are density^2 cells on a
square metre: the one at position i is sqrt(i / pi) / density away. An OFF cell sees the inverted stimulus;
which cells are OFF is regular, and where they stand is random as for all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.cells.lanes import Drive, in_lanes, run_lanes
from spikesweep.kernels.cells.spike_trains import SpikeTrains
from spikesweep.kernels.random.normals import Normals
from spikesweep.kernels.random.philox import derive, uniforms
from spikesweep.kernels.statistics.segment_spectra import Trains
from spikesweep.models.inputs.given import GivenCurrent
from spikesweep.models.inputs.step_noise import FILLS, SharedStimulus
from spikesweep.models.networks.base import OfCells, Population
from spikesweep.models.neurons.lif_dimensionless import LIFDimensionless
from spikesweep.units import Fraction, NonNegative, Positive, m_per_s, ms, number, per_m

_ROUNDING = 1e-9  # of a cell


@dataclass(frozen=True)
class Conduction:
    """How densely the cells stand and how fast their spikes travel."""

    density: NonNegative[per_m]  #: cells; 0: all of them at the reader, no delays
    velocity: Positive[m_per_s]  #: of conduction

    @property
    def delay_step(self) -> ms:
        """Return the delay from one cell to the next."""
        return 1e3 / (self.density * self.velocity) if self.density else 0.0

    def delays(self, positions: NDArray[Any]) -> NDArray[np.float64]:
        """Return the delays (ms) at some positions."""
        metres_per_s = self.density * self.velocity
        return np.asarray(positions) / metres_per_s * 1e3 if self.density else np.zeros(len(positions))


def _conduction(text: str, where: str, allowed: str) -> Conduction:
    """Return what density/velocity says; raise InputError naming `where` it stands and what is allowed."""
    try:
        density, velocity = (float(part) for part in text.split("/"))
    except ValueError:
        raise InputError(f"{where}{text!r}; {allowed} in 1/m and m/s") from None
    if not (0.0 <= density < np.inf and 0.0 < velocity < np.inf):
        raise InputError(
            f"{where}{text!r}; allowed: a density of at least 0 per m and a velocity above 0 m/s"
        )
    return Conduction(density, velocity)


@dataclass(frozen=True)
class Afferents(OfCells):
    """Noisy cells that share a stimulus, in random order along a line."""

    populations: Annotated[Mapping[str, Population], MinLen(1)]  #: that of the one cell, by name
    conditions: Mapping[str, str]  #: density/velocity (1/m, m/s), by name
    spread_offset: NonNegative[number]  #: SD of the logarithm of the cells' offset; 0: equal cells
    spread_tau_m: NonNegative[number]  #: SD of the logarithm of the cells' tau_m; 0: equal cells
    position_jitter: NonNegative[number]  #: SD of a cell's position, in distances of cells
    reader: Literal["plain", "compensated"]  #: compensated: subtracts the delay that belongs to the position
    field: Literal["line", "disc"] = "line"  #: disc: as dense across as along, the reader in the middle
    off_fraction: Fraction = 0.0  #: share of OFF cells, which see the inverted stimulus
    off_reader: Literal["inverted", "plain"] = "inverted"  #: inverted: spikes of OFF cells count -1

    def __post_init__(self) -> None:
        """Refuse what is no population of dimensionless cells; raise InputError."""
        kinds = [type(cell).__name__ for cell in self.cells.values()]
        if kinds != [LIFDimensionless.__name__]:
            raise InputError(
                f"network.populations = {dict(zip(self.populations, kinds, strict=True))} is refused; "
                "allowed with Afferents: one LIFDimensionless, neuron=lif_dimensionless"
            )
        for name, text in self.conditions.items():
            _conduction(text, f"network.conditions.{name} = ", "allowed: density/velocity")

    @property
    def cell(self) -> LIFDimensionless:
        """Return the cell."""
        (cell,) = self.cells.values()
        assert isinstance(cell, LIFDimensionless)
        return cell

    def conduction(self, condition: str) -> Conduction:
        """Return what a condition stands for: a name, or density/velocity; raise InputError."""
        allowed = f"{nearest(condition, self.conditions)}, or density/velocity"
        return _conduction(self.conditions.get(condition, condition), "grid.condition holds ", allowed)

    def drawn_cells(self, keys: NDArray[np.uint64]) -> LIFDimensionless:
        """Return cells, one a key; parameters that differ between them are arrays."""
        cell, varied = self.cell, {}
        for name, spread in (("offset", self.spread_offset), ("tau_m", self.spread_tau_m)):
            if spread:
                z = np.array([Normals(key).standard_normal() for key in derive(keys, f"spread {name}", 0.0)])
                varied[name] = getattr(cell, name) * np.exp(spread * z)
        return cell._replace(**varied)

    def order(self, key: Any, n: int) -> NDArray[np.int64]:
        """Return which of n cells stands at each position."""
        return np.argsort(uniforms(key, n), kind="stable")

    def off(self, n: int) -> NDArray[np.bool_]:
        """Return which of n cells are OFF; what a cell is does not depend on how many there are."""
        count = np.floor(np.arange(n + 1) * self.off_fraction + _ROUNDING)
        return np.asarray(np.diff(count) > 0.0)

    def places(self, n: int) -> NDArray[Any]:
        """Return how far each of n positions is from the reader, in distances of cells."""
        positions = np.arange(n)
        return np.sqrt(positions / np.pi) if self.field == "disc" else positions

    def shifts(self, conduction: Conduction, key: Any, n: int, dt: ms) -> NDArray[np.int64]:
        """Return by how many steps the spikes from each of n positions are late; whole steps."""
        positions = self.places(n)
        known = np.rint(conduction.delays(positions) / dt)
        true = known
        if self.position_jitter:
            off = Normals(np.uint64(derive(key, "position", 0.0))).standard_normal(n)
            true = np.rint(conduction.delays(np.maximum(positions + self.position_jitter * off, 0.0)) / dt)
        if self.reader == "compensated":
            true = true - known
        return true.astype(np.int64)


def responses(
    cells: LIFDimensionless, stimulus: NDArray[np.float64], keys: NDArray[np.uint64], dt: ms
) -> Trains:
    """Return the spikes of cells, one a key, that share a stimulus and have noise of their own each.

    Raises ArithmeticError where a potential is not finite.
    """
    n, sd = len(keys), np.array([cells.noise_sd(dt)])
    sources = (SharedStimulus(stimulus, group, sd) for group in in_lanes(keys, n))
    spikes, drive = SpikeTrains(), Drive(FILLS[cells.noise], sources)
    inputs, clock = (GivenCurrent(),), Clock.of(dt, "steps")
    if not np.isfinite(run_lanes(cells, inputs, clock, n, len(stimulus), drive, spikes)).all():
        raise ArithmeticError("the potential of a cell is not finite")
    return Trains.of_sizes(spikes.trains.values + 1, spikes.trains.sizes)
