"""From the plain values of a configuration to its protocol and its network, built and checked once a run."""

from collections.abc import Mapping
from typing import Any

from spikesweep.config.build import build
from spikesweep.errors import InputError, nearest, shown
from spikesweep.grid.attributes import cell_names
from spikesweep.models.contracts import Network
from spikesweep.protocols.base import Experiment

#: Nodes of a configuration that protocol, network and cells are built from, and how they were chosen.
PARTS = ("protocol", "network", "neuron", "choices", "gate")


def assemble(values: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the protocol and the network of plain values; raise InputError."""
    protocol: Experiment = build(values["protocol"], "protocol", Experiment)
    network = network_of(values) if protocol.has_network else None
    protocol = protocol.on(network)
    if values.get("gate"):
        protocol = protocol.limited({name: tuple(ends) for name, ends in values["gate"].items()})
    return protocol, network


def network_of(values: Mapping[str, Any]) -> Any:
    """Return the network of plain values, its cells in the place of their names; raise InputError.

    A list of `populations` is short for {name: {cell: name}}.
    """
    network, where = values["network"], "network.populations"
    populations = network.get("populations")
    if not isinstance(populations, Mapping):
        populations = {name: {} for name in _listed(populations, where)}
    for name, node in populations.items():
        if not isinstance(node, Mapping | None):
            raise InputError(f"{where}.{name} = {shown(node)} is refused; allowed: {{cell: NAME, ...}}")
        if not name or not set(str(name)).isdisjoint("./"):  # it parts the names of a key
            raise InputError(f"{where}: {name!r} is refused; allowed: names without dots and slashes")
    names = cell_names(network)
    cells = cells_of(values, [*names.values()], where)
    filled = {name: {**(node or {}), "cell": cells[names[name]]} for name, node in populations.items()}
    return build({**network, "populations": filled}, "network", Network)


def _listed(names: Any, where: str) -> list[str]:
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise InputError(f"{where} = {names!r} is refused; allowed: a list of cell names")
    if len(set(names)) < len(names):
        raise InputError(f"{where} = {names} is refused; allowed: each cell once")
    return names


def cells_of(values: Mapping[str, Any], names: list[str], where: str) -> dict[str, Any]:
    """Return the cells of some names, built; raise InputError naming `where` they were asked for."""
    neuron = values["neuron"]
    known = [name for name, node in neuron.items() if isinstance(node, Mapping) and "_target_" in node]
    for name in neuron:
        if name not in known:
            value = "" if isinstance(neuron[name], Mapping) else f" = {shown(neuron[name])}"
            raise InputError(f"neuron.{name}{value} is no cell; {nearest(str(name), known)}")
    for name in names:
        if name not in known:
            choice = (values.get("choices") or {}).get("neuron", "the neuron")
            hint = nearest(name, known)
            if where == "network.populations" and known and "did you mean" not in hint:
                hint += f"; as 'network.populations=[{known[0]}]'"
            raise InputError(f"{where}: {name!r} is no cell of neuron={choice}; {hint}")
    return {name: build(neuron[name], f"neuron.{name}") for name in names}
