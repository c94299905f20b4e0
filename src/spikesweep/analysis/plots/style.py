"""One look for all figures: colours that all people tell apart, axes with units, what is not shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

#: Okabe and Ito's, the dark ones first.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
#: Of numbers: those that white paper shows.
SHADES = ListedColormap(mpl.colormaps["viridis"](np.linspace(0.0, 0.9, 256)), "shades")
#: Told apart without colours, too.
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
#: Of cells of a map that have no value.
EMPTY = "0.9"
#: Ratio of the ends of an axis of even ratios beyond which it is logarithmic.
_WIDE = 20.0
#: Characters of a label in a line.
_LABEL = 42

#: Kinds of arrays that hold words.
WORDS = "USTO"

_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "figure.titlesize": 9,
    "figure.labelsize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.title_fontsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=COLORS),
    "image.cmap": "viridis",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


@contextmanager
def styled() -> Iterator[None]:
    """Let figures that are made inside have the look of all."""
    with mpl.rc_context(_STYLE):
        yield


def color_of(k: int) -> str:
    """Return the k-th colour."""
    return COLORS[k % len(COLORS)]


def short_name(ds: Any, name: str) -> str:
    """Return the name of an axis; of a swept value its key without the group: `exc.weight`, `RS.b`."""
    key = str(ds[name].attrs.get("key", "")) if name in ds.coords else ""
    return plain(key.partition(".")[2].removeprefix("parameters.") or name)


def plain(text: Any) -> str:
    """Return a text of a store in which matplotlib finds no formula."""
    return str(text).replace("$", r"\$")


def _unit(values: xr.DataArray) -> str:
    unit = str(values.attrs.get("units", "1"))
    return "" if unit in ("1", "") else plain(f" ({unit})")


def axis_label(ds: Any, name: str) -> str:
    """Return the short name of an axis with its unit."""
    return f"{short_name(ds, name)}{_unit(ds[name]) if name in ds.coords else ''}"


def long_label(ds: Any, name: str) -> str:
    """Return what an axis is, its name and its unit, in lines that fit beside it."""
    short = axis_label(ds, name)
    if name not in ds.coords:
        return short
    text = plain(ds[name].attrs.get("long_name", ""))
    told = text not in ("", name, str(ds[name].attrs.get("key", "")))
    return fill(f"{text}, {short}" if told else short, _LABEL)


def variable_label(values: xr.DataArray) -> str:
    """Return what a variable is, with its unit."""
    return fill(f"{plain(values.attrs.get('long_name', values.name))}{_unit(values)}", _LABEL)


def place(ds: Any, name: str, value: Any) -> str:
    """Return that an axis has a value: `fi = 8 Hz`."""
    text = f"{value:g}" if isinstance(value, (int, float)) else plain(value)
    unit = _unit(ds[name]).strip(" ()") if name in ds.coords else ""
    return f"{short_name(ds, name)} = {text}{f' {unit}' if unit else ''}"


def last_of(ds: xr.Dataset, *names: str) -> str:
    """Return that the last of several values of some axes is shown; nothing of axes that have one."""
    several = [name for name in names if name in ds.dims and ds.sizes[name] > 1]
    return ", ".join(f"{place(ds, n, ds[n].values.tolist()[-1])} (last of {ds.sizes[n]})" for n in several)


def mean_of(ds: xr.Dataset, name: str = "seed", band: str = "") -> str:
    """Return that there is a mean over an axis, and what its shades or bars are; nothing of one value."""
    n = ds.sizes.get(name, 1)
    return "" if n < 2 else f"mean over {n} {name}s" + (f", {band}: SD, n = {n}" if band else "")


def norm_of(values: NDArray[np.float64]) -> Normalize:
    """Return a scale that also one value, or none, has a place on."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    return Normalize(low, high)


def is_log(values: NDArray[Any]) -> bool:
    """Return whether values go up by an even ratio, over a wide range."""
    if (
        len(values) < 3
        or values.dtype.kind not in "iuf"
        or values.min() <= 0
        or not np.isfinite(values).all()
    ):
        return False
    ratios = np.sort(values)[1:] / np.sort(values)[:-1]
    return bool(values.max() / values.min() >= _WIDE and np.ptp(ratios) <= 0.5 * ratios.mean())


def say(fig: Figure, *texts: str) -> None:
    """Write below a figure what it does not show and what its shades are."""
    told = "; ".join(text for text in texts if text)
    if told:
        width = max(int(fig.get_size_inches()[0] * 17), 40)
        fig.supxlabel(fill(told, width), fontsize=8, color="0.3")


def bridged(ax: Axes, x: Any, y: Any, color: Any, width: float = 1.0) -> bool:
    """Draw a dotted line across what has no value between two that have; return whether there is any."""
    y = np.asarray(y, np.float64)
    there = np.flatnonzero(np.isfinite(y))
    gaps = there[:-1][np.diff(there) > 1], there[1:][np.diff(there) > 1]
    for first, last in zip(*gaps, strict=True):
        ax.plot(np.asarray(x)[[first, last]], y[[first, last]], ":", color=color, linewidth=width)
    return bool(gaps[0].size)


#: What is said of such lines.
BRIDGED = "dotted: across values that have no result, or were not asked for"
