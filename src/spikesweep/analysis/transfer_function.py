"""Fit of the semi-analytical transfer function to the simulated rates of a sweep.

Zerlaut, Chemla, Chavane and Destexhe 2018, doi:10.1007/s10827-017-0668-2.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from spikesweep.analysis.fit_data import FitData
from spikesweep.analysis.fit_data import Keep as Keep
from spikesweep.analysis.semi_analytical import (
    LINEAR_TERMS,
    TERMS,
    MomentsOf,
    terms_of,
)
from spikesweep.analysis.threshold_fit import Loss, published, robust
from spikesweep.errors import InputError, nearest

Method = Literal["least_squares", "zerlaut2018"]
Weights = Literal["seeds"]


def fit(
    ds: xr.Dataset,
    *,
    moments: MomentsOf = "corrected",
    logarithm: bool = True,
    squares: bool = True,
    keep: Keep | None = None,
    weights: Weights | None = None,
    loss: Loss = "soft_l1",
    loss_scale: float = 1.0,
    ridge: float = 0.03,
    method: Method = "least_squares",
) -> xr.Dataset:
    """Fit the transfer function of each population of a sweep.

    `ds` is a dataset of protocol transfer_function or transfer_function_adaptive, or of potential_moments,
    whose mean, SD and autocorrelation time of the potential stand for those of the formulas with
    `moments="measured"`. A constant current of the protocol counts as a shift of E_L. `logarithm` and
    `squares` choose the polynomial: both for the published one, no logarithm for TVB's. With
    `weights="seeds"` each residual counts in units of the standard error over the seeds. `loss` and
    `loss_scale` (Hz, or standard errors with weights) are those of scipy.optimize.least_squares. `ridge`
    (Hz or standard errors, per mV) draws all coefficients but the constant towards zero: the data hardly
    tell them apart, and without it they run to large values that cancel where there are data and
    extrapolate badly. `method="zerlaut2018"` is the published procedure instead, which has none of
    these. Returns, by population
    and term, `coefficient` (mV), `covariance` (mV^2), `condition_number` and `rmse` (Hz, unweighted),
    and on the grid `observed`, `predicted`, `used` and the moments. Raises InputError where the data
    cannot be fitted.
    """
    for key, value, known in (
        ("moments", moments, MomentsOf),
        ("loss", loss, Loss),
        ("method", method, Method),
    ):
        if value not in get_args(known):
            raise InputError(f"{key} = {value!r} is refused; {nearest(str(value), get_args(known))}")
    if method == "zerlaut2018" and weights is not None:
        raise InputError("weights are refused: method=zerlaut2018 has none")
    terms = _terms(logarithm, squares)
    keep = keep or Keep()
    data = FitData(ds, moments, terms, keep, weights)
    results = []
    for population in data.populations:
        points = data.used_points(population)
        if method == "zerlaut2018":
            found = published(points)
        else:
            found = robust(points, loss, loss_scale, ridge)
        results.append(found)
    settings: dict[str, Any] = {"moments": moments, "method": method, "keep": keep.recorded()}
    if method == "zerlaut2018":
        return data.labelled(results, "linear", 1.0, 0.0, settings)
    settings.update(loss=loss, loss_scale=loss_scale, ridge=ridge, weights=weights or "none")
    return data.labelled(results, loss, loss_scale, ridge, settings)


def compare_moments(ds: xr.Dataset, *, keep: Keep | None = None, **settings: Any) -> xr.Dataset:
    """Return how well the threshold fits with the moments of the formulas, and with the measured ones.

    `ds` is a dataset of protocol potential_moments; `keep` and `settings` are those of `fit`. Both fits are
    at the points that both can use. Returns `rmse` (Hz) over `moments` and `population`; `noise` (Hz), the
    root mean square of the standard errors of the rates, below which no fit can get but by chance (NaN of
    one seed); and `n_points`. Raises InputError as `fit` does.
    """
    both: tuple[MomentsOf, MomentsOf] = ("corrected", "measured")
    possible = [FitData(ds, form, LINEAR_TERMS, keep or Keep(), None) for form in both]
    used = possible[0].used & possible[1].used
    kept = ds.assign(rate=ds["rate"].where(used))
    found = [fit(kept, moments=form, keep=keep, **settings) for form in both]
    rmse = xr.concat([one["rmse"] for one in found], dim=xr.Variable("moments", list(both)))
    rates = possible[0].rates.where(used)
    error = (
        rates.std("seed", ddof=1) / rates.sizes["seed"] ** 0.5 if rates.sizes["seed"] > 1 else rates * np.nan
    )
    noise = ((error**2).mean([dim for dim in error.dims if dim != "population"])) ** 0.5
    noise.attrs = {"units": "Hz", "long_name": "standard error of the rates, root mean square"}
    n_points = used.sum([dim for dim in used.dims if dim != "population"])
    return xr.Dataset({"rmse": rmse, "noise": noise, "n_points": n_points})


def with_coefficients(
    ds: xr.Dataset,
    coefficients: Mapping[str, ArrayLike],
    *,
    moments: MomentsOf = "corrected",
    keep: Keep | None = None,
) -> xr.Dataset:
    """Return the same dataset as `fit` for given coefficients (mV), to compare them on the same data.

    Their number says which terms they belong to: all, without the logarithm, or the linear ones.
    """
    lengths = {np.size(values) for values in coefficients.values()}
    if len(lengths) != 1:
        raise InputError(f"the coefficients have {sorted(lengths)} terms; allowed: one number for all")
    data = FitData(ds, moments, terms_of(lengths.pop()), keep or Keep(), None)
    for population in data.populations:
        if population not in coefficients:
            raise InputError(f"coefficients of {population!r} are missing; given: {', '.join(coefficients)}")
    given = [np.asarray(coefficients[population], np.float64) for population in data.populations]
    settings = {"moments": moments, "method": "given", "keep": (keep or Keep()).recorded()}
    return data.labelled(given, "linear", 1.0, 0.0, settings)


def _terms(logarithm: bool, squares: bool) -> tuple[str, ...]:
    chosen = TERMS if squares else LINEAR_TERMS
    return chosen if logarithm else tuple(term for term in chosen if term != "log_mu_G")
