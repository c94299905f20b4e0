"""Several sweeps in one folder: joined along what was chosen, or as a tree."""

from collections.abc import Mapping
from contextlib import suppress

import xarray as xr

from spikesweep.errors import InputError
from spikesweep.grid.attributes import configuration_of, decoded, encoded
from spikesweep.grid.schema import NOT_ASKED
from spikesweep.store.missing import not_there
from spikesweep.store.paths import store_paths
from spikesweep.store.reading import UNFINISHED
from spikesweep.store.remote import Place, below
from spikesweep.store.store import stored

#: Choices that stores are joined along.
_JOINED = ("neuron", "network")


def open_folder(path: Place) -> xr.Dataset | xr.DataTree:
    """Return the dataset of a store, or of all stores below a folder; raise InputError where none is."""
    if (path / "zarr.json").exists() or not path.is_dir() or (path / UNFINISHED).exists():
        store = stored(path)
        if store is None:
            raise not_there(path, "the path of a store (.zarr) or of a folder")
        return store.open()
    stores = [stored(found) for found in store_paths(path)]
    datasets = {store.path: store.open() for store in stores if store is not None}
    if not datasets:
        raise InputError(f"{path} holds no store; allowed: a folder that holds .zarr stores")
    if (joined := joined_choices([*datasets.values()])) is not None:
        return joined
    nodes = {below(found, path).removesuffix(".zarr"): ds for found, ds in datasets.items()}
    return xr.DataTree.from_dict(nodes)


def joined_choices(datasets: list[xr.Dataset]) -> xr.Dataset | None:
    """Return datasets joined along the neuron and the network, None where they differ in more than that."""
    shapes = {(_choice(ds, "protocol"), ds["status"].dims, _table(ds)) for ds in datasets}
    chosen = [tuple(_choice(ds, group) for group in _JOINED) for ds in datasets]
    if len(shapes) == 1 and len(set(chosen)) == len(chosen):
        with suppress(ValueError, TypeError):  # labels that differ and have no common type or no filler
            return _joined(datasets)
    return None


def _choice(ds: xr.Dataset, group: str) -> str:
    choices: Mapping[str, str] = configuration_of(ds.attrs)["choices"]
    return str(choices.get(group, "none"))


def _table(ds: xr.Dataset) -> tuple[tuple[str, tuple[object, ...]], ...]:
    """Return the points that are no grid: stores with different ones have nothing to be joined by."""
    names = [str(name) for name in ds.coords if ds[name].dims == ("point",)]
    return tuple((name, tuple(ds[name].values.tolist())) for name in sorted(names))


def _joined(datasets: list[xr.Dataset]) -> xr.Dataset:
    """Join along the choices that differ; what no store has was not asked for."""
    varied = [group for group in _JOINED if len({_choice(ds, group) for ds in datasets}) > 1]
    fixed = [group for group in _JOINED if group not in varied]
    labelled = []
    for ds in datasets:
        own = ds.assign_coords({group: _choice(ds, group) for group in fixed})
        labelled.append(own.expand_dims({group: [_choice(ds, group)] for group in varied}))
    joined = concatenated(labelled, varied)
    sources = {" ".join(_choice(ds, g) for g in _JOINED): decoded(ds.attrs) for ds in datasets}
    joined.attrs |= encoded({"sources": sources})
    return joined


def concatenated(datasets: list[xr.Dataset], varied: list[str]) -> xr.Dataset:
    """Return datasets that differ along some dimensions as one; what none has was not asked for."""
    fill = {str(name): 0 if v.dtype.kind in "iu" else float("nan") for name, v in datasets[0].items()}
    fill["status"] = NOT_ASKED
    rows = datasets
    for i in reversed(range(len(varied))):
        rows = _concatenated(rows, varied[i], varied[:i], fill)
    (joined,) = rows
    joined.attrs = {
        k: v for k, v in datasets[0].attrs.items() if all(ds.attrs.get(k) == v for ds in datasets)
    }
    if len(datasets) > 1:
        joined.encoding = {}  # of no single store
    return joined


def _concatenated(
    datasets: list[xr.Dataset], along: str, others: list[str], fill: Mapping[str, float]
) -> list[xr.Dataset]:
    """Concatenate the datasets that agree in all other choices; those that have more keep their labels."""
    bins: dict[tuple[tuple[str, ...], ...], list[xr.Dataset]] = {}
    for ds in datasets:
        bins.setdefault(tuple(tuple(ds[group].values.tolist()) for group in others), []).append(ds)
    return [
        xr.concat(
            part,
            dim=along,
            join="outer",
            data_vars="all",
            coords="different",
            compat="equals",
            fill_value=dict(fill),
            combine_attrs="drop_conflicts",
        )
        for part in bins.values()
    ]
