"""The public names for sweeps: load, run, open, replay; and what `run.py` calls."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from spikesweep import trust
from spikesweep.api.progress import Terminal
from spikesweep.config import compose
from spikesweep.config.compose import Configuration
from spikesweep.config.options import Options
from spikesweep.contract import lacking
from spikesweep.errors import InputError
from spikesweep.grid.grid import POINT
from spikesweep.grid.schema import FAILED, FAILURES, MISSING
from spikesweep.protocols.base import Traced
from spikesweep.store import Store, folders
from spikesweep.store import accessor as accessor  # registers ds.sweep
from spikesweep.sweep import replay as recompute
from spikesweep.sweep import run as sweep
from spikesweep.sweep.compute.base import Executor
from spikesweep.sweep.job import Job, make_job
from spikesweep.sweep.plan import Plan, make_plan, refuse_long

load = compose.load


def run(cfg: Configuration) -> xr.Dataset:
    """Run what is missing of a configuration's sweep and return its dataset, read lazily.

    Raises InputError where the configuration or its store is refused.
    """
    return _run(*make_job(cfg)).dataset


def open(path: str | Path) -> xr.Dataset | xr.DataTree:  # the word of xarray and zarr
    """Return a sweep's dataset, or those of all sweeps in a folder, read lazily.

    Sweeps of one protocol over the same axes are joined along `neuron` and `network`, others come as a
    DataTree. Raises InputError where there is no store.
    """
    return folders.open_folder(Path(path))


def replay(
    path: str | Path,
    population: str | None = None,
    neuron: int = 0,
    models: Sequence[str | Path] = (),
    **axes: float,
) -> xr.Dataset:
    """Compute one point of a store again, from the store alone, with full traces over `time`.

    `axes` are the point's values (`fe=4, fi=10, seed=3`); the traces are those of neuron number `neuron`.
    `models` are folders of models outside this package, as in `load("models=FOLDER")`.
    Protocols without traces give the stored point, once it has come out equal. Raises InputError for a
    point that the store does not hold or has not computed, ArithmeticError where the stored value does
    not come out equal, and for a point that failed what it failed with.
    """
    trust.named_words(())
    trust.trust(models)
    store = Store.at(Path(path))
    if store is None:
        raise InputError(f"{path} does not exist; allowed: the path of a store (.zarr)")
    labels = {**axes, **({} if population is None else {"population": population})}
    return recompute.replay(store, labels, neuron)


def main(cfg: Configuration, choices: Mapping[str, Any]) -> Plan | None:
    """Run a sweep from the command line: results, figure, summary; exit with a code that says how it went.

    With plan=true only print what a run would do, and return that.
    """
    cfg = compose.with_choices(cfg, choices)
    try:
        job, compute, options = make_job(cfg)
        if options.plan:
            plan = make_plan(job, compute, overwrite=options.overwrite, retry=options.retry is not None)
            print(plan)
            return plan
        outcome = _run(job, compute, options)
    except InputError as error:
        print(f"refused: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"stopped: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nstopped; the same command continues where it was", file=sys.stderr)
        sys.exit(130)
    print(f"{outcome.computed} points computed, {_draw(outcome.dataset, job.path)}")
    if outcome.failed or outcome.missing:
        print(_failed_points(outcome, job), file=sys.stderr)
        sys.exit(3)
    return None


def check(cfg: Configuration, choices: Mapping[str, Any]) -> None:
    """Refuse what a run of this configuration would refuse, before anything is simulated."""
    make_job(compose.with_choices(cfg, choices))


def _run(job: Job, compute: Executor, options: Options) -> sweep.Outcome:
    how = {"overwrite": options.overwrite, "retry": options.retry is not None}
    if not options.confirm:
        refuse_long(job, compute, hours=options.ask_above, **how)
    return sweep.run(job, compute, Terminal(), **how)


def _failed_points(outcome: sweep.Outcome, job: Job, most: int = 10) -> str:
    """Return a line for each of the first points that are not ok, and the command that replays the first."""
    status = outcome.dataset["status"].load()
    meanings = status.attrs["flag_meanings"].split()
    stacked = status.stack(point_=status.dims)
    bad = stacked[np.isin(stacked, (MISSING, *FAILURES))]
    lines = [f"{bad.size} of {status.size} points are not ok:"]
    columns = [name for name in status.coords if name != POINT.name and status[name].dims == (POINT.name,)]
    failures = Store(job.path).failures()
    replayed = ""
    for point, code in zip(bad["point_"].values[:most], bad.values[:most], strict=True):
        values = dict(zip(map(str, status.dims), point, strict=True))
        values |= {str(name): status[name].sel(point=values[POINT.name]).item() for name in columns}
        reasons = [f["reason"] for f in failures if f["point"].items() <= values.items() and code == FAILED]
        words = [f"{name}={value}" for name, value in values.items()]
        lines.append(f"  {meanings[code]}: {' '.join(words)}" + (f"  {reasons[-1]}" if reasons else ""))
        replayed = replayed or ("" if code == MISSING else shlex.join([str(job.path), *words]))
    if bad.size > most:
        lines.append(f"  and {bad.size - most} more: python -m spikesweep show {shlex.quote(str(job.path))}")
    if replayed:
        names = [] if lacking(job.protocol, Traced) else list(job.network.populations)
        one = f" population={names[0]}" if len(names) > 1 else ""
        lines.append(f"one again, with its traceback: python -m spikesweep replay {replayed}{one}")
    return "\n".join(lines)


def _draw(ds: xr.Dataset, path: Path) -> str:
    """Draw the figure of a sweep; return its path, or why there is none: the results are there anyway."""
    from spikesweep.analysis import plots  # late: a sweep alone needs no matplotlib

    figure = path.with_suffix(".png")
    try:
        plots.save(ds, figure)
    except Exception as error:
        return f"no figure ({type(error).__name__}: {error})"
    return str(figure)
