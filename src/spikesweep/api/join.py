"""Stores side by side as one dataset: plain values in which their configurations differ become axes."""

import glob
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from spikesweep import store as stores
from spikesweep.errors import InputError
from spikesweep.grid.attributes import encoded
from spikesweep.grid.schema import Axis
from spikesweep.store import folders
from spikesweep.store.missing import not_there
from spikesweep.sweep.identity import comparable, differences, told, unlike
from spikesweep.sweep.swept_keys import Parameter, parameters, swept_axes
from spikesweep.urls import is_url


def matches(path: str | Path) -> list[str] | None:
    """Return the paths that a pattern with `*`, `?` or `[` stands for, None for what is none."""
    if is_url(str(path)) or not glob.has_magic(str(path)) or Path(path).exists():
        return None
    found = sorted(name for name in glob.glob(str(path), recursive=True) if name.endswith(".zarr"))
    if not found:
        raise InputError(f"{path} matches no store; allowed: a pattern of paths of stores (.zarr)")
    return found


def join(paths: Sequence[str | Path]) -> xr.Dataset:
    """Return the stores at some paths as one dataset, read lazily.

    Each plain value in which their configurations differ is an axis of it, with the value's unit; what no
    store has is `not_asked`. Raises InputError for stores of other code, of configurations that differ in
    more than plain values, over other axes, or that hold the same.
    """
    found = [stores.stored(stores.place(path)) for path in paths]
    for path, store in zip(paths, found, strict=True):
        if store is None:
            raise not_there(path)
    known = [store for store in found if store is not None]
    if not known:
        raise InputError("no store is given; allowed: the paths of some")
    datasets = [store.open() for store in known]
    if len(known) == 1:
        return datasets[0]
    chosen = [comparable(store.attrs["configuration"]) for store in known]
    if len({str(sorted(one["choices"].items())) for one in chosen}) > 1:
        if (joined := folders.joined_choices(datasets)) is not None:
            return joined
        raise InputError(f"{_named(known)}: neurons, networks or protocols differ, and more; allowed: of one")
    return _joined(known, datasets, chosen)


def _joined(known: Sequence[stores.Reader], datasets: list[xr.Dataset], chosen: list[Any]) -> xr.Dataset:
    """Return stores of the same choices as one dataset; raise InputError."""
    first = known[0]
    plain = parameters(first.attrs["configuration"])
    for store, one in zip(known[1:], chosen[1:], strict=True):
        found = [line for line in unlike(first.attrs, store.attrs) if line.partition(":")[0] not in plain]
        found += [line for line in differences(chosen[0], one) if "nothing" in line and line not in found]
        if found:
            raise InputError(
                f"{store.path} cannot be joined to {first.path}: {told(found)}; allowed: stores of one code "
                "whose configurations differ in plain values"
            )
    leaves = [dict(_leaves(one, "")) for one in chosen]
    axes = _axes(datasets, leaves, plain)
    names = [axis.name for axis in axes.values()]
    labelled = [_labelled(ds, one, axes) for ds, one in zip(datasets, leaves, strict=True)]
    if len({frozenset(ds["status"].dims) for ds in labelled}) > 1 or any(
        "point" in ds.dims for ds in labelled
    ):
        text = f"{_named(known)}: their axes differ, or their points are no grid"
        raise InputError(f"{text}; allowed: stores over the same axes")
    places = [tuple(tuple(ds[name].values.tolist()) for name in names) for ds in labelled]
    if len({*places}) < len(places):
        raise InputError(f"{_named(known)}: two have the same configuration; allowed: one of each")
    joined = folders.concatenated(labelled, names).sortby(names)
    own = [str(dim) for dim in joined["status"].dims]
    joined.attrs |= encoded({"configuration": first.attrs["configuration"], "axes": own})
    return joined


def _axes(
    datasets: list[xr.Dataset], leaves: list[dict[str, Any]], plain: Mapping[str, Parameter]
) -> dict[str, Axis]:
    """Return the axis of each value that differs, or that only some sweep, by key."""
    varied = [key for key in sorted(leaves[0]) if any(one[key] != leaves[0][key] for one in leaves)]
    swept = [
        (str(c.attrs["key"]), str(n)) for ds in datasets for n, c in ds.coords.items() if "key" in c.attrs
    ]
    keys = [
        key for key in dict.fromkeys([*varied, *dict(swept)]) if not all(_has(ds, key) for ds in datasets)
    ]
    taken = sorted({str(name) for ds in datasets for name in (*ds.variables, *ds.dims)})
    return swept_axes(keys, plain, taken, keys, {key: name for key, name in swept if key in keys})


def _has(ds: xr.Dataset, key: str) -> bool:
    return any(c.attrs.get("key") == key and c.ndim for c in ds.coords.values())


def _labelled(ds: xr.Dataset, leaves: Mapping[str, Any], axes: Mapping[str, Axis]) -> xr.Dataset:
    """Return a dataset with a dimension for each axis, at its configured value where it is not swept."""
    for key, axis in axes.items():
        if axis.name not in ds.dims:
            attrs = {"units": axis.units, "long_name": axis.long_name, "key": key}
            ds = ds.drop_vars(axis.name, errors="ignore").expand_dims(axis.name)
            ds = ds.assign_coords({axis.name: (axis.name, [leaves[key]], attrs)})
    return ds


def _leaves(node: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping) and node:
        for name, value in node.items():
            yield from _leaves(value, f"{where}.{name}" if where else str(name))
    else:
        yield where, node


def _named(known: Sequence[stores.Reader]) -> str:
    return ", ".join(str(store.path) for store in known[:4]) + (", ..." if len(known) > 4 else "")
