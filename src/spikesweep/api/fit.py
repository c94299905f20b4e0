"""From a neuron's YAML to its transfer function in one command.

    python -m spikesweep fit neuron=adexp network=fs_rs network.populations=[RS]
    python -m spikesweep fit outputs/transfer_function/adexp-fs_rs.zarr

The words are those of `run.py`; the protocol is the adaptive scan where none is named. A store that is there
is fitted as it is. Beside the sweep's store stand the fit (`.fit.zarr`, xarray.open_zarr) and its figure; the
coefficients are printed.
"""

import shutil
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import xarray as xr

from spikesweep.analysis.fitted import cell_of
from spikesweep.analysis.semi_analytical import Cell
from spikesweep.analysis.transfer_function import compare_moments, fit
from spikesweep.api import sweeps as api
from spikesweep.api.main import plan_of
from spikesweep.config.ranges import refuse_twice
from spikesweep.errors import InputError
from spikesweep.store import durable
from spikesweep.store.paths import FIT
from spikesweep.store.remote import place
from spikesweep.sweep.job import make_job


def fit_cells(*words: str) -> xr.Dataset:
    """Run what is missing of a scan, fit the transfer function of its cells, save and return the fit.

    Raises InputError where the configuration is refused or its rates cannot be fitted.
    """
    cfg = api.load(*_words(words))
    job = make_job(cfg)[0]
    for name, cell in job.network.cells.items():  # refuse what has no moments before it is simulated
        Cell.of(cell, job.network)
        cell_of(job.identity, name)
    return _fitted(api.run(cfg), job.path)


def fit_store(path: Path) -> xr.Dataset:
    """Fit the transfer function of the cells of a store, save and return the fit.

    Raises InputError where there is none, or its rates cannot be fitted.
    """
    ds = api.open(path)
    if not path.joinpath("zarr.json").is_file() or not isinstance(ds, xr.Dataset):
        raise InputError(
            f"{path} is a folder; allowed: the path of one store (.zarr), or words as `run` takes"
        )
    return _fitted(ds, path)


def _fitted(ds: xr.Dataset, store: Path) -> xr.Dataset:
    """Fit, and save the fit beside the store."""
    fitted = fit(ds)
    path = store.with_suffix(FIT)
    _save(fitted, path)
    return fitted.assign_attrs(path=str(path))


def _words(words: Sequence[str]) -> tuple[str, ...]:
    named = any(word.startswith("protocol=") for word in words)
    return (*words,) if named else ("protocol=transfer_function_adaptive", *words)


def _save(fitted: xr.Dataset, path: Path) -> None:
    """Write a fit in the place of an earlier one, whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    for old in (temporary, path):  # a link alone goes, not what is behind it
        if old.is_symlink():
            old.unlink()
    shutil.rmtree(temporary, ignore_errors=True)
    fitted.to_zarr(temporary, zarr_format=3, consolidated=False)
    shutil.rmtree(path, ignore_errors=True)
    temporary.rename(path)


def _compared(both: xr.Dataset) -> str:
    """Return how well either kind of moments fits, as a table."""
    head = "at the points that both moments have, rmse (Hz):"
    rows = [(str(form), both["rmse"].sel(moments=form).values) for form in both["moments"].values]
    rows += [("noise (Hz)", both["noise"].values)]
    lines = [f"{name:>12}" + "".join(f"{value:14.3f}" for value in values) for name, values in rows]
    return "\n".join([head, *lines])


def command(parsed: Any) -> int:
    """Fit from the command line, and print the coefficients."""
    if {"-h", "--help"} & set(parsed.words):
        print(__doc__)
        return 0
    if len(parsed.words) == 1 and "=" not in parsed.words[0]:
        if not isinstance(store := place(parsed.words[0]), Path):
            raise InputError(
                f"{store} is refused: a fit is kept beside its store; allowed: a store on this machine"
            )
        fitted = fit_store(store)
    else:
        refuse_twice(parsed.words)
        words = _words(parsed.words)
        job, compute, options = make_job(api.load(*words))
        if options.plan:
            print(plan_of(job, compute, options))
            return 0
        store, fitted = job.path, fit_cells(*words)
    _tell(store, fitted)
    return 0


def _tell(store: Path, fitted: xr.Dataset) -> None:
    """Draw the figure of a fit beside it, and print the coefficients."""
    from spikesweep.analysis.plots import fit as figures  # late: a fit alone needs no matplotlib

    path = Path(fitted.attrs["path"])
    data = BytesIO()
    figures.figure(fitted).savefig(data, format="png", dpi=150)
    durable.write(path.with_suffix(".png"), data.getvalue())
    table = fitted["coefficient"].transpose("term", "population")
    print(f"{'mV':>12}" + "".join(f"{name!s:>14}" for name in table["population"].values))
    for term, row in zip(table["term"].values, table.values, strict=True):
        print(f"{term!s:>12}" + "".join(f"{value:14.6g}" for value in row))
    print(f"{'rmse (Hz)':>12}" + "".join(f"{value:14.3f}" for value in fitted["rmse"].values))
    if isinstance(ds := api.open(store), xr.Dataset) and "v_mean" in ds:
        print(_compared(compare_moments(ds)))
    print(f"{path}, {path.with_suffix('.png')}")
