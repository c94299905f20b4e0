"""What spike trains tell about a stimulus: coherence, information, transfer function, linear prediction.

    rate(t)      mean over cells of spikes per bin, shifted by their delays, behind a Gaussian
    gamma^2(f) = |S_sr|^2 / (S_ss S_rr)          Welch: Hann, half overlap, means removed
    I          = -sum over lo <= f <= up of log2(1 - gamma^2) df
    I_N        = sum over lo <= f <= up of log2(1 + N rho A_N^2) df,   rho = gamma_1^2 / (1 - gamma_1^2)
    A_N(f)     = |sin(pi f N d)| / (N |sin(pi f d)|)                   d: delay from cell to cell of a line
               = |sum over i < N of exp(-2 pi j f d sqrt(i / pi))| / N of a disc

I is a lower bound of the information rate (bits/s): Borst and Theunissen 1999, doi:10.1038/14731; used so by
Hladnik and Grewe 2023, doi:10.1371/journal.pcbi.1010871. Written with SciPy, for anybody's spike trains;
`kernels.segment_spectra` computes the same for growing populations.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import scipy
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from spikesweep.analysis.delayed_sums import attenuation as attenuation
from spikesweep.analysis.delayed_sums import disc_attenuation as disc_attenuation
from spikesweep.analysis.delayed_sums import opposed_powers
from spikesweep.errors import InputError
from spikesweep.grid.attributes import configuration_of
from spikesweep.units import PER_MS, Hz, ms

Array = NDArray[np.float64]

#: Half the length of the Gaussian, in its SDs.
SUPPORT = 4.0
_ROUNDING = 1e-9  # of frequencies and times, relative to a bin


def gaussian(sigma: ms, dt: ms) -> Array:
    """Return a Gaussian of unit area (1/s), of odd length: what is nearer than SUPPORT SDs."""
    half = max(int(np.ceil(SUPPORT * sigma / dt - _ROUNDING)) - 1, 0)
    x = np.arange(-half, half + 1) * dt
    bump = np.exp(-0.5 * (x / sigma) ** 2) if sigma > 0.0 else np.ones(1)
    return np.asarray(bump / (bump.sum() * dt * PER_MS))


def population_rate(
    trains: Sequence[ArrayLike], n: int, dt: ms, sigma: ms, delays: ArrayLike | None = None
) -> Array:
    """Return the mean rate (Hz) of cells at n samples, from spike times (ms) and one delay (ms) a cell.

    What falls beyond either end is left out.
    """
    late = np.zeros(len(trains)) if delays is None else np.asarray(delays, np.float64)
    if len(late) != len(trains):
        raise InputError(f"delays holds {len(late)} values for {len(trains)} trains; allowed: one a train")
    counts = np.zeros(n)
    for train, delay in zip(trains, late, strict=True):
        at = np.rint((np.asarray(train, np.float64) + delay) / dt).astype(np.int64)
        counts += np.bincount(at[(at >= 0) & (at < n)], minlength=n)
    return np.asarray(scipy.signal.fftconvolve(counts, gaussian(sigma, dt), "same") / len(trains))


def spectra(stimulus: ArrayLike, rate: ArrayLike, dt: ms, nperseg: int) -> xr.Dataset:
    """Return the spectra of a stimulus and a response over `frequency` (Hz), and their squared coherence.

    >>> import numpy as np
    >>> s = np.random.default_rng(0).standard_normal(4096)
    >>> found = spectra(s, 2.0 * s, dt=1.0, nperseg=256)
    >>> bool(np.allclose(found.coherence, 1.0)), bool(np.allclose(abs(found.transfer), 2.0))
    (True, True)
    """
    s, r = np.asarray(stimulus, np.float64), np.asarray(rate, np.float64)
    if s.shape != r.shape or s.ndim != 1:
        raise InputError(f"stimulus {s.shape} and rate {r.shape} differ; allowed: equally long, cut them")
    if len(s) < 2 * nperseg - nperseg // 2:
        raise InputError(f"nperseg = {nperseg} gives one segment of {len(s)} samples; allowed: two at least")
    options: dict[str, Any] = {"fs": 1.0 / (dt * PER_MS), "window": "hann", "nperseg": nperseg}
    frequency, ss = scipy.signal.welch(s, **options)
    rr, sr = scipy.signal.welch(r, **options)[1], scipy.signal.csd(s, r, **options)[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        coherence = np.where(ss * rr > 0.0, np.abs(sr) ** 2 / (ss * rr), 0.0)
        transfer = sr / ss
    along = "frequency"
    return xr.Dataset(
        {
            "S_ss": (along, ss, {"long_name": "spectrum of the stimulus"}),
            "S_rr": (along, rr, {"units": "Hz^2/Hz", "long_name": "spectrum of the response"}),
            "S_sr": (along, sr, {"long_name": "cross spectrum"}),
            "coherence": (along, coherence, {"units": "1", "long_name": "squared coherence"}),
            "transfer": (along, transfer, {"long_name": "transfer function, S_sr / S_ss"}),
        },
        {along: (along, frequency, {"units": "Hz", "long_name": "frequency"})},
    )


def bins(low: Hz, high: Hz, df: Hz, *, include_zero: bool = False) -> NDArray[np.int64]:
    """Return the numbers of the frequency bins from `low` to `high`, both included; not that of 0 Hz."""
    first = int(np.ceil(low / df - _ROUNDING))
    last = int(np.floor(high / df + _ROUNDING))
    return np.arange(max(first, 0 if include_zero else 1), last + 1)


def information(coherence: xr.DataArray, low: Hz, high: Hz, *, include_zero: bool = False) -> xr.DataArray:
    """Return the information (bits/s) of squared coherences over `frequency`, evenly spaced.

    >>> import xarray as xr
    >>> c = xr.DataArray([0.5] * 5, {"frequency": [0.0, 2.0, 4.0, 6.0, 8.0]}, "frequency")
    >>> float(information(c, 0.0, 4.0)), float(information(c, 0.0, 4.0, include_zero=True))
    (4.0, 6.0)
    """
    inside = _band(coherence, low, high, include_zero=include_zero).clip(max=1.0)  # rounding can exceed it
    with np.errstate(divide="ignore"):  # what has no noise has no bound
        return _sum_of(-np.log2(1.0 - inside), coherence)


def informations(coherence: xr.DataArray, edges: Sequence[Hz], *, include_zero: bool = False) -> xr.DataArray:
    """Return the information in each band between neighbouring `edges`, along `band`, and in all of them.

    A bin on an edge belongs to the band above it, so that the bands add up to the total.
    """
    f = coherence["frequency"]
    parts = []
    for low, high in pairwise(edges):
        inside = (f >= low) & ((f < high) | (high == edges[-1]))
        parts.append(information(coherence.where(inside, 0.0), low, high, include_zero=include_zero))
    parts.append(information(coherence, edges[0], edges[-1], include_zero=include_zero))
    names = [f"{low:g}-{high:g}" for low, high in pairwise(edges)]
    return xr.concat(parts, dim="band").assign_coords(band=[*names, "total"])


def _band(values: xr.DataArray, low: Hz, high: Hz, *, include_zero: bool) -> xr.DataArray:
    f = values["frequency"]
    near = _ROUNDING * _df(values)
    inside = (f >= low - near) & (f <= high + near) & ((f > 0.0) | include_zero)
    if not inside.any():
        raise InputError(
            f"band {low:g}-{high:g} Hz holds no bin of {_df(values):.4g} Hz; allowed: a wider one"
        )
    return values.sel(frequency=inside)


def _df(values: xr.DataArray) -> Hz:
    f = values["frequency"].values
    if len(f) < 2:
        raise InputError("one bin of frequency has no width; allowed: all bins of one Fourier transform")
    if not np.allclose(np.diff(f), f[1] - f[0]):
        raise InputError("frequency is not evenly spaced; allowed: all bins of one Fourier transform")
    return float(f[1] - f[0])


def _sum_of(bits: Any, values: xr.DataArray) -> xr.DataArray:
    total: xr.DataArray = bits.sum("frequency", skipna=False) * _df(values)
    return total.assign_attrs(units="bits/s", long_name="information")


def linear_response(
    cell_coherence: xr.DataArray,
    n: Any,
    delay_step: Any,
    low: Hz,
    high: Hz,
    *,
    field: str = "line",
    opposed: Any = 0.0,
    pool: int | None = None,
) -> xr.DataArray:
    """Return the information (bits/s) predicted for n cells from the squared coherence of one.

    `n` and `delay_step` (ms) are numbers or DataArrays; `field` is line or disc; `opposed` is the share of
    cells that respond with the opposite sign, anywhere among the others, whose spikes are read as all. Of
    these there are more or fewer by chance among n cells out of a `pool`, of any number where None.
    """
    one = _band(cell_coherence, low, high, include_zero=False)
    rho = one / (1.0 - one)
    kept = (disc_attenuation if field == "disc" else attenuation)(one["frequency"], n, delay_step)
    if not np.any(opposed):
        return _sum_of(np.log2(1.0 + rho * n * kept**2), cell_coherence)
    parts = (c * np.log2(1.0 + rho * p) for c, p in opposed_powers(kept, n, opposed, pool))
    return _sum_of(sum(parts, xr.zeros_like(rho * kept)), cell_coherence)


def predicted(ds: xr.Dataset) -> xr.DataArray:
    """Return the prediction for every band, condition and size of a sweep of population_information.

    NaN where the coherence of single cells is missing. Raises InputError for a band that ends above the
    frequencies whose coherence the sweep keeps.
    """
    top = float(ds["frequency"].max()) + 0.5 * _df(ds["cell_coherence"])
    configuration = configuration_of(ds.attrs) if "configuration" in ds.attrs else {}
    network, pool = configuration.get("network", {}), configuration.get("protocol", {}).get("num_responses")
    off = ds["off_fraction"] if "off_fraction" in ds.coords else network.get("off_fraction", 0.0)
    opposed = off if network.get("off_reader") == "plain" else 0.0
    parts = []
    for band in ds["band"].values:
        low, high = (float(ds[f"band_{end}"].sel(band=band)) for end in ("low", "high"))
        if high > top:
            raise InputError(
                f"band {band}: there is no coherence above {ds['frequency'].max().item():g} Hz; "
                f"allowed: a sweep with protocol.coherence_to = {high:g} or more"
            )
        coherence = ds["cell_coherence"].sel(band=band)
        of_band = coherence, ds["pop_size"], ds["delay_step"], low, high
        more = {"field": network.get("field", "line"), "opposed": opposed, "pool": pool}
        parts.append(linear_response(*of_band, **more))
    return xr.concat(parts, dim="band", coords="minimal", compat="override")


def trial_rates(trains: Sequence[ArrayLike], n: int, dt: ms, sigma: ms) -> Array:
    """Return the rate (Hz) of each train at n samples, shape (trains, n)."""
    return np.stack([population_rate([train], n, dt, sigma) for train in trains])


def response_modulation(rates: Array) -> Hz:
    """Return the SD over time of the mean over trials, of rates of shape (trials, samples)."""
    return float(rates.mean(axis=0).std())


def variability(rates: Array) -> Hz:
    """Return the mean over time of the SD over trials, of rates of shape (trials, samples)."""
    return float(rates.std(axis=0).mean())


def cutoff(transfer: xr.DataArray, low: Hz, high: Hz) -> Hz:
    """Return the frequency at which the gain has fallen by 3 dB from its peak; NaN where it does not."""
    gain = abs(_band(transfer, low, high, include_zero=False))
    peak = int(np.argmax(gain.values))
    below = np.flatnonzero(gain.values[peak:] < gain.values[peak] / np.sqrt(2.0))
    return float(gain["frequency"][peak + below[0]]) if len(below) else float("nan")


def isi_cv(train: ArrayLike) -> float:
    """Return SD over mean of the intervals of a train; NaN below two intervals."""
    intervals = np.diff(np.asarray(train, np.float64))
    return float(intervals.std() / intervals.mean()) if len(intervals) > 1 else float("nan")


def vector_strength(train: ArrayLike, frequency: Hz) -> float:
    """Return how well spikes (ms) keep to one phase of a frequency: 0 not at all, 1 all at one."""
    times = np.asarray(train, np.float64) * PER_MS
    return float(abs(np.exp(2j * np.pi * frequency * times).mean())) if len(times) else float("nan")
