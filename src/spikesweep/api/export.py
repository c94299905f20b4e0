"""The command `export`: a sweep, or a part of it, as files that other programs read.

The ending of the file decides: tables as CSV or Parquet, datasets as netCDF, spikes as NWB, a folder that
ends with `.crate` as RO-Crate.
"""

import json
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from spikesweep.api.plot import dataset
from spikesweep.api.store_commands import labels_of
from spikesweep.config.build import target_class
from spikesweep.errors import InputError
from spikesweep.grid.grid import POINT
from spikesweep.grid.schema import FAILURES
from spikesweep.store import tables

#: Writers of netCDF, in the order in which one is looked for: by the package, what xarray calls it.
_ENGINES = {"netCDF4": "netcdf4", "h5netcdf": "h5netcdf", "scipy": "scipy"}


def command(parsed: Any) -> int:
    """Write a store, or a part of it, and print the files."""
    out = Path(parsed.to)
    writers = {".csv": _csv, ".parquet": _parquet, ".nc": _netcdf, ".nwb": _nwb, ".crate": _crate}
    if out.suffix not in writers:
        raise InputError(f"--to {out} is refused; allowed: a name that ends with {', '.join(writers)}")
    if parsed.engine is not None and out.suffix != ".nc":
        raise InputError(f"--engine {parsed.engine} is refused with {out.name}; allowed: with .nc")
    labels = labels_of(parsed.words)
    if parsed.failed:
        if out.suffix != ".csv":
            raise InputError(f"--failed --to {out} is refused; allowed: a name that ends with .csv")
        written = [_failed(tables.selected(dataset(parsed.path), labels), out)]
    elif out.suffix == ".crate":
        if labels:
            raise InputError(
                f"{' '.join(parsed.words)} is refused: a crate holds a whole store; allowed: --to FILE"
            )
        written = [_crate(parsed.path, out)]
    else:
        ds = tables.selected(dataset(parsed.path), labels)
        out.parent.mkdir(parents=True, exist_ok=True)
        written = writers[out.suffix](ds, out, parsed.engine)  # type: ignore[operator]
    for path in written:
        print(path)
    return 0


def _whole(path: Path, write: Callable[[Path], None]) -> Path:
    """Write a file under another name, and put it in its place when it is whole."""
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _named(out: Path, table: str) -> Path:
    return out.with_name(f"{out.stem}.{table}{out.suffix}") if table else out


def _meaning(ds: xr.Dataset, name: str) -> dict[str, str]:
    """Return the unit and the meaning of a column."""
    attrs = ds[name].attrs if name in ds.variables else {}
    return {key: str(attrs[key]) for key in ("units", "long_name", "key") if key in attrs}


def _csv(ds: xr.Dataset, out: Path, _: None) -> list[Path]:
    """Write a CSV file for each table, and what their columns mean as the W3C's CSV on the web."""
    written, described = [], []
    for table, names in tables.tables(ds).items():
        columns: list[str] = []

        def write(path: Path, names: list[str] = names, columns: list[str] = columns) -> None:
            for i, frame in enumerate(tables.rows(ds, names)):
                frame.to_csv(path, mode="a" if i else "w", header=i == 0, index=False)
                columns[:] = map(str, frame.columns)

        written.append(_whole(_named(out, table), write))
        described.append({"url": written[-1].name, "tableSchema": {"columns": [*_columns(ds, columns)]}})
    about = {"@context": "http://www.w3.org/ns/csvw", "tables": described}
    text = json.dumps(about, indent=1) + "\n"
    return [*written, _whole(out.with_name(f"{out.name}-metadata.json"), lambda path: _text(path, text))]


def _failed(ds: xr.Dataset, out: Path) -> Path:
    """Write the points that failed or were not finite as `points=` takes them; raise InputError for none.

    Axes that a protocol computes as a whole are in no such list: they stand in `grid` as before.
    """
    if "axes" not in ds.attrs:
        raise InputError("--failed is refused for several sweeps; allowed: the path of one store")
    whole = _whole_axes(ds.sweep.configuration["protocol"])
    status = ds["status"].load()
    failed = status.isin(FAILURES)
    names = [*ds.attrs["axes"].split(), *str(ds.attrs.get("columns", "")).split()]
    kept = [name for name in names if name not in (*whole, POINT.name)]
    dims = [dim for dim in map(str, failed.dims) if dim not in whole]
    where = np.argwhere(failed.any([dim for dim in failed.dims if dim not in dims]).transpose(*dims).values)
    if not len(where):
        raise InputError("no point of this sweep failed; allowed: --to FILE without --failed")
    columns = {}
    for name in kept:
        values = np.atleast_1d(ds[name].values)
        along = where[:, dims.index(str(ds[name].dims[0]))] if ds[name].dims else 0 * where[:, 0]
        columns[str(ds[name].attrs.get("key", name))] = values[along].tolist()
    rows = [",".join(map(str, row)) for row in (columns, *zip(*columns.values(), strict=True))]
    return _whole(out, lambda path: _text(path, "\n".join(rows) + "\n"))


def _whole_axes(protocol: Mapping[str, Any]) -> list[str]:
    axes = getattr(target_class(str(protocol["_target_"]), "protocol._target_"), "axes", ())
    return [axis.name for axis in axes if axis.whole] if isinstance(axes, tuple) else []


def _text(path: Path, text: str) -> None:
    path.write_text(text)


def _columns(ds: xr.Dataset, columns: list[str]) -> list[dict[str, str]]:
    found = []
    for name in columns:
        told = _meaning(ds, name)
        one = {"name": name, "titles": name, "dc:description": told.get("long_name", name)}
        found.append(one | {f"spikesweep:{k}": v for k, v in told.items() if k != "long_name"})
    return found


def _parquet(ds: xr.Dataset, out: Path, _: None) -> list[Path]:
    """Write a Parquet file for each table; its fields have the units."""
    needed("pyarrow", "parquet")
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = []
    for table, names in tables.tables(ds).items():

        def write(path: Path, names: list[str] = names) -> None:
            writer = None
            for frame in tables.rows(ds, names):
                part = pa.Table.from_pandas(frame, preserve_index=False)
                fields = [f.with_metadata(_meaning(ds, f.name)) for f in part.schema]
                kept = {
                    k: str(v) for k, v in ds.attrs.items() if k in ("configuration", "git_commit", "created")
                }
                schema = pa.schema(fields, metadata=kept)
                writer = writer or pq.ParquetWriter(path, schema)
                writer.write_table(part.cast(writer.schema))
            if writer is not None:
                writer.close()

        written.append(_whole(_named(out, table), write))
    return written


def _netcdf(ds: xr.Dataset, out: Path, engine: str | None) -> list[Path]:
    """Write netCDF by the engine that is asked for, or by one that is there."""
    there = [name for package, name in _ENGINES.items() if find_spec(package) is not None]
    if engine is not None and engine not in there:
        raise InputError(f"--engine {engine} is refused; allowed here: {', '.join(there)}")
    chosen: Any = engine or there[0]
    return [_whole(out, lambda path: ds.to_netcdf(path, engine=chosen) and None)]


def _nwb(ds: xr.Dataset, out: Path, _: None) -> list[Path]:
    needed("pynwb", "nwb")
    from spikesweep.api.nwb import write

    return [_whole(out, lambda path: write(ds, path))]


def _crate(path: str, out: Path) -> Path:
    from spikesweep.api.crate import pack

    return pack(path, out)


def needed(package: str, extra: str) -> None:
    """Refuse a format whose package is not installed; raise InputError."""
    if find_spec(package) is None:
        raise InputError(f'this needs {package}; allowed: pip install "spikesweep[{extra}]", another format')
