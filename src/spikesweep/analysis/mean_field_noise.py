"""A mean field under a noisy drive: paths of the noise, and what linear response says of the rates.

    d eta = -eta / tau dt + sd sqrt(2 / tau) dW          added to the external rate of both populations
    T d x / dt = (J - 1) x + g eta                       x = nu - nu*: first order, without adaptation
    A P + P A^T + B B^T = 0                              P: stationary covariance of (x, eta)
    S(f) = |(2 pi i f T - (J - 1))^-1 g|^2 S_eta(f),     S_eta = 4 sd^2 tau / (1 + (2 pi f tau)^2)

J and g are derivatives of F by recurrent rates and drive at the fixed point nu*. Spectra are one-sided: their
integral over positive frequencies is the variance. Uhlenbeck and Ornstein 1930, doi:10.1103/PhysRev.36.823.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from spikesweep.analysis.mean_field import Drive, MeanField
from spikesweep.errors import InputError
from spikesweep.kernels.random.normals import Normals
from spikesweep.kernels.random.philox import derive
from spikesweep.units import PER_MS, Hz, ms

Array = NDArray[np.float64]

_STEP = 1e-4  # Hz, of the central differences


class Noise(NamedTuple):
    """Ornstein-Uhlenbeck noise of the drive."""

    sd: Hz
    tau: ms

    def course(self, seed: int, dt: ms, until: ms) -> Callable[[Any], Any]:
        """Return the noise (Hz) as a function of time (ms), linear between exact values at steps of dt.

        It is stationary from the start, and number i of a seed belongs to step i whatever `until` is.
        """
        n = int(np.ceil(until / dt - 1e-9)) + 2
        key = np.uint64(derive(np.uint64(seed), "mean field noise", 0.0))
        z = np.asarray(Normals(key).standard_normal(n))
        kept = np.exp(-dt / self.tau)
        z[1:] *= np.sqrt(1.0 - kept**2)
        path = self.sd * scipy.signal.lfilter([1.0], [1.0, -kept], z)
        times = dt * np.arange(n)
        return lambda t: np.interp(t, times, path)


def _linear(model: MeanField, nu: Array, drive: Drive) -> tuple[Array, Array]:
    """Return (J - 1) / T and g / T (per ms) at a fixed point of the first order."""
    if model.adaptation is not None:
        raise InputError("adaptation = True is refused; allowed: a mean field without adaptation")
    none = np.zeros(2)

    def slope(step: Array, of_drive: Hz) -> Array:
        return model.target(nu + step, none, Drive(drive.exc + of_drive, drive.inh + of_drive)) - nu - step

    unit = _STEP * np.eye(2)
    columns = [(slope(u, 0.0) - slope(-u, 0.0)) / (2.0 * _STEP) for u in unit]
    gain = (slope(none, _STEP) - slope(none, -_STEP)) / (2.0 * _STEP)
    return np.stack(columns, axis=1) / model.T, gain / model.T


def linear_covariance(model: MeanField, nu: ArrayLike, drive: Drive, noise: Noise) -> Array:
    """Return the covariance (Hz^2) of the rates, shape (2, 2), around a stable fixed point `nu`."""
    J, gain = _linear(model, np.asarray(nu, np.float64), drive)
    A = np.zeros((3, 3))
    A[:2, :2], A[:2, 2], A[2, 2] = J, gain, -1.0 / noise.tau
    kick = np.zeros((3, 3))
    kick[2, 2] = 2.0 * noise.sd**2 / noise.tau
    return np.asarray(scipy.linalg.solve_continuous_lyapunov(A, -kick)[:2, :2])


def linear_spectrum(
    model: MeanField, nu: ArrayLike, drive: Drive, noise: Noise, frequency: ArrayLike
) -> Array:
    """Return the spectra (Hz^2 / Hz) of both rates at frequencies (Hz), shape (2, frequencies)."""
    J, gain = _linear(model, np.asarray(nu, np.float64), drive)
    omega = 2.0 * np.pi * np.asarray(frequency, np.float64) * PER_MS
    response = np.stack([np.linalg.solve(1j * w * np.eye(2) - J, gain) for w in omega], axis=1)
    of_noise = 4.0 * noise.sd**2 * noise.tau * PER_MS / (1.0 + (omega * noise.tau) ** 2)
    return np.asarray(np.abs(response) ** 2 * of_noise)


def spectra(ds: xr.Dataset, nperseg: int) -> xr.DataArray:
    """Return the spectra (Hz^2 / Hz) over `frequency` (Hz) of the rates of a sweep of mean_field, by Welch.

    Raises InputError where `time` is uneven or shorter than two segments.
    """
    time = ds["time"].values
    if len(time) < 2 * nperseg - nperseg // 2 or not np.allclose(np.diff(time), time[1] - time[0]):
        raise InputError(
            f"{len(time)} times are refused with nperseg = {nperseg}; allowed: even ones, of two segments at "
            "least"
        )
    rate = ds["rate"].transpose(..., "time")
    fs = 1.0 / (float(time[1] - time[0]) * PER_MS)
    frequency, values = scipy.signal.welch(rate.values, fs, "hann", nperseg)
    found = rate.isel(time=0, drop=True).expand_dims(frequency=frequency, axis=-1).copy(data=values)
    found["frequency"].attrs = {"units": "Hz", "long_name": "frequency"}
    return found.assign_attrs(units="Hz^2/Hz", long_name="spectrum of the rate")
