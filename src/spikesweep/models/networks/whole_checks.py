"""What whole networks refuse, each by its key: populations, projections and drives that cannot be."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikesweep.contract import lacking
from spikesweep.errors import InputError, nearest
from spikesweep.kernels.cells.driver import LANES, takes_jumps
from spikesweep.kernels.cells.lanes import group_count
from spikesweep.models.contracts import Conducting, Leaky
from spikesweep.models.inputs.noise import PotentialNoise
from spikesweep.units import ms

#: Places in the ring of a projection whose connections each have a delay: what 32 bits count.
_PLACES = 2**32


def check_population(where: str, p: Any) -> None:
    """Refuse currents, noise or a start that do not fit a population; raise InputError."""
    if len(p.i_ext) not in (1, p.n):
        raise InputError(f"{where}.i_ext has {len(p.i_ext)} values; allowed: 1 or {p.n}")
    if isinstance(p.noise, PotentialNoise) and (missing := lacking(p.cell, Leaky)):
        raise InputError(
            f"{where}.noise is a PotentialNoise, but its cell has no "
            f"{', '.join(missing)}; allowed: cells with a leak, or CurrentNoise"
        )
    if p.injected is not None:
        p.injected.check(f"{where}.injected")
    if p.start is not None:
        try:
            p.start.check()
        except InputError as error:
            raise InputError(f"{where}.start: {error}") from error


def check_projection(network: Any, target: str, source: str, connections: Any) -> None:
    """Refuse connections that cannot be drawn, or whose synapse does not fit; raise InputError."""
    where, populations = f"network.projections.{target}.{source}", network.populations
    _check_known(where, populations, target, source)
    try:
        connections.check((populations[source].n, populations[target].n), source == target)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    synapse = connections.synapse or populations[source].synapse
    if synapse is None:
        raise InputError(
            f"{where} has no synapse: network.populations.{source}.synapse is null; "
            "allowed: a synapse there or here"
        )
    _check_jumps(where, populations, target, synapse)
    given = isinstance(connections.weights, tuple) and isinstance(connections.weights[0], tuple)
    if given and not lacking(synapse, Conducting) and np.min(connections.weights) < 0.0:
        raise InputError(
            f"{where}.weights hold {np.min(connections.weights):g}; allowed: 0 or more, of a conductance"
        )


def check_projection_dt(where: str, link: Any, n_target: int, dt: ms) -> None:
    """Refuse delays that a step does not resolve, or of too many steps; raise InputError."""
    try:
        link.connections.check_dt(dt)
    except InputError as error:
        raise InputError(f"{where}{'.' if str(error).startswith('delay') else ': '}{error}") from error
    longest, lanes = link.connections.longest_delay(dt), group_count(n_target) * LANES
    if not link.connections.uniform_delay and (round(longest / dt) + 1) * lanes > _PLACES:
        raise InputError(
            f"{where}.delay reaches {longest:g} ms onto {n_target} cells, more places than {_PLACES}; "
            f"allowed: at most {(_PLACES // lanes - 1) * dt:g} ms, or one delay"
        )


def check_reached(network: Any, where: str, name: str, drive: Any) -> None:
    """Refuse a drive of populations or synapses that there are not, or that do not fit; raise InputError."""
    populations = network.populations
    if name in populations:
        raise InputError(f"{where} has the name of a population; allowed: another name")
    if not drive.onto:
        raise InputError(f"{where}.n = null is refused; allowed: the number of sources of each population")
    _check_known(where, populations, *drive.onto)
    if len(set(drive.onto)) < len(drive.onto):
        raise InputError(f"{where}.onto = {list(drive.onto)} is refused; allowed: each once")
    if drive.like is not None:
        _check_known(f"{where}.like", populations, drive.like)
    if (drive.like is None) == (drive.synapse is None) or network.drive_synapse(name) is None:
        raise InputError(
            f"{where} has like = {drive.like} and synapse = {drive.synapse}; allowed: one of them, "
            "a population that has a synapse, or a synapse"
        )
    synapse = network.drive_synapse(name)
    for population in drive.onto:
        _check_jumps(where, populations, population, synapse)
    if not lacking(synapse, Conducting) and drive.weight < 0.0:
        raise InputError(f"{where}.weight = {drive.weight:g}; allowed: 0 or more, of a conductance")
    factors = getattr(drive, "factors", None)
    if factors is not None and set(factors) != set(drive.onto):
        raise InputError(f"{where}.factors is of {list(factors)}; allowed: null, or of {list(drive.onto)}")
    _check_cells(where, populations, drive)


def _check_cells(where: str, populations: Mapping[str, Any], drive: Any) -> None:
    """Refuse shared sources that reach more cells of a population than there are; raise InputError."""
    for population in drive.onto if drive.pool is not None else ():
        try:
            drive.connections_onto(population).check((drive.pool, populations[population].n), False)
        except InputError as error:
            raise InputError(f"{where}, onto {population}: {error}") from error


def _check_known(where: str, populations: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if name not in populations:
            raise InputError(f"{where}: {name!r} is no population; {nearest(name, populations)}")


def _check_jumps(where: str, populations: Mapping[str, Any], target: str, synapse: Any) -> None:
    cell = populations[target].cell
    if hasattr(synapse, "jump") and not takes_jumps(cell):
        raise InputError(
            f"{where}: a {type(synapse).__name__} is no synapse of {target}, a {type(cell).__name__}, whose "
            "potential cannot be moved at once; allowed: synapses with a current"
        )
