"""The design of an experiment: from its configuration and its built parts to axes and swept parameters.

Longer than a file should be: every step passes the same axes on, and they are read once from top to bottom.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.config import compose as config
from spikesweep.config.options import Options
from spikesweep.errors import InputError, nearest_key, shown
from spikesweep.grid.attributes import cell_names
from spikesweep.grid.designs import DESIGNS
from spikesweep.grid.grid import MOST_VALUES, POINT, Grid, axis_values, n_values, refuse_many
from spikesweep.grid.labels import as_stored
from spikesweep.grid.points import Table, arrange, read_table
from spikesweep.grid.priors import is_range
from spikesweep.grid.schema import Axis
from spikesweep.protocols.base import Experiment, is_read
from spikesweep.sweep.sampling import drawn, refuse_other_size
from spikesweep.sweep.swept import Derived, Parameters, Place, lane_keys, places_of
from spikesweep.sweep.swept_keys import Parameter, flat_axes, parameters, swept_axes, swept_values

#: Values of an axis that a parameter counts.
MOST_COUNTED = 100_000
#: Combinations of swept parameters, each of which is checked before anything runs: those that kernels read
#: lane by lane, and those that need a call, or an interpolation, of their own.
MOST_LANES, MOST_CALLS = 5_000_000, 50_000
#: Names of dimensions that stores are joined along.
_JOINED = ("neuron", "network", "protocol")


def design(
    cfg: config.Configuration,
    values: Mapping[str, Any],
    options: Options,
    protocol: Experiment,
    network: Any,
    stored: Mapping[str, str],
    labels: Mapping[str, NDArray[Any]],
) -> tuple[Grid, Parameters | None]:
    """Return the grid of a configuration and, where parameters are swept, these; raise InputError.

    `values` are the plain values of `cfg`, from which protocol and network have been built. `stored` are the
    names of axes that an earlier run has made, by what they sweep. They keep their names, and where the
    configuration does not sweep that any more it has one value. `labels` are the values of the axes of that
    run, by name: where those of the configuration are the same labels, they are written as there.
    """
    own = {axis.name: axis for axis in protocol.axes}
    specs = dict(protocol.defaults) | flat_axes(values["grid"], list(own)) | _counted(values, protocol)
    listed = read_table(options.points) if options.points is not None else {}
    specs = _replicated(options, own, specs, listed)
    aliases = protocol.aliases(network)
    specs, listed = _spelled(specs, aliases), _spelled(listed, aliases)
    stored = {key: name for name, key in aliases.items() if key in (*specs, *listed)} | dict(stored)

    def of_own_axes() -> tuple[Grid, None]:
        grid = _as_stored(_grid(options, own, specs, listed, {}), labels)
        protocol.check_grid(network, grid.coordinates)
        return grid, None

    if not stored and own.keys() >= {*specs, *listed}:
        return of_own_axes()
    known = parameters(values)
    places = _read(values, protocol, known)
    filled = [key for key in stored if key in places and key not in (*specs, *listed)]
    filled = [key for key in filled if known[key].base is not None]  # null is no label
    specs |= {key: [known[key].base] for key in filled}
    for key in (*specs, *listed):
        if key not in own and "." not in key:
            end = nearest_key(key, (*own, *places)) if own or places else "allowed: none"
            known_axes = ", ".join(own) or "it has none"
            raise InputError(f"grid.{key} is not an axis of this protocol ({known_axes}); {end}")
    keys = [key for key in (*specs, *listed) if key not in own]
    if not keys:
        return of_own_axes()
    texts = config.interpolations(cfg)
    entering = [k for k in keys if k in known and any(k in config.swept_in(t, texts, keys) for t in texts)]
    reads = [*places, *entering]
    results = {n for v in protocol.variables for n in (v.name, v.ragged, v.counts)}
    taken = (*own, *results, *protocol.coordinates(network), *_JOINED)
    axes = swept_axes(keys, known, (*taken, "status", POINT.name), reads, stored)
    lanes = lane_keys({"protocol": protocol, "network": network}, places)
    slow_first = dict(sorted(axes.items(), key=lambda item: item[0] in lanes))
    grid = _as_stored(_grid(options, slow_first | own, specs, listed, known), labels)
    derived = dict(_derived(cfg, texts, grid, known))
    used = {key: places.get(key, ()) for key in (*axes, *derived)}
    swept = Parameters(protocol, network, grid.swept, derived, used, lanes)
    _refuse_unread(grid, swept, reads, filled)
    _combinations(grid, [a.name for a in grid.swept if a.key in places and a.key not in lanes], MOST_CALLS)
    rows = _combinations(grid, [axis.name for axis in grid.swept])
    return grid, swept.checked(rows, grid.coordinates, grid.whole)


def _replicated(
    options: Options, own: Mapping[str, Axis], specs: Mapping[str, Any], listed: Mapping[str, list[Any]]
) -> dict[str, Any]:
    """Return axes with the seeds that repetitions ask for; raise InputError where there is no such axis."""
    if options.replicate is None:
        return dict(specs)
    linked = {key for members in options.zip.values() for key in members}
    if "seed" not in own or "seed" in linked | {*listed} or is_range(specs.get("seed")):
        raise InputError("replicate is given, but seed is no axis of its own here; allowed: grid.seed=[...]")
    given = axis_values(own["seed"], specs["seed"])
    seeds = options.replicate.seeds(given, options.round.seeds if options.round else None)
    return {**specs, "seed": seeds}


def _as_stored(grid: Grid, labels: Mapping[str, NDArray[Any]]) -> Grid:
    """Return a grid with the labels that a store has for its values."""

    def written(name: str, values: NDArray[Any]) -> NDArray[Any]:
        return as_stored(values, labels[name]) if name in labels and values.dtype.kind == "f" else values

    values = tuple(written(name, v) for name, v in zip(grid.names, grid.values, strict=True))
    columns = tuple((axis, written(axis.name, v)) for axis, v in grid.columns)
    refuse_other_size(grid, labels)
    return Grid(grid.axes, values, columns, grid.sample)


def _spelled(specs: Mapping[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    """Return axes by their keys; raise InputError for one that is given under both of its names."""
    for name, key in aliases.items():
        if name in specs and key in specs:
            raise InputError(f"grid.{name} and grid.{key} are the same axis; allowed: one of them")
    return {aliases.get(key, key): spec for key, spec in specs.items()}


def _counted(values: Mapping[str, Any], protocol: Experiment) -> dict[str, Any]:
    """Return the values of axes that a parameter of the protocol counts."""
    found = {axis.name: axis.counted_by for axis in protocol.axes if axis.counted_by}
    for name in set(found) & set(values["grid"]):
        raise InputError(f"grid.{name} is refused: protocol.{found[name]} sets it")
    for field in found.values():
        if (n := getattr(protocol, field)) > MOST_COUNTED:
            raise InputError(f"protocol.{field} = {n} is refused; allowed: at most {MOST_COUNTED:,}")
    return {name: list(range(getattr(protocol, field))) for name, field in found.items()}


def _grid(
    options: Options,
    axes: Mapping[str, Axis],
    specs: Mapping[str, Any],
    listed: Mapping[str, list[Any]],
    known: Mapping[str, Parameter],
) -> Grid:
    """Return the grid of axes by key, given by `specs` or as columns of a list of points."""

    def converted(key: str, spec: Any, *, ordered: bool) -> NDArray[Any]:
        if key in known:
            return swept_values(axes[key], known[key], spec, ordered=ordered)
        return axis_values(axes[key], spec, ordered=ordered)

    _refuse_many(options, axes, specs, listed)
    listed_table = {key: converted(key, column, ordered=False) for key, column in listed.items()}
    tables = [listed_table] if listed else []
    for name, members in _links(options.zip, axes, specs).items():
        table = {key: converted(key, specs[key], ordered=False) for key in members}
        lengths = {key: len(column) for key, column in table.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"zip.{name}: {lengths} values; allowed: equally many of each")
        tables.append(table)
    ranges = {key: (axes[key], spec) for key, spec in specs.items() if is_range(spec)}
    for key, (axis, spec) in ranges.items():
        if spec.get("dist") == "choices":
            ranges[key] = axis, {**spec, "values": converted(key, spec.get("values"), ordered=False)}
        elif axis.words:
            raise InputError(f"grid.{key} is a range, but its values are words; allowed: a list of words")
    record: dict[str, Any] = {}
    if ranges:
        table, record = drawn(options, ranges)
        tables.append(table)
    elif options.chosen:
        raise InputError(
            f"{options.chosen.key} is given, but no axis is a range; allowed: grid.KEY={{low:..., high:...}}"
        )
    elif options.sample.num is not None:
        raise InputError("sample.num is given, but no axis is a range; allowed: grid.KEY={low:..., high:...}")
    _check_tables(tables, known)
    in_tables = {key for table in tables for key in table}
    if twice := [key for key in specs if key in listed and key in known]:
        raise InputError(
            f"grid.{twice[0]} is also a column of points = {options.points!r}; allowed: one of both"
        )
    free = {}
    for key in axes:
        if key not in in_tables:
            if specs.get(key) is None:
                raise InputError(f"grid.{key} has no values; allowed: a list or {{start, stop, num}}")
            free[key] = converted(key, specs[key], ordered=True)
    return replace(arrange(axes, free, tables, options.exclude), sample=record)


def _refuse_many(
    options: Options, axes: Mapping[str, Axis], specs: Mapping[str, Any], listed: Mapping[str, list[Any]]
) -> None:
    """Refuse a grid of too many points before its values are made; raise InputError."""
    lengths = {key: n_values(specs[key]) for key in axes if key in specs and not is_range(specs[key])}
    if max(lengths.values(), default=0) > MOST_VALUES:  # the axis itself is refused
        return
    for key in listed:
        lengths.pop(key, None)
    for members in options.zip.values():  # as many as one of them
        for key in members[1:]:
            lengths.pop(key, None)
    if listed:
        lengths["points"] = len(next(iter(listed.values())))
    if options.sample.num is not None:
        per = DESIGNS[options.sample.method].rows(sum(map(is_range, specs.values())))
        lengths["sample"] = options.sample.num * per
    refuse_many(lengths)


def _links(
    links: Mapping[str, Sequence[str]], axes: Mapping[str, Axis], specs: Mapping[str, Any]
) -> dict[str, Sequence[str]]:
    """Return the axes that move together, by the names of the links."""
    seen: list[str] = []
    for name, members in links.items():
        if len(members) < 2:
            raise InputError(f"zip.{name} = {[*members]} is refused; allowed: a list of two axes at least")
        for key in members:
            if key not in axes or specs.get(key) is None:
                raise InputError(
                    f"zip.{name} holds {key!r}, which has no values; {nearest_key(str(key), axes)}"
                )
            if key in seen:
                raise InputError(f"zip.{name} holds {key!r} again; allowed: each axis in one link")
            if is_range(specs[key]):
                raise InputError(f"zip.{name} holds {key!r}, a range to sample; allowed: values")
            seen.append(key)
    return dict(links)


def _check_tables(tables: list[Table], known: Mapping[str, Parameter]) -> None:
    seen: set[str] = set()
    for table in tables:
        if both := seen & set(table):
            raise InputError(f"{sorted(both)} stand in points, zip or a sample at once; allowed: in one")
        seen |= set(table)
        for key in set(table) & set(known):
            for value in np.unique(table[key]):
                known[key].check(value.item())


def _read(
    values: Mapping[str, Any], protocol: Experiment, known: Mapping[str, Parameter]
) -> dict[str, tuple[Place, ...]]:
    """Return the places of each parameter that the protocol reads, in itself, the network and its cells."""
    cells = cell_names(values["network"])
    places = {key: places_of(key, cells) for key in known if is_read(protocol, key)}
    return {key: found for key, found in places.items() if found}


def _derived(
    cfg: config.Configuration, texts: Mapping[str, str], grid: Grid, known: Mapping[str, Parameter]
) -> Iterator[tuple[str, Derived]]:
    """Yield the parameters that are interpolated from swept ones."""
    axes = {axis.key: axis for axis in grid.swept}
    for place, text in texts.items():
        sources = config.swept_in(place, texts, list(axes))
        if not sources or place in axes:
            continue
        names = tuple(axes[key].name for key in sources)
        rows = list(zip(*(v.tolist() for v in _combinations(grid, names, MOST_CALLS).values()), strict=True))
        leaves = [k for k in known if (k == place or k.startswith(f"{place}.")) and k not in axes]
        leaves = [k for k in leaves if known[k].base is not None or k == place]  # null stays null
        found = list(config.resolved(cfg, sources, rows, leaves or [place]))
        if not leaves and any(values != found[0] for values in found):
            raise InputError(f"{place} = {text!r} changes with {', '.join(sources)}, which are swept")
        for i, key in enumerate(leaves):
            table = {row: known[key].check(values[i]) for row, values in zip(rows, found, strict=True)}
            yield key, Derived(text, names, table)


def _combinations(grid: Grid, names: Sequence[str], most: int = MOST_LANES) -> dict[str, NDArray[Any]]:
    """Return the distinct combinations of some axes, flat; raise InputError for more than `most`."""
    coordinates = grid.coordinates
    columns = [axis.name for axis, _ in grid.columns if axis.name in names]
    rows = sorted(set(zip(*(coordinates[name].tolist() for name in columns), strict=True)))
    free = [name for name in names if name not in columns]
    lengths = {name: len(coordinates[name]) for name in free} | (
        {", ".join(columns): len(rows)} if rows else {}
    )
    refuse_many(lengths, most, "combinations of swept parameters")
    n = prod(len(coordinates[name]) for name in free)
    found = {
        name: np.repeat(np.array(values), n)
        for name, values in zip(columns, zip(*rows, strict=True), strict=True)
    }
    mesh = np.meshgrid(*(coordinates[name] for name in free), indexing="ij")
    found |= {
        name: np.tile(values.ravel(), max(len(rows), 1)) for name, values in zip(free, mesh, strict=True)
    }
    return {name: found[name] for name in names}


def _refuse_unread(grid: Grid, swept: Parameters, reads: list[str], filled: list[str]) -> None:
    """Refuse axes that no result depends on; raise InputError. Those in `filled` nobody asked for."""
    values = grid.coordinates

    def why(key: str) -> str:
        return str(swept.protocol.unread(key, values))

    for axis in grid.swept:
        read = (derived for key, derived in swept.derived.items() if swept.places[key] and not why(key))
        tables = [derived for derived in read if axis.name in derived.names]
        if any(len(set(d.table.values())) > 1 for d in tables):
            continue
        if not swept.places[axis.key]:
            others = [key for key in reads if key != axis.key]
            raise InputError(f"nothing reads {axis.key}: {nearest_key(axis.key, others)}")
        if axis.key not in filled and (reason := why(axis.key)):
            given = shown(np.unique(values[axis.name]).tolist())
            raise InputError(f"grid.{axis.key} = {given} is refused: {reason}")


def with_texts(identity: dict[str, Any], swept: Parameters | None) -> dict[str, Any]:
    """Return the identity of a sweep with the interpolations that depend on swept values."""
    texts = {key: derived.text for key, derived in swept.derived.items()} if swept else {}
    return identity | ({"interpolated": texts} if texts else {})
