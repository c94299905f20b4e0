"""The command `plot`: a figure of any store, of the variable and over the axes that are asked for."""

from io import BytesIO
from pathlib import Path
from typing import Any

import xarray as xr

from spikesweep import store as stores
from spikesweep.api import sweeps as api
from spikesweep.api.store_commands import labels_of
from spikesweep.errors import InputError
from spikesweep.store import durable

FORMATS = (".pdf", ".svg", ".png")
#: Options that say what is drawn; without any of them it is the figure of the protocol.
_WHAT = ("var", "x", "y", "hue", "panel", "band")


def command(parsed: Any) -> int:
    """Draw a store, or the sweeps of a folder, and print where the figure is."""
    ds = dataset(parsed.path)
    place = stores.place(parsed.path)
    out = Path(
        parsed.out or (f"{place.name}.pdf" if not isinstance(place, Path) else place.with_suffix(".plot.pdf"))
    )
    if out.suffix not in FORMATS:
        raise InputError(f"--out {out} is refused; allowed: a name that ends with {', '.join(FORMATS)}")
    asked = {name: value for name in _WHAT if (value := getattr(parsed, name)) is not None}
    at = labels_of(parsed.words)
    from spikesweep.analysis import plots  # late: a refusal needs no matplotlib

    if asked or at:
        figure = plots.general.draw(ds, at=at, **asked)
    else:
        figure = plots.figure(ds)
    data = BytesIO()
    figure.savefig(data, format=out.suffix[1:], dpi=150)
    durable.write(out, data.getvalue())
    print(out)
    return 0


def dataset(path: str) -> xr.Dataset:
    """Return the dataset of a store, or of the sweeps of a folder; raise InputError where they differ."""
    found = api.open(path)
    if isinstance(found, xr.DataTree):
        names = ", ".join(list(found.children)[:5])
        raise InputError(f"{path} holds sweeps over different axes ({names}, ...); allowed: one of them")
    return found
