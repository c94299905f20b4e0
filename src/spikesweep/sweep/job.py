"""The job of a run: one protocol on one network over one grid, built and checked, and where its store is."""

from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.config import compose
from spikesweep.config.build import build
from spikesweep.config.options import OPTIONS, Options
from spikesweep.config.rounds import Round
from spikesweep.errors import InputError
from spikesweep.folder_packages import with_models
from spikesweep.grid.attributes import cell_names
from spikesweep.grid.grid import Block, Grid
from spikesweep.grid.schema import Variable
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.summary import Summary
from spikesweep.sweep.compute.base import Executor
from spikesweep.sweep.design import design, with_texts
from spikesweep.sweep.experiment import PARTS, assemble
from spikesweep.sweep.places import placed
from spikesweep.sweep.provenance import versions
from spikesweep.sweep.reduced import first_results
from spikesweep.sweep.swept import Parameters
from spikesweep.sweep.swept_keys import flat_axes
from spikesweep.sweep.without_effect import refuse_without_effect

if TYPE_CHECKING:
    from spikesweep.store import Store

#: Points at which a function of the user's is tried before a sweep, until one works.
_TRIED = 8


@dataclass(frozen=True)
class Job:
    """One protocol on one network over one grid, and where its store is."""

    protocol: Experiment
    network: Any
    grid: Grid
    path: Path
    identity: Mapping[str, Any]  #: the configuration that decides the results, as plain values
    attrs: Mapping[str, Any] = field(default_factory=dict)  #: more for the store: versions, commit
    defaults: Mapping[str, Any] = field(default_factory=dict)  #: of axes that an older store may lack
    parameters: Parameters | None = None  #: the swept parameters of the configuration
    summary: Summary | None = None  #: what is kept of the protocol's results, where that is not all
    beside: str = ""  #: for a new store beside the first one: how the sweep of that differs

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Let another process know the folders of models that their user named, before it reads the rest."""
        return with_models(self, protocol)

    @property
    def coordinates(self) -> Mapping[str, Any]:
        """Return the labels along the dimensions beyond the grid's, the longest of any point."""
        labels = (self.parameters and self.parameters.labels) or self.protocol.coordinates(self.network)
        return self.summary.coordinates(labels) if self.summary else labels

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is stored of each point."""
        return self.summary.variables if self.summary else self.protocol.variables


def make_job(cfg: compose.Configuration, later: Round | None = None) -> tuple[Job, Executor, Options]:
    """Return the job of a configuration, its executor and its options, all of them checked.

    Composed text becomes plain values, these a built experiment, its axes, and the job: each once. `later` is
    a round after the first: what it asks for beside that. Raises InputError.
    """
    values = compose.plain(cfg)
    executor: Executor = build(values["compute"], "compute", Executor)
    options = Options.of({name: values[name] for name in OPTIONS if name in values})
    if later:
        options = replace(options, round=later, overwrite=False)
    filled = _swept_from_null(values)
    protocol, network = assemble({name: filled.get(name) for name in PARTS})
    protocol.check(network)
    refuse_without_effect(cfg, values, protocol)
    base = options.store_path(values.get("choices") or {}, protocol.store_name)
    texts, tried = (cfg, values, options), dict[str, Summary]()
    return placed(base, options, partial(_job_at, *texts, protocol, network, tried)), executor, options


def _job_at(
    cfg: compose.Configuration,
    values: Mapping[str, Any],
    options: Options,
    protocol: Experiment,
    network: Any,
    tried: dict[str, Summary],
    path: Path,
    stored: "Store | None",
) -> Job:
    """Return the job of a configuration with its store at a path; raise InputError."""
    try:
        grid, parameters = design(cfg, values, options, protocol, network, *_axes_of(stored))
    except MemoryError as error:
        raise InputError(f"{path} needs more memory than there is: {error}; allowed: fewer values") from error
    if not protocol.has_network:
        protocol = _seen(protocol, values, grid, stored)
        protocol.check(network)
    summary = _summarised(options, protocol, network, grid, parameters, tried, stored)
    options.check_rounds(summary.variables if summary else protocol.variables)
    drawn_from = {"root_seed": protocol.root_seed} if hasattr(protocol, "root_seed") else {}
    return Job(
        protocol,
        network,
        grid,
        path,
        with_texts({**identity(values, protocol), **(summary.found() if summary else {})}, parameters),
        {**drawn_from, "versions": versions(), **({"sample": grid.sample} if grid.sample else {})},
        {axis.name: axis.base for axis in grid.swept if axis.base is not None},
        parameters,
        summary,
    )


def _summarised(
    options: Options,
    protocol: Experiment,
    network: Any,
    grid: Grid,
    parameters: Parameters | None,
    tried: dict[str, Summary],
    stored: "Store | None",
) -> Summary | None:
    """Return what is kept of results: as the store says, or calls with those of a first point, made once."""
    there = stored.attrs["configuration"].get("summary", {}) if stored else {}
    known = there if there.get("of") == [*options.summary] else {}
    summary = Summary.of(options.summary, options.gate, protocol.variables, known)
    if summary is None:
        return None
    if not summary.is_known:
        summary = tried.get("") or summary.seen(first_results(protocol, network, grid, parameters))
        tried[""] = summary
    labels = (parameters and parameters.labels) or protocol.coordinates(network)
    summary.check((*grid.names, *grid.coordinates, *summary.coordinates(labels)))
    return summary


def summary_of(stored: Mapping[str, Any], protocol: Experiment) -> Summary | None:
    """Return what a store keeps of the results of its protocol, by its configuration."""
    known, gates = stored.get("summary", {}), stored.get("gate", {})
    ends = {name: tuple(values) for name, values in gates.items()}
    return Summary.of(known.get("of", ()), ends, protocol.variables, known)


def _seen(protocol: Any, values: Mapping[str, Any], grid: Grid, stored: "Store | None") -> Any:
    """Return the protocol that knows what it returns: as its store says, or a call at the first point."""
    node = values["protocol"]
    there = stored.attrs["configuration"].get("protocol", {}) if stored else {}
    if there.get("_target_") == node["_target_"] and there.get("function") == node.get("function"):
        known = {name: value for name, value in there.items() if node.get(name) is None}
        protocol = build({**node, **known}, "protocol", Experiment)
    refused: InputError | None = None
    for index in islice(np.ndindex(*grid.shape), _TRIED):
        columns = grid.points(Block(index, tuple(i + 1 for i in index)))
        point = {name: column[0].item() for name, column in columns.items()}
        try:
            return protocol.seen(point)
        except InputError as error:  # it may fail at that point alone
            refused = refused or error
    assert refused is not None
    raise refused


def identity(values: Mapping[str, Any], protocol: Any = None) -> dict[str, Any]:
    """Return the part of a configuration's plain values that decides the results."""
    if protocol is not None and not protocol.has_network:
        names = {"protocol": (values.get("choices") or {}).get("protocol", "")}
        node = {**values["protocol"], **protocol.found()}
        return {"choices": names, "neuron": {}, "network": {}, "protocol": node}
    cells = cell_names(values["network"]).values()
    return {
        "choices": values.get("choices") or {},
        "neuron": {name: values["neuron"][name] for name in cells},
        "network": values["network"],
        "protocol": values["protocol"],
    }


def _swept_from_null(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain values in which what is null and swept has its first value: null may be refused there."""
    found = deepcopy({**values})
    for key, spec in flat_axes(values["grid"], ()).items():
        *path, last = key.split(".")
        node: Any = found
        for name in path:
            node = node.get(name) if isinstance(node, dict) else None
        if isinstance(node, dict) and last in node and node[last] is None and path and path[0] != "grid":
            first = spec[0] if isinstance(spec, list) and spec else spec
            node[last] = spec.get("start", spec.get("low")) if isinstance(spec, Mapping) else first
    return found


def _axes_of(store: "Store | None") -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Return the names of the axes that a store has, by what they sweep, and the values of all."""
    with suppress(InputError):
        if store:
            names = {axis.key: name for name, axis in store.swept().items() if name in store.axes}
            return names, {**store.axis_values(), **store.columns()}
    return {}, {}
