"""How circuits represent patterns, as distributions of three measures, and whether two circuits differ.

As in the figures of Galloni et al. 2022, doi:10.3389/fncom.2022.826278 (Milstein-Lab/dentate_circuit_model,
generate_figures). There sparsity is the part of the units that is silent, selectivity that of the patterns,
both 0 for what is silent throughout (the pattern without input apart); discriminability is 1 - cosine
similarity, 0 where a response is silent. Of inputs the pairs with the silent pattern are left out.

The tests are two-sample Kolmogorov-Smirnov tests of 100 quantiles a seed, the seeds side by side, as there.
D is the distance of the distributions. p takes the quantiles for independent draws: their number is what the
author chose, so p tells whether D is large for that number, and no more.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from spikesweep.analysis.patterns import similarity
from spikesweep.config.build import build
from spikesweep.errors import InputError, nearest
from spikesweep.grid.attributes import configuration_of
from spikesweep.grid.schema import DONE
from spikesweep.models.contracts import Patterns

Array = NDArray[np.float64]
MEASURES = ("sparsity", "selectivity", "discriminability")
#: Decimals to which values are compared: rounding errors make no two of them different.
_DIGITS = 12
#: Cumulative shares at which quantiles are taken.
SHARES = np.arange(1, 101) / 100


def responses(name: str, ds: xr.Dataset, population: str) -> xr.DataArray:
    """Return the responses of a population, dims (seed, pattern, cell).

    `ds` is a sweep of protocol=pattern_separation with `protocol.record=[activity]`, called `name` where it
    is refused. Axes but the seed are at their last value. Raises InputError for a store without responses.
    """
    if "activity" not in ds:
        raise InputError(f"{name} has no activity; allowed: a store with protocol.record=[activity]")
    cells = ds["cell_population"].values
    if population not in cells:
        raise InputError(
            f"{name} has no population {population}; {nearest(population, dict.fromkeys(cells.tolist()))}"
        )
    others = {axis: -1 for axis in ds.attrs["axes"].split() if axis != "seed"}
    found = (
        ds["activity"]
        .where(ds["status"].isin(DONE))
        .isel(others)
        .isel(cell=np.flatnonzero(cells == population))
    )
    return found.load().transpose("seed", "pattern", "cell").reset_coords(drop=True)


def input_patterns(ds: xr.Dataset, name: str) -> xr.DataArray:
    """Return the rates of an input of a store's network as if they were responses, one seed.

    Raises InputError for an input that there is not, and for one whose patterns are drawn.
    """
    inputs = configuration_of(ds.attrs)["network"]["inputs"]
    if name not in inputs:
        raise InputError(f"the network has no input {name}; {nearest(name, inputs)}")
    patterns: Any = build(inputs[name], f"network.inputs.{name}", Patterns)
    if patterns.n_patterns is None:
        raise InputError(f"network.inputs.{name} are drawn; allowed: patterns that are the same at all seeds")
    rates = patterns.rates(np.zeros(1, np.uint64), ds["pattern"].values)
    return xr.DataArray(rates[np.newaxis], {"pattern": ds["pattern"]}, ("seed", "pattern", "cell"))


def quantiles(found: xr.DataArray, *, inputs: bool = False) -> dict[str, Array]:
    """Return 100 quantiles of each measure, shape (seed, quantile), of responses (seed, pattern, cell)."""
    each = [_measured(one, inputs=inputs) for one in found]
    return {name: np.stack([np.quantile(one[name], SHARES) for one in each]) for name in MEASURES}


def ks_tests(stores: Mapping[str, xr.Dataset], population: str = "Output", inputs: str = "") -> xr.Dataset:
    """Return Kolmogorov-Smirnov tests between the distributions of all circuits.

    `stores` are as `responses` takes them, by the names of the circuits; `inputs` names an input of the first
    one's network, whose patterns are compared, too. `D` and `p` have the dims (measure, circuit, other),
    `median` and `n`, the quantiles, (measure, circuit). Raises InputError for a store without responses.
    """
    samples = {name: quantiles(responses(name, ds, population)) for name, ds in stores.items()}
    if inputs:
        first = next(iter(stores.values()))
        samples[inputs] = quantiles(input_patterns(first, inputs), inputs=True)
    names = list(samples)
    flat = {name: {m: np.round(x.ravel(), _DIGITS) for m, x in own.items()} for name, own in samples.items()}
    shape = len(MEASURES), len(names)
    d, p = np.zeros((*shape, len(names))), np.ones((*shape, len(names)))
    for (m, measure), (i, one), (j, other) in product(
        enumerate(MEASURES), enumerate(names), enumerate(names)
    ):
        if i != j:
            d[m, i, j], p[m, i, j] = ks_2samp(flat[one][measure], flat[other][measure])
    median = [[np.median(flat[name][measure]) for name in names] for measure in MEASURES]
    n = [[flat[name][measure].size for name in names] for measure in MEASURES]
    pair, of = ("measure", "circuit", "other"), ("measure", "circuit")
    about = {
        "D": "largest distance of the cumulative shares",
        "p": "p, quantiles taken for independent draws",
    }
    return xr.Dataset(
        {
            "D": (pair, d, {"long_name": about["D"], "units": "1"}),
            "p": (pair, p, {"long_name": about["p"], "units": "1"}),
            "median": (of, np.array(median), {"long_name": "median", "units": "1"}),
            "n": (of, np.array(n), {"long_name": "quantiles", "units": "1"}),
        },
        {"measure": list(MEASURES), "circuit": names, "other": names},
    )


def _measured(found: xr.DataArray, *, inputs: bool) -> dict[str, Array]:
    """Return the values of each measure of one seed's responses, dims (pattern, cell)."""
    active = found.values > 0.0
    n_patterns, n_units = active.shape
    units, of_units = active.sum(axis=1), active.sum(axis=0)
    silent = np.flatnonzero(units == 0)[1:]  # the first is the pattern without input
    sparsity = 1.0 - np.where(np.isin(np.arange(n_patterns), silent), n_units, units) / n_units
    selectivity = 1.0 - np.where(of_units == 0, n_patterns, of_units) / n_patterns
    cosine = similarity(found).values[np.tril_indices(n_patterns, -1)]
    cosine = cosine[~np.isnan(cosine)] if inputs else np.nan_to_num(cosine, nan=1.0)
    return dict(zip(MEASURES, (sparsity, selectivity, 1.0 - cosine), strict=True))
