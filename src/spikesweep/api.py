"""The public names: load, run, open, replay, and those that simulate one thing; what `run.py` calls."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from omegaconf import DictConfig

from spikesweep import accessor as accessor  # registers ds.sweep
from spikesweep import config, folders, recompute, sweep
from spikesweep.assembly import assemble, cells_of, network_of
from spikesweep.build import build, checked
from spikesweep.design import design, with_texts
from spikesweep.errors import InputError
from spikesweep.given_network import simulate_given
from spikesweep.monitor import Terminal
from spikesweep.plan import Plan, make_plan, refuse_long
from spikesweep.protocols.base import FAILURES, MISSING, Experiment
from spikesweep.protocols.population_information import PopulationInformation
from spikesweep.protocols.rate_dynamics import RateDynamics
from spikesweep.protocols.spiking_network import SpikingNetworkActivity
from spikesweep.single_cell import simulate_cell
from spikesweep.single_network import simulate_network
from spikesweep.single_pool import simulate_pool
from spikesweep.store import Store
from spikesweep.tasks import Sweep
from spikesweep.units import Positive, ms, units_of

load = config.load
P = TypeVar("P", bound=Experiment)
_VERSIONS = ("numba", "llvmlite", "numpy", "xarray", "zarr", "dask", "hydra-core")


def run(cfg: DictConfig) -> xr.Dataset:
    """Run what is missing of a configuration's sweep and return its dataset, read lazily.

    Raises InputError where the configuration or its store is refused.
    """
    return _run(cfg)[1].dataset


def open(path: str | Path) -> xr.Dataset | xr.DataTree:  # the word of xarray and zarr
    """Return a sweep's dataset, or those of all sweeps in a folder, read lazily.

    Sweeps of one protocol over the same axes are joined along `neuron` and `network`, others come as a
    DataTree. Raises InputError where there is no store.
    """
    return folders.open_folder(Path(path))


def simulate(
    cfg: DictConfig,
    cell: str = "RS",
    current: ArrayLike | None = None,
    g_exc: ArrayLike | None = None,
    g_inh: ArrayLike | None = None,
    dt: ms = 0.05,
    duration: ms | None = None,
) -> xr.Dataset:
    """Simulate one cell of a configuration under given inputs.

    `current` (pA), `g_exc` and `g_inh` (nS) are arrays of one length or scalars, where sample i acts on
    step i; the reversal potentials are the network's. `duration` is needed where no input is an array.
    Returns `v` (mV) and the model's other state variables over `time` (ms), and `spike_times` (ms).
    Raises InputError for an unknown cell, inputs of different lengths or a wrong time step.

    >>> import spikesweep as ss
    >>> ds = ss.simulate(ss.load("neuron=lif"), cell="LIF", current=200.0, duration=100.0)
    >>> dict(ds.sizes)
    {'time': 2000, 'spike': 6}
    """
    values = config.plain(cfg)
    neuron = cells_of(values, [cell], "cell")[cell]
    if not hasattr(neuron, "step"):
        raise InputError(f"{cell} is a {type(neuron).__name__}, which has no spikes; allowed: rate_network")
    if units_of(type(neuron.initial()))["v"] != "mV":
        raise InputError(f"{cell} is a {type(neuron).__name__}, which has no unit; allowed: responses")
    for kind in ("exc", "inh"):
        if kind not in values["network"]:
            raise InputError(f"network.{kind} is missing: simulate needs the reversal potential of synapses")
    synapses = {kind: build(values["network"][kind], f"network.{kind}") for kind in ("exc", "inh")}
    given = {"current": current, "g_exc": g_exc, "g_inh": g_inh}
    inputs = {name: x for name, x in given.items() if x is not None}
    reversal = {f"g_{kind}": getattr(synapse, "E_rev", None) for kind, synapse in synapses.items()}
    for name in inputs:
        if reversal.get(name, 0.0) is None:
            raise InputError(
                f"{name} is refused: the network's synapses are no conductances; allowed: current"
            )
    refractory = values["protocol"].get("refractory", "published")
    return simulate_cell(neuron, inputs, reversal, dt, duration, refractory)


def rate_network(
    cfg: DictConfig,
    weights: Any = None,
    inputs: Any = None,
    *,
    seed: int = 0,
    pattern: int = 0,
    synapses: bool = False,
) -> xr.Dataset:
    """Simulate one rate network of a configuration, with given or drawn weights and input rates.

    `weights` are arrays (post, pre): one where the network has one projection, else `{post: {pre: W}}`;
    what is not given is drawn as a sweep draws it at `seed`. `inputs` are rates (Hz): one array where there
    is one population of inputs, else `{name: x}`; what is not given is that of `pattern`. Returns `v` (mV),
    `rate` (Hz), `current` (nA) over `cell` and `time` (ms), `projection_current`, the weights and input
    rates, and with `synapses` the current of every synapse. Raises InputError for shapes that do not fit.

    >>> import spikesweep as ss
    >>> cfg = ss.load("neuron=rate_unit", "network=feedforward_rate", "protocol=rate_dynamics")
    >>> dict(ss.rate_network(cfg, inputs=[30.0] * 10).v.sizes)
    {'cell': 10, 'time': 300}
    """
    protocol, network = _parts(config.plain(cfg), RateDynamics, "rate_dynamics")
    return simulate_network(network, protocol, weights, inputs, seed, pattern, synapses=synapses)


def responses(cfg: DictConfig, band: str | None = None, seed: int = 0) -> xr.Dataset:
    """Simulate the pool of one band and seed of a population_information sweep: stimulus and all spikes.

    `band` is the first of the configuration's where it is not given. Returns `stimulus` over `time` (ms), and
    `spike_times` (ms) with the `spike_cell` of each, as a sweep has them. Raises InputError.

    >>> import spikesweep as ss
    >>> words = ("neuron=lif_dimensionless", "network=afferents", "protocol=population_information")
    >>> ds = ss.responses(ss.load(*words, "protocol.num_responses=10", "protocol.coherence_sizes=[1]"))
    >>> ds.sizes["time"], ds.attrs["cells"]
    (200000, 10)
    """
    values = config.plain(cfg)
    protocol, network = _parts(values, PopulationInformation, "population_information")
    return simulate_pool(network, protocol, str(band or values["grid"]["band"][0]), seed)


def spiking_network(
    cfg: DictConfig,
    weights: Any = None,
    delays: Any = 0.0,
    i_ext: ArrayLike | None = None,
    *,
    seed: int = 0,
) -> xr.Dataset:
    """Simulate one network of spiking neurons, with given or drawn connections.

    `weights` are a matrix of all neurons, rows from, columns to, dense or of scipy.sparse, in multiples of
    the weight of the source's synapse, and `delays` (ms) a number or a matrix; without them the connections
    are those that a sweep draws at `seed`. `i_ext` (pA) is a number for each neuron. Returns `spike_times`
    (ms) and `spike_neuron` in the order of time, `rate` (Hz) and the recorded signals. Raises InputError for
    what does not fit.

    >>> import numpy as np
    >>> import spikesweep as ss
    >>> cfg = ss.load("neuron=izhikevich", "network=fiers_prototype", "protocol=spiking_network")
    >>> dict(ss.spiking_network(cfg, weights=np.zeros((4, 4)), i_ext=[100.0, 0.0, 0.0, 0.0]).v.sizes)
    {'recorded': 2, 'time': 100000}
    """
    protocol, network = _parts(config.plain(cfg), SpikingNetworkActivity, "spiking_network")
    return simulate_given(network, protocol, weights, delays, i_ext, seed)


def replay(path: str | Path, population: str | None = None, neuron: int = 0, **axes: float) -> xr.Dataset:
    """Compute one point of a store again, from the store alone, with full traces over `time`.

    `axes` are the point's values (`fe=4, fi=10, seed=3`); the traces are those of neuron number `neuron`.
    Raises InputError for a point that the store does not hold, and ArithmeticError where the stored
    value does not come out equal.
    """
    store = Store.at(Path(path))
    if store is None:
        raise InputError(f"{path} does not exist; allowed: the path of a store (.zarr)")
    labels = {**axes, **({} if population is None else {"population": population})}
    return recompute.replay(store, labels, neuron)


def make_sweep(cfg: DictConfig) -> tuple[Sweep, Any, dict[str, Any]]:
    """Return the checked sweep of a configuration, its executor, and its plain values."""
    values = config.plain(cfg)
    choices = values.get("choices") or {}
    compute = build(values["compute"], "compute")
    protocol, network = assemble(values)
    protocol.check(network)
    grid, parameters = design(cfg, values, protocol, network, assemble)
    if hasattr(protocol, "check_grid"):
        protocol.check_grid(network, dict(zip(grid.names, grid.values, strict=True)))
    cells = network_of(values)[1]
    name = _folder_name(values["name"] or choices.get("protocol", "sweep"))
    path = Path(str(values["outputs"])) / name / f"{choices.get('neuron')}-{choices.get('network')}.zarr"
    identity = {
        "choices": choices,
        "neuron": cells,
        "network": values["network"],
        "protocol": values["protocol"],
    }
    identity = with_texts(identity, parameters)
    attrs = {"root_seed": getattr(protocol, "root_seed", None), **_provenance()}
    job = Sweep(
        protocol,
        network,
        grid,
        path,
        identity,
        attrs,
        components=tuple(type(part) for part in network.components),
        defaults={axis.name: axis.base for axis in grid.swept},
        parameters=parameters,
    )
    return job, compute, values


def main(cfg: DictConfig, choices: Mapping[str, Any]) -> Plan | None:
    """Run a sweep from the command line: results, figure, summary; exit with a code that says how it went.

    With plan=true only print what a run would do, and return that.
    """
    cfg = config.with_choices(cfg, choices)
    try:
        if config.plain(cfg)["plan"]:
            plan = _plan(cfg)
            print(plan)
            return plan
        job, outcome = _run(cfg)
    except InputError as error:
        print(f"refused: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"stopped: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nstopped; the same command continues where it was", file=sys.stderr)
        sys.exit(130)
    figure = _draw(outcome.dataset, job.path)
    print(f"{outcome.computed} points computed, {figure}")
    if outcome.failed or outcome.missing:
        print(_failed_points(outcome), file=sys.stderr)
        sys.exit(3)
    return None


def check(cfg: DictConfig, choices: Mapping[str, Any]) -> None:
    """Refuse what a run of this configuration would refuse, before anything is simulated."""
    make_sweep(config.with_choices(cfg, choices))


def _run(cfg: DictConfig) -> tuple[Sweep, sweep.Outcome]:
    job, compute, values = make_sweep(cfg)
    overwrite = bool(values["overwrite"])
    if values["retry"] not in (None, "failed"):
        raise InputError(f"retry = {values['retry']!r} is refused; allowed: failed, null")
    if not values["confirm"]:
        hours = checked(values["ask_above"], Positive[float], "ask_above")
        refuse_long(job, compute, overwrite=overwrite, hours=hours)
    again = values["retry"] == "failed"
    return job, sweep.run(job, compute, Terminal(), overwrite=overwrite, retry=again)


def _plan(cfg: DictConfig) -> Plan:
    job, compute, values = make_sweep(cfg)
    return make_plan(job, compute, overwrite=bool(values["overwrite"]))


def _failed_points(outcome: sweep.Outcome, most: int = 10) -> str:
    """Return a line for each of the first points that are not ok: its status and its axes' values."""
    status = outcome.dataset["status"].load()
    meanings = status.attrs["flag_meanings"].split()
    stacked = status.stack(point_=status.dims)
    bad = stacked[np.isin(stacked, (MISSING, *FAILURES))]
    lines = [f"{bad.size} of {status.size} points are not ok:"]
    for point, code in zip(bad["point_"].values[:most], bad.values[:most], strict=True):
        values = " ".join(f"{dim}={value}" for dim, value in zip(status.dims, point, strict=True))
        lines.append(f"  {meanings[code]}: {values}")
    if bad.size > most:
        lines.append(f"  and {bad.size - most} more")
    return "\n".join(lines)


def _draw(ds: xr.Dataset, path: Path) -> Path:
    from spikesweep import plots  # late: a sweep alone needs no matplotlib

    figure = path.with_suffix(".png")
    plots.save(ds, figure)
    return figure


def _parts(values: Mapping[str, Any], kind: type[P], name: str) -> tuple[P, Any]:
    """Return the checked protocol, which must be of a `kind`, and the network of plain values."""
    protocol, network = assemble(values)
    if not isinstance(protocol, kind):
        raise InputError(f"protocol is a {type(protocol).__name__}; allowed: protocol={name}")
    protocol.check(network)
    return protocol, network


def _folder_name(name: Any) -> str:
    if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts:
        raise InputError(f"name = {name!r} is refused; allowed: a folder name below outputs")
    return name


def _provenance() -> dict[str, Any]:
    versions = {"python": sys.version.split()[0]}
    for package in ("spikesweep", *_VERSIONS):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # run from a source tree that is not installed
            versions[package] = "unknown"
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return {"versions": versions, "created": created, **_git()}


def _git() -> dict[str, Any]:
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return {
            "git_commit": git("rev-parse", "HEAD"),
            "git_dirty": bool(git("status", "--porcelain", str(here))),
        }
    except (OSError, subprocess.CalledProcessError):
        return {"git_commit": "unknown", "git_dirty": True}
