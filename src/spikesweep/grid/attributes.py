"""Attributes that any file can hold, netCDF too: numbers and text; names as words, structures as JSON."""

import copy
import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from spikesweep.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

#: The text of a PNG file that says which points a figure shows.
FIGURE_KEY = "spikesweep"
_WORDS = ("axes", "columns", "results")


def encoded(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as numbers and text; what is None is left out."""
    out: dict[str, Any] = {}
    for key, value in attrs.items():
        if key in _WORDS:
            out[key] = " ".join(value)
        elif isinstance(value, Mapping):
            out[key] = json.dumps(value)
        elif isinstance(value, bool):
            out[key] = int(value)  # netCDF has no truth values
        elif value is not None:
            out[key] = value
    return out


def decoded(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `encoded` was given."""
    out = {}
    for key, value in attrs.items():
        if key in _WORDS:
            out[key] = value.split()
        else:
            out[key] = json.loads(value) if isinstance(value, str) and value.startswith("{") else value
    return out


def structure(value: Any) -> dict[str, Any]:
    """Return a structure among attributes, which those of a dataset hold as JSON."""
    return dict(json.loads(value) if isinstance(value, str) else value)


def configuration_of(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration that the attributes of a dataset hold."""
    if "configuration" not in attrs:
        raise InputError(
            "this dataset has no configuration; allowed: that of one sweep, not of several joined"
        )
    return structure(attrs["configuration"])


def cell_names(network: Mapping[str, Any]) -> dict[str, str]:
    """Return the cell of each population of a network's plain values, by the population's name.

    `populations` is {name: {cell: ..., ...}}, or a list of cells, each a population of its own name.
    """
    populations = network.get("populations") or ()
    if isinstance(populations, Mapping):
        return {str(name): str((node or {}).get("cell")) for name, node in populations.items()}
    return {str(name): str(name) for name in populations}


def configuration_at(ds: "xr.Dataset", axes: Collection[str]) -> dict[str, Any]:
    """Return the configuration of a part of a sweep, with the values of swept parameters that it is at.

    `axes` are those of the protocol, which are in no configuration. Raises InputError where a parameter
    varies, or has been dropped, or where the configuration computes others from it.
    """
    found = copy.deepcopy(configuration_of(ds.attrs))
    names = {*str(ds.attrs.get("axes", "")).split(), *str(ds.attrs.get("columns", "")).split()}
    if lost := sorted(names - {*axes, "point", *map(str, ds.coords)}):
        raise InputError(
            f"{', '.join(lost)} is swept and not in the dataset; allowed: select a value, keep it"
        )
    swept = {str(c.attrs["key"]): c for c in ds.coords.values() if "key" in c.attrs}
    for key, coordinate in swept.items():
        if coordinate.size != 1:
            raise InputError(f"{coordinate.name} varies; allowed: one value, ds.sel({coordinate.name}=...)")
        *path, last = key.split(".")
        node = found
        for part in path:
            node = node[part]
        node[last] = coordinate.values.item()
    computed = [key for key, text in found.get("interpolated", {}).items() if any(k in text for k in swept)]
    if computed:
        raise InputError(f"{', '.join(computed)} follows from what is swept; allowed: a sweep of one value")
    return found


def parameter(ds: "xr.Dataset", key: str) -> Any:
    """Return a number of the configuration by its dotted key, or its coordinate where it is swept."""
    for coordinate in ds.coords.values():
        if coordinate.attrs.get("key") == key:
            return coordinate
    value: Any = configuration_of(ds.attrs)
    for part in key.split("."):
        value = value[part]
    return value
