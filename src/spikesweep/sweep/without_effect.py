"""Values that a user gave and that nothing reads are refused: they would be silently without effect.

What merely stands in the YAML of an option, as the cells of a neuron that a network does not have, may stay.
"""

from collections.abc import Mapping
from typing import Any

from spikesweep.config import compose
from spikesweep.config.chosen import given
from spikesweep.errors import InputError, shown
from spikesweep.grid.attributes import cell_names
from spikesweep.protocols.base import Experiment, is_read

#: Groups that are looked at. Of a protocol's own values one may be given for another that decides.
_GROUPS = ("neuron", "network")


def refuse_without_effect(
    cfg: compose.Configuration, values: Mapping[str, Any], protocol: Experiment
) -> None:
    """Refuse a value beside those of the chosen options that no result depends on; raise InputError.

    `values` are the plain ones of `cfg`. A value that an interpolation takes may be read through that.
    """
    cells = {*cell_names(values["network"]).values()} if protocol.has_network else set()
    texts: dict[str, str] | None = None
    read: list[str] = []
    for group in _GROUPS:
        for key, value in given(cfg, group):
            why = _unread(key, values, cells, protocol)
            if not why:
                continue
            if texts is None:
                texts = compose.interpolations(cfg)
                read = [place for place in texts if not _is_of_other_cell(place, cells)]
            if not any(compose.swept_in(place, texts, [key]) for place in read):
                raise InputError(f"{key} = {shown(value)} is refused: {why}")


def _is_of_other_cell(key: str, cells: set[str]) -> bool:
    group, _, rest = key.partition(".")
    return group == "neuron" and rest.split(".")[0] not in cells


def _unread(key: str, values: Mapping[str, Any], cells: set[str], protocol: Experiment) -> str:
    """Return why nothing reads a value, and what is allowed; nothing where something does."""
    group, name, *rest = key.split(".")
    chosen = f"protocol={values['choices'].get('protocol')}"
    with_protocol = (
        f"nothing reads it with {chosen}; allowed: values that it reads (spikesweep explain {key})"
    )
    if not protocol.has_network:
        return f"{chosen} has no {group}, so nothing reads it; allowed: arguments of the function, as axes"
    if group == "neuron":
        if name in cells:
            return "" if not rest or is_read(protocol, key) else with_protocol
        if not rest and isinstance(
            values["neuron"][name], Mapping
        ):  # a cell more, which stands there as others do
            return ""
        used = ", ".join(".".join(["neuron", cell, *rest]) for cell in sorted(cells))
        return (
            f"no population has the cell {name}, so nothing reads it; allowed: {used}, "
            f"or 'network.populations=[{name}]'"
        )
    if group == "network" and ((name == "populations" and len(rest) < 2) or rest[-1:] == ["cell"]):
        return ""
    if key.endswith("_target_") or is_read(protocol, key):
        return ""
    return with_protocol
