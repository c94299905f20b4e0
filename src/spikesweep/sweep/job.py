"""The job of a run: one protocol on one network over one grid, built and checked, and where its store is."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikesweep.config import compose
from spikesweep.config.build import build
from spikesweep.config.options import OPTIONS, Options
from spikesweep.errors import InputError
from spikesweep.folder_packages import with_models
from spikesweep.grid.attributes import cell_names
from spikesweep.grid.grid import Grid
from spikesweep.protocols.base import Experiment
from spikesweep.sweep.compute.base import Executor
from spikesweep.sweep.design import design, with_texts
from spikesweep.sweep.experiment import PARTS, assemble
from spikesweep.sweep.provenance import versions
from spikesweep.sweep.swept import Parameters


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

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Let another process know the folders of models that their user named, before it reads the rest."""
        return with_models(self, protocol)

    @property
    def coordinates(self) -> Mapping[str, Any]:
        """Return the labels along the dimensions beyond the grid's, the longest of any point."""
        return (self.parameters and self.parameters.labels) or self.protocol.coordinates(self.network)


def make_job(cfg: compose.Configuration) -> tuple[Job, Executor, Options]:
    """Return the job of a configuration, its executor and its options, all of them checked.

    Composed text becomes plain values, these a built experiment, its axes, and the job: each once. Raises
    InputError.
    """
    values = compose.plain(cfg)
    executor: Executor = build(values["compute"], "compute", Executor)
    options = Options.of({name: values[name] for name in OPTIONS})
    protocol, network = assemble({name: values.get(name) for name in PARTS})
    protocol.check(network)
    path = options.store_path(values.get("choices") or {})
    stored = {} if options.overwrite else _stored_axes(path)
    try:
        grid, parameters = design(cfg, values, options, protocol, network, stored)
    except MemoryError as error:
        raise InputError(f"{path} needs more memory than there is: {error}; allowed: fewer values") from error
    drawn_from = {"root_seed": protocol.root_seed} if hasattr(protocol, "root_seed") else {}
    job = Job(
        protocol,
        network,
        grid,
        path,
        with_texts(identity(values), parameters),
        {**drawn_from, "versions": versions()},
        {axis.name: axis.base for axis in grid.swept},
        parameters,
    )
    return job, executor, options


def identity(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a configuration's plain values that decides the results."""
    cells = cell_names(values["network"]).values()
    return {
        "choices": values.get("choices") or {},
        "neuron": {name: values["neuron"][name] for name in cells},
        "network": values["network"],
        "protocol": values["protocol"],
    }


def _stored_axes(path: Path) -> dict[str, str]:
    """Return the names of the axes that a store at a path has already, by what they sweep."""
    if not path.exists():
        return {}
    from spikesweep.store import Store  # late: most of what is refused is so before it is looked at

    with suppress(InputError):  # what is wrong with it is told when it is used
        if store := Store.at(path):
            return {axis.key: name for name, axis in store.swept().items() if name in store.axes}
    return {}
