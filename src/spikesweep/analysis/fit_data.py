"""What a transfer function is fitted to: the rates of a sweep with the moments at its points."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.analysis.fitted import cell_of
from spikesweep.analysis.semi_analytical import Array, Moments, MomentsOf, moments, polynomial, rate
from spikesweep.analysis.threshold_fit import Loss, Points, rmse, uncertainty
from spikesweep.errors import InputError
from spikesweep.grid.attributes import configuration_at, encoded, parameter
from spikesweep.units import PER_MS, Hz

#: Dimensions that a fit knows what to do with; any other is a parameter, of which it takes one value.
_GRID = ("population", "fe", "fi", "fe_index", "seed")
_AXES = (*_GRID, "pop_size")
#: What protocol=potential_moments measures of the potential, in the order of `Moments`.
_MEASURED = ("v_mean", "v_sd", "tau_v")
#: Attributes that make a dataset that of a store, which a fit is not.
_OF_STORES = ("format", "axes", "columns", "results", "coordinates")


@dataclass(frozen=True)
class Keep:
    """Which points a fit uses; recorded in its result. Points without a finite rate are never used."""

    min_rate: Hz = 0.0
    max_rate: Hz = float("inf")
    unsimulated: bool = False  #: also points that the original script sets to zero without simulation

    def recorded(self) -> dict[str, float | str]:
        """Return the choices as they stand in the attributes of a result, which JSON must hold."""
        return {k: v if np.isfinite(v) else "none" for k, v in asdict(self).items()}


class FitData:
    """The rates of a sweep with the moments at its points."""

    def __init__(
        self, ds: xr.Dataset, form: MomentsOf, terms: tuple[str, ...], keep: Keep, weights: str | None
    ) -> None:
        ds, self.configuration = _at_one_current(ds)
        _refuse_unlike_theory(ds, self.configuration, form)
        kept = {key: value for key, value in ds.attrs.items() if key not in _OF_STORES}
        self.attrs = kept | encoded({"configuration": self.configuration})
        self.form, self.terms = form, terms
        rates = ds["rate"].isel(pop_size=-1) if "pop_size" in ds["rate"].dims else ds["rate"]
        rates = rates.expand_dims([dim for dim in ("population", "seed") if dim not in rates.dims])
        others = {str(dim) for dim in rates.dims} - {*_GRID}
        if others:
            raise InputError(f"rate also varies over {sorted(others)}; allowed: select one value of each")
        rates = rates.transpose("population", ..., "seed").load()
        self.populations = [str(name) for name in rates["population"].values]
        self.rates, self.observed = rates, rates.mean("seed")
        fe, fi, _ = xr.broadcast(ds["fe"], ds["fi"], self.observed)
        self.fe, self.fi = (x.transpose(*self.observed.dims).load() for x in (fe, fi))
        self.error = xr.ones_like(self.observed)
        if weights is not None:
            self.error = _standard_error(ds, rates)
        used: xr.DataArray = self.observed.notnull() & (self.observed >= keep.min_rate)
        used = used & self.error.notnull()
        used = used & (self.observed <= keep.max_rate)
        if "simulated" in ds and not keep.unsimulated:
            used = used & ds["simulated"].astype(bool)
        self.measured = self._on_the_grid(ds, _MEASURED) if form == "measured" else {}
        self.moments = {name: self._moments(name) for name in self.populations}
        for population in self.populations:  # no threshold gives a rate above 1 / T_V
            m = self.moments[population]
            possible = self._flat(self.observed, population) * m.T_V * PER_MS < 1.0
            possible &= np.isfinite(m.mu_V) & (m.sigma_V > 0.0)  # of what was measured
            used.loc[{"population": population}] &= possible.reshape(used.shape[1:])
        self.used = used

    def _flat(self, array: xr.DataArray, population: str) -> NDArray[Any]:
        return np.asarray(array.sel(population=population).values.ravel())

    def _moments(self, population: str) -> Moments:
        fe, fi = self._flat(self.fe, population), self._flat(self.fi, population)
        cell = cell_of(self.configuration, population)
        if self.form != "measured":
            return moments(cell, fe, fi, form=self.form)
        mu_V, sigma_V, T_V = (self._flat(self.measured[name], population) for name in _MEASURED)
        return Moments(mu_V, sigma_V, T_V, moments(cell, fe, fi).mu_G)

    def _on_the_grid(self, ds: xr.Dataset, names: Sequence[str]) -> dict[str, xr.DataArray]:
        """Return variables as the rates stand: their means over seeds, missing where a seed has none."""
        found = {}
        for name in names:
            values = ds[name].expand_dims([dim for dim in ("population",) if dim not in ds[name].dims])
            values = values.mean("seed", skipna=False) if "seed" in values.dims else values
            found[name] = values.transpose(*self.observed.dims).load()
        return found

    def used_points(self, population: str) -> Points:
        """Return the points of a population that the fit uses; raise InputError if they are too few."""
        use = self._flat(self.used, population)
        if np.count_nonzero(use) <= len(self.terms):
            raise InputError(
                f"{population}: {np.count_nonzero(use)} points for {len(self.terms)} coefficients; "
                f"allowed: more points than coefficients"
            )
        cell = cell_of(self.configuration, population)
        m = Moments(*(x[use] for x in self.moments[population]))
        observed, error = (self._flat(x, population)[use] for x in (self.observed, self.error))
        return Points(population, m, polynomial(cell, m, self.terms), observed, error)

    def labelled(
        self,
        coefficients: list[Array],
        loss: Loss,
        loss_scale: float,
        ridge: float,
        settings: Mapping[str, Any],
    ) -> xr.Dataset:
        """Return the result of a fit."""
        grid = self.observed.dims
        predicted = []
        per_population: dict[str, list[Any]] = {"covariance": [], "condition_number": [], "rmse": []}
        for population, values in zip(self.populations, coefficients, strict=True):
            m, cell = self.moments[population], cell_of(self.configuration, population)
            predicted.append(rate(m, polynomial(cell, m, self.terms) @ values))
            points = self.used_points(population)
            covariance, condition = uncertainty(points, values, loss, loss_scale, ridge)
            per_population["covariance"].append(covariance)
            per_population["condition_number"].append(condition)
            per_population["rmse"].append(rmse(points, values))
        ds = xr.Dataset(
            coords={
                "population": _labels(self.populations),
                "term": _labels(self.terms),
                "term_2": _labels(self.terms),
                "fe": self.fe if "fe_index" in grid else self.observed["fe"],
                "fi": self.observed["fi"],
            },
            attrs={**self.attrs, **encoded(settings)},
        )
        ds["coefficient"] = _variable(
            ("population", "term"), coefficients, "mV", "of the effective threshold"
        )
        dims = ("population", "term", "term_2")
        ds["covariance"] = _variable(dims, per_population["covariance"], "mV2", "of the coefficients")
        ds["condition_number"] = _variable(
            ("population",), per_population["condition_number"], "1", "of the Jacobian in mV"
        )
        ds["rmse"] = _variable(("population",), per_population["rmse"], "Hz", "over the points used")
        shape = self.observed.shape
        ds["observed"] = _variable(grid, self.observed.values, "Hz", "mean simulated rate")
        ds["predicted"] = _variable(grid, np.reshape(predicted, shape), "Hz", "rate of the fit")
        ds["used"] = _variable(grid, self.used.values, "1", "whether the fit used the point")
        for name, units, text in _MOMENTS:
            values = np.reshape([getattr(self.moments[p], name) for p in self.populations], shape)
            ds[name] = _variable(grid, values, units, text)
        return ds


_MOMENTS = (
    ("mu_V", "mV", "mean potential without spikes"),
    ("sigma_V", "mV", "standard deviation of the potential"),
    ("T_V", "ms", "autocorrelation time of the potential"),
    ("mu_G", "1", "mean conductance in units of the leak"),
)


def _at_one_current(ds: xr.Dataset) -> tuple[xr.Dataset, dict[str, Any]]:
    """Return a sweep at its one value of an axis i_ext, and its configuration with that current."""
    if ds.sizes.get("i_ext") == 1:
        ds = ds.isel(i_ext=0)
    configuration = configuration_at(ds, (*_AXES, "i_ext"))
    if "i_ext" in ds.coords and not ds["i_ext"].dims:
        configuration["protocol"] = {**configuration.get("protocol", {}), "i_ext": float(ds["i_ext"])}
    return ds, configuration


def _refuse_unlike_theory(ds: xr.Dataset, configuration: Mapping[str, Any], form: MomentsOf) -> None:
    """Refuse moments that the sweep does not have; raise InputError."""
    if form == "measured":
        if lacking := [name for name in _MEASURED if name not in ds]:
            raise InputError(
                f"moments = 'measured' needs {', '.join(lacking)}, which the sweep does not have; "
                "allowed: a sweep of protocol=potential_moments"
            )
        return
    shares = {key: configuration.get("protocol", {}).get(key) for key in ("share_exc", "share_inh")}
    if given := [f"protocol.{key} = {value:g}" for key, value in shares.items() if value]:
        raise InputError(
            f"moments = {form!r} is refused: {', '.join(given)}, and its fluctuations are those of "
            "independent synapses; allowed: moments='measured' of a sweep of protocol=potential_moments"
        )


def _labels(names: Sequence[str]) -> NDArray[Any]:
    return np.array(names, np.dtypes.StringDType())  # Zarr can store these without a warning


def _variable(dims: Any, values: Any, units: str, long_name: str) -> xr.Variable:
    return xr.Variable(dims, np.asarray(values), {"units": units, "long_name": long_name})


def _standard_error(ds: xr.Dataset, rates: xr.DataArray) -> xr.DataArray:
    """Return the standard error of the mean rate; NaN where there are no two seeds.

    A count cannot be known better than to one spike of all neurons.
    """
    if rates.sizes["seed"] < 2:
        raise InputError(
            f"weights = 'seeds' is refused: there is {rates.sizes['seed']} seed; allowed: two or more"
        )
    n = rates.notnull().sum("seed")
    seconds = (parameter(ds, "protocol.duration") - parameter(ds, "protocol.discard")) * PER_MS
    neurons = rates["pop_size"] if "pop_size" in rates.coords else 1
    variance: xr.DataArray = rates.var("seed", ddof=1) / n + (1.0 / (seconds * neurons * n)) ** 2
    return (variance**0.5).where(n > 1)
