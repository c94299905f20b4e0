"""What a fitted transfer function is used for: evaluation, the mean field, The Virtual Brain."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import xarray as xr

from spikesweep.analysis.semi_analytical import TVB_TERMS, Array, Cell, TransferFunction
from spikesweep.errors import InputError
from spikesweep.grid.attributes import cell_names, configuration_of
from spikesweep.models.networks.random import RandomNetwork
from spikesweep.units import pA

_TO_V = 1e-3  # mV


def transfer_function(fitted: xr.Dataset, population: str) -> TransferFunction:
    """Return the fitted function F(fe, fi, w) of a population."""
    _refuse_measured(fitted)
    cell = cell_of(configuration_of(fitted.attrs), population)
    values = fitted["coefficient"].sel(population=population).values
    return TransferFunction(cell, values, tuple(fitted["term"].values.tolist()), fitted.attrs["moments"])


def to_tvb(fitted: xr.Dataset, exc: str = "RS", inh: str = "FS") -> dict[str, Array]:
    """Return `P_e` and `P_i` (V) for The Virtual Brain's ZerlautAdaptiveFirstOrder and its relatives."""
    _refuse_current(fitted)
    terms = tuple(fitted["term"].values.tolist())
    if terms != TVB_TERMS:
        raise InputError("TVB has ten coefficients without logarithm; allowed: fit(ds, logarithm=False)")
    if fitted.attrs["moments"] != "corrected":
        raise InputError(f"moments = {fitted.attrs['moments']} is refused: TVB evaluates the corrected ones")
    names = {"P_e": exc, "P_i": inh}
    return {key: fitted["coefficient"].sel(population=name).values * _TO_V for key, name in names.items()}


def to_mean_field(fitted: xr.Dataset, exc: str = "RS", inh: str = "FS") -> list[str]:
    """Return the words that give protocol=mean_field the fitted coefficients."""
    _refuse_current(fitted)
    _refuse_measured(fitted)
    words = [f"protocol.form={fitted.attrs['moments']}"]
    for key, name in (("exc", exc), ("inh", inh)):
        values = fitted["coefficient"].sel(population=name).values.tolist()
        words.append(f"protocol.coefficients_{key}={values}".replace(" ", ""))
    return words


def cell_of(configuration: Mapping[str, Any], population: str) -> Cell:
    """Return what the moments depend on from a sweep's configuration; raise InputError if it lacks it.

    A constant current of the protocol is a shift of E_L, by i_ext / g_L, in all that depends on a `Cell`.
    """
    network = configuration["network"]
    cell = SimpleNamespace(**configuration["neuron"][cell_names(network)[population]])
    own = (network.get("factors") or {}).get(population, {})
    synapses: dict[str, Any] = {kind: SimpleNamespace(**network[kind]) for kind in ("exc", "inh")}
    for kind, factor in own.items():
        synapses[kind].weight *= factor
    values = {key: network.get(key) for key in ("populations", "N", "inhibitory_fraction", "p_connect")}
    found = Cell.of(cell, RandomNetwork(**values, **synapses))
    current = _current(configuration)
    return found._replace(E_L=found.E_L + current / found.g_L) if current else found


def _refuse_measured(fitted: xr.Dataset) -> None:
    """Refuse a fit whose moments are known at the points of its sweep alone; raise InputError."""
    if fitted.attrs["moments"] == "measured":
        raise InputError(
            "moments = measured is refused: such a fit is no function of rates; allowed: one to the moments "
            "of the formulas, fit(ds)"
        )


def _current(configuration: Mapping[str, Any]) -> pA:
    return float(configuration.get("protocol", {}).get("i_ext") or 0.0)


def _refuse_current(fitted: xr.Dataset) -> None:
    """Refuse a fit at a constant current, which no mean field has; raise InputError."""
    if current := _current(configuration_of(fitted.attrs)):
        raise InputError(
            f"the fit is of cells with i_ext = {current:g} pA, and mean fields have cells without; allowed: 0"
        )
