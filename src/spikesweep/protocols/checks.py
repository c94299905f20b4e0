"""The checks that protocols share: of networks, time steps, cells and conductances."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.contract import kind_of, lacking
from spikesweep.errors import InputError
from spikesweep.kernels.cells.own_numbers import draws
from spikesweep.models.contracts import Conducting, Network, Neuron
from spikesweep.models.inputs.poisson import MOST_EVENTS
from spikesweep.models.networks.base import in_degree_onto
from spikesweep.units import PER_MS, ms, units_of

#: Values of a result along a dimension: 80 MB.
MOST_LABELS = 10_000_000
#: The part of a value that is lost when it is added to the value.
_NOTHING = 2.0**-53


def steps(name: str, duration: ms, dt: ms, key: str = "protocol.dt") -> int:
    """Return the number of steps in a duration; raise InputError if dt, by its key, is no part."""
    n = round(duration / dt)
    if abs(duration / dt - n) > 1e-6 + 1e-12 * n or (n == 0 and duration > 0.0):
        raise InputError(
            f"{name} = {duration} ms is not a multiple of {key} = {dt} ms; "
            f"allowed: {n * dt:.10g} or {(n + 1) * dt:.10g}, for example"
        )
    return n


def numbers(name: str, value: Any, n: int) -> NDArray[np.int64]:
    """Return 0, 1, ... n - 1, the labels of results; raise InputError where a value makes too many."""
    if n > MOST_LABELS:
        raise InputError(
            f"{name} = {value} makes results of {n:,} values a point; allowed: at most {MOST_LABELS:,}"
        )
    return np.arange(n)


def check_network(network: Any, contract: type, example: str) -> None:
    """Refuse a network that lacks what a protocol needs, or refuses itself; raise InputError."""
    if missing := lacking(network, contract):
        raise InputError(
            f"network is a {type(network).__name__}, which has no {', '.join(missing)}; allowed with this "
            f"protocol: {kind_of(contract)}, network={example} for example"
        )
    network.check()


def check_step(network: Network, dt: ms) -> None:
    """Refuse cells without spikes, and a time step that does not resolve the dynamics; raise InputError."""
    check_cells(network.cells, network.time_constants(), dt)


def check_own_steps(network: Network, dt: ms) -> None:
    """Refuse what `check_step` refuses of cells alone, where no synapse does anything; raise InputError."""
    own = {f"neuron.{name}": cell.time_constants() for name, cell in network.cells.items()}
    taus = {f"{key}.{name}": tau for key, cell in own.items() for name, tau in cell.items()}
    check_cells(network.cells, taus, dt)


def check_draws_nothing(network: Network, where: str) -> None:
    """Refuse cells that draw numbers of their own, for which `where` has none; raise InputError."""
    for name, cell in network.cells.items():
        if draws(cell):
            raise InputError(
                f"network.populations: {name} is a {type(cell).__name__}, which draws random numbers of "
                f"its own, and is refused with {where}; allowed: a neuron that draws none"
            )


def check_resolved(time_constants: Mapping[str, Any], dt: ms, key: str = "protocol.dt") -> None:
    """Refuse a time step that does not resolve time constants, or is nothing to one; raise InputError."""
    shortest = {name: float(np.min(value)) for name, value in time_constants.items()}
    name, smallest = min(shortest.items(), key=lambda item: item[1])
    if dt >= smallest:
        raise InputError(
            f"{key} = {dt} ms is refused: allowed is less than the smallest time constant, "
            f"{name} = {smallest:.10g} ms"
        )
    longest = {name: float(np.max(value)) for name, value in time_constants.items()}
    name, largest = max(longest.items(), key=lambda item: item[1])
    if (
        np.isfinite(largest) and dt < largest * _NOTHING
    ):  # an infinite one is that of a part that does not decay
        raise InputError(
            f"{name} = {largest:.4g} ms is refused: a step of {key} = {dt} ms changes nothing in double "
            f"precision; allowed: less than {dt / _NOTHING:.4g} ms"
        )


def check_rates(network: Any, rates: Mapping[str, float], dt: ms) -> None:
    """Refuse rates (Hz) of `grid.fe` and `grid.fi`, by kind of synapse, that a step does not resolve."""
    each = {name: in_degree_onto(network, name) for name in network.populations}
    for axis, kind in zip(("fe", "fi"), ("exc", "inh"), strict=True):
        for degree in each.values():
            check_events(f"grid.{axis}", rates[kind], degree[kind], dt)
    check_conductances(
        network,
        {name: {k: r * degree[k] * PER_MS for k, r in rates.items()} for name, degree in each.items()},
        dt,
    )


def check_conductances(network: Any, events: Mapping[str, Mapping[str, Any]], dt: ms) -> None:
    """Refuse a time step that does not resolve cells under the mean conductances of their synapses.

    `events` are numbers per ms by population and kind of synapse. Forward Euler would swing, and its
    swings be spikes. A cell without a capacitance or a leak counts what it has: without a capacitance nothing
    can be said.
    """
    found = {}
    for name, cell in network.cells.items():
        g = sum(
            float(np.max(events[name][kind] * np.max(synapse.weight * synapse.tau_syn)))
            for kind, synapse in network.synapses_onto(name).items()
            if not lacking(synapse, Conducting)
        )
        leak = getattr(cell, "g_L", 0.0)
        if hasattr(cell, "C_m") and np.all(np.asarray(leak + g) > 0.0):
            found[f"C_m / (g_L + {g:.4g} nS of synapses) of {name}"] = cell.C_m / (leak + g)
    if found:
        check_resolved(found, dt)


def check_events(key: str, rate: float, sources: Any, dt: ms) -> None:
    """Refuse a rate (Hz) of each of so many sources that no step can hold; raise InputError.

    `sources` is a number, or one a lane.
    """
    of_each = float(np.max(sources)) * PER_MS * dt
    if rate * of_each > MOST_EVENTS:
        raise InputError(
            f"{key} = {rate:g} Hz is refused: {rate * of_each:.3g} events in a step of {dt:g} ms; "
            f"allowed: at most {MOST_EVENTS / of_each:.6g} Hz, which are {MOST_EVENTS:g}"
        )


def check_shares(shares: Mapping[str, float], highest: Mapping[str, float], dt: ms) -> None:
    """Refuse shares of events so small that their common process has more events than a step can hold.

    By kind of synapse; `highest` are the highest rates of one (Hz).
    """
    for kind, share in shares.items():
        least = highest[kind] * PER_MS * dt / MOST_EVENTS
        if 0.0 < share < least:
            raise InputError(
                f"protocol.share_{kind} = {share:g} is refused at {highest[kind]:g} Hz; allowed: 0, or "
                f"at least {least:.3g}"
            )


def peak_of(cell: Any) -> Any:
    """Return the potential (mV) at which a cell's spikes are cut, infinity where it does not say."""
    return getattr(cell, "V_spike", getattr(cell, "V_th", np.inf))


def check_cells(
    cells: Mapping[str, Any], time_constants: Mapping[str, Any], dt: ms, key: str = "protocol.dt"
) -> None:
    """Refuse what `check_step` refuses, of cells by name, and a reset above where spikes are cut."""
    for name, part in cells.items():
        if lacking(part, Neuron):
            raise InputError(
                f"network.populations: {name} is a {type(part).__name__}, which is no cell that spikes; "
                "allowed with this protocol: spiking neurons"
            )
        if (unit := units_of(type(part.initial()))["v"]) != "mV":
            raise InputError(
                f"network.populations: {name} is a {type(part).__name__}, whose potential is in {unit}; "
                "allowed with this protocol: neurons in mV"
            )
    check_resolved(time_constants, dt, key)
    for cell, parameters in cells.items():
        peak = peak_of(parameters)
        if np.any(np.asarray(getattr(parameters, "V_reset", -np.inf)) >= peak):
            raise InputError(
                f"neuron.{cell}: the potential after a spike, {parameters.V_reset} mV, is refused; allowed: "
                f"below {peak} mV, where spikes are cut"
            )
        for t_ref in np.unique(getattr(parameters, "t_ref", 0.0)):
            held = np.round(t_ref / dt)
            if abs(t_ref / dt - held) > 1e-6 * max(held, 1.0):
                raise InputError(
                    f"{key} = {dt} ms does not divide neuron.{cell}.t_ref = {t_ref} ms; "
                    f"allowed, for example: {t_ref / (held + 1.0):.6g} ms"
                )
