"""Mean field of two populations under an external drive: its course in time and all its fixed points.

First order (Zerlaut et al. 2018, doi:10.1007/s10827-017-0668-2) or second (El Boustani and Destexhe 2009,
doi:10.1162/neco.2009.02-08-710), with or without adaptation (di Volo et al. 2019,
doi:10.1162/neco_a_01173); the equations stand in analysis/mean_field.py. The network's first population
excites, its second inhibits. The stimulus may follow a course in time, and Ornstein-Uhlenbeck noise that both
populations share may be added to the drive (analysis/mean_field_noise.py). Departure from the original:
Runge-Kutta of order 4.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from spikesweep.analysis.mean_field import Adaptation, Drive, MeanField, fixed_points, integrate
from spikesweep.analysis.mean_field_fits import FITS
from spikesweep.analysis.mean_field_noise import Noise
from spikesweep.analysis.semi_analytical import OF_CELL, Array, Cell, Form, TransferFunction, terms_of
from spikesweep.errors import InputError
from spikesweep.grid.schema import NON_FINITE, OK, Axis, Variable
from spikesweep.models.contracts import Shape
from spikesweep.models.inputs.drive import factor_of
from spikesweep.models.networks.contracts import Homogeneous
from spikesweep.models.networks.random import RandomNetwork
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.checks import check_network, steps
from spikesweep.units import Fraction, Hz, NonNegative, Positive, Seed, ms, mV

#: Fixed points that are kept; `n_fixed_points` counts all.
_KEPT = 5
#: Longest time step by order, in units of T: beyond it the covariances diverge, or rates are 1 % off.
_LONGEST = {1: 0.5, 2: 0.1}
#: Longest time step in units of the noise's time constant: it is linear between steps.
_LONGEST_OF_NOISE = 0.2
#: Parameters of a cell that adaptation reads.
_ADAPTATION = ("a", "b", "tau_w")
#: What a step of the equations costs, in steps of a neuron: only sets the size of blocks.
_STEP_WORK = 3000.0


@dataclass(frozen=True)
class MeanFieldDynamics(Experiment):
    """Rates, covariances, adaptation and mean potential over `time`, after a settling time."""

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("ext_drive", "Hz", "external excitatory rate", 0.0),
        Axis("stimulus", "Hz", "rate added during the stimulus", 0.0),
        Axis("time", "ms", "time since settling", 0.0, whole=True),
    )
    variables: ClassVar[tuple[Variable, ...]] = (
        Variable("rate", ("population",), "Hz", "population rate"),
        Variable("covariance", ("pair",), "Hz2", "covariance of the population rates"),
        Variable("w", ("population",), "pA", "adaptation current"),
        Variable("mu_V", ("population",), "mV", "mean potential"),
        Variable(
            "fixed_point",
            ("fixed_point_index", "population"),
            "Hz",
            "rates at a fixed point",
            optional=True,
            without=("time",),
        ),
        Variable(
            "growth",
            ("fixed_point_index",),
            "1/ms",
            "largest growth rate there",
            optional=True,
            without=("time",),
        ),
        Variable("n_fixed_points", (), "1", "number of fixed points", "int16", without=("time",)),
    )

    form: Form | None  #: moments that the coefficients belong to; those of `fit` where null
    #: of the excitatory cells' threshold: 11, 10 without logarithm, 5 linear; those of `fit` where null
    coefficients_exc: tuple[mV, ...] | None
    coefficients_inh: tuple[mV, ...] | None  #: of the inhibitory cells' threshold; those of `fit` where null
    T: Positive[ms]  #: time constant
    order: Literal[1, 2]  #: 2: with the covariances of finite populations
    adaptation: bool  #: whether a, b and tau_w of the cells act
    spontaneous: NonNegative[Hz]  #: added to the excitatory rates
    initial_exc: NonNegative[Hz]  #: excitatory rate at the start of settling
    initial_inh: NonNegative[Hz]  #: inhibitory rate at the start of settling
    initial_covariance: NonNegative[float]  #: every covariance at the start (Hz^2)
    settle: NonNegative[ms]  #: time before time zero, without stimulus
    dt: Positive[ms]  #: time step
    stimulus_start: NonNegative[ms]  #: of the stimulus
    stimulus_stop: NonNegative[ms]  #: of the stimulus
    exc_fraction: Fraction  #: share of the stimulus that reaches excitatory cells; the rest inhibitory ones
    max_rate: Positive[Hz]  #: fixed points are looked for up to here
    fit: Literal["spikesweep", "zerlaut2018"] = "spikesweep"  #: where coefficients are not given
    #: factor of the stimulus from time zero on; 1 from stimulus_start to stimulus_stop where null
    course: Shape | None = None
    noise_sd: NonNegative[Hz] = 0.0  #: of Ornstein-Uhlenbeck noise of the drive of both populations
    noise_tau: Positive[ms] = 5.0  #: its correlation time
    noise_seed: Seed = 0  #: of its path, which is that of all points

    def check(self, network: RandomNetwork) -> None:
        """Refuse a network or coefficients that make no mean field; raise InputError."""
        check_network(network, Homogeneous, "fs_rs")
        if len(network.populations) != 2:
            raise InputError(
                f"network.populations = {list(network.populations)} is refused; "
                f"allowed: an excitatory and an inhibitory one"
            )
        self._model(network)
        steps("protocol.settle", self.settle, self.dt)
        longest = _LONGEST[self.order] * self.T
        if self.dt > longest:
            raise InputError(
                f"protocol.dt = {self.dt} ms is refused; allowed with protocol.T = {self.T} ms and "
                f"protocol.order = {self.order}: up to {longest:g} ms"
            )
        if self.course is not None:
            self.course.check("protocol.course")
        if self.noise_sd and self.dt > _LONGEST_OF_NOISE * self.noise_tau:
            raise InputError(
                f"protocol.dt = {self.dt} ms is refused; allowed with protocol.noise_tau = "
                f"{self.noise_tau} ms: up to {_LONGEST_OF_NOISE * self.noise_tau:g} ms"
            )
        if self.stimulus_stop < self.stimulus_start:
            raise InputError(
                f"protocol.stimulus_stop = {self.stimulus_stop} ms is refused; allowed: from "
                f"protocol.stimulus_start = {self.stimulus_start} ms on"
            )

    def reads(self, key: str) -> bool:
        """Return whether results depend on a value: of a cell only what the moments and adaptation have."""
        if key == "protocol.fit":
            return None in (self.form, self.coefficients_exc, self.coefficients_inh)
        if key in ("protocol.stimulus_start", "protocol.stimulus_stop"):
            return self.course is None
        adaptation = _ADAPTATION if self.adaptation else ()
        return not key.startswith("neuron.") or key.rsplit(".", 1)[1] in (*OF_CELL, *adaptation)

    def coordinates(self, network: RandomNetwork) -> dict[str, list[str]]:
        """Return the names of the populations, their pairs, and numbers for the fixed points."""
        names = list(network.populations)
        pairs = [f"{names[0]}-{names[0]}", f"{names[0]}-{names[1]}", f"{names[1]}-{names[1]}"]
        return {"population": names, "pair": pairs, "fixed_point_index": [str(i) for i in range(_KEPT)]}

    def work(self, network: RandomNetwork, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the cost of one point in neuron steps."""
        del network
        return (self.settle + float(whole["time"].max())) / self.dt * _STEP_WORK

    def prepare(self, network: RandomNetwork) -> None:
        """Do nothing: no kernel is called."""

    def __call__(
        self, network: RandomNetwork, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return the course in time, shape (rows, point, time), and the fixed points."""
        model = self._model(network)
        ext_drive, stimulus, time = points["ext_drive"], points["stimulus"], whole["time"]
        y = self._course(model, ext_drive, stimulus, time)
        covariance = np.zeros((3, *y.shape[1:]))
        if model.second_order:
            covariance = y[4:]
        on = np.array([self._on(t) for t in time])
        noisy = ext_drive[:, np.newaxis] + self._noise(time)(self.settle + time)
        drive = Drive.of(noisy, stimulus[:, np.newaxis] * on, self.exc_fraction)
        results = {
            "rate": y[:2],
            "covariance": covariance,
            "w": y[2:4],
            "mu_V": model.mu_V(y[:2], y[2:4], drive),
            **self._fixed_points(model, ext_drive),
        }
        finite = np.isfinite(y).all(axis=0)
        return {**results, "status": np.where(finite, OK, NON_FINITE).astype(np.uint8)}

    def _course(self, model: MeanField, ext_drive: Array, stimulus: Array, time: Array) -> Array:
        """Return the states at `time`, linear between two steps, shape (rows, point, time)."""
        n_settle = steps("protocol.settle", self.settle, self.dt)

        noise = self._noise(time)

        def drives(t: ms) -> Drive:
            return Drive.of(ext_drive + noise(t), stimulus * self._on(t - self.settle), self.exc_fraction)

        place = n_settle + time / self.dt
        before = np.floor(place).astype(np.int64)
        keep = np.unique(np.concatenate([before, before + 1]))
        start = model.initial((self.initial_exc, self.initial_inh), self.initial_covariance, ext_drive.shape)
        with np.errstate(over="ignore", invalid="ignore"):  # what diverges is reported as such
            states = integrate(model, start, drives, self.dt, int(keep[-1]), keep)
            share = (place - before).reshape(-1, *[1] * start.ndim)
            at = np.searchsorted(keep, before)
            course = states[at] * (1.0 - share) + states[at + 1] * share
        return np.moveaxis(course, 0, -1)

    def _noise(self, time: Array) -> Callable[[Any], Any]:
        """Return the noise of the drive (Hz) as a function of the time since the start of settling."""
        if not self.noise_sd:
            return lambda t: 0.0
        return Noise(self.noise_sd, self.noise_tau).course(
            self.noise_seed, self.dt, self.settle + float(time.max())
        )

    def _on(self, t: ms) -> float:
        if self.course is not None:
            return float(factor_of(self.course, np.array([t]))[0]) if t >= 0.0 else 0.0
        return 1.0 if self.stimulus_start <= t < self.stimulus_stop else 0.0

    def _fixed_points(self, model: MeanField, ext_drive: Array) -> dict[str, NDArray[Any]]:
        n = len(ext_drive)
        rates, growth = np.full((_KEPT, 2, n), np.nan), np.full((_KEPT, n), np.nan)
        count = np.zeros(n, np.int16)
        known: dict[float, tuple[Array, Array]] = {}
        for i, drive in enumerate(ext_drive.tolist()):
            if drive not in known:
                known[drive] = fixed_points(model, Drive.of(drive, 0.0, 0.0), self.max_rate)
            found, speed = known[drive]
            kept = min(len(found), _KEPT)
            rates[:kept, :, i], growth[:kept, i], count[i] = found[:kept], speed[:kept], len(found)
        return {"fixed_point": rates, "growth": growth, "n_fixed_points": count}

    def _model(self, network: RandomNetwork) -> MeanField:
        functions, adaptation = [], []
        fit = FITS[self.fit]
        coefficients = {
            "coefficients_exc": fit.exc if self.coefficients_exc is None else self.coefficients_exc,
            "coefficients_inh": fit.inh if self.coefficients_inh is None else self.coefficients_inh,
        }
        form = self.form or fit.form
        named = None in (self.coefficients_exc, self.coefficients_inh)
        if named and form != fit.form:
            raise InputError(
                f"protocol.form = {form} is refused with protocol.fit = {self.fit}, whose coefficients "
                f"belong to {fit.form}; allowed: null, or coefficients of your own"
            )
        for (key, values), (name, neuron) in zip(coefficients.items(), network.cells.items(), strict=True):
            try:
                terms = terms_of(len(values))
            except InputError as error:
                raise InputError(f"protocol.{key}: {error}") from None
            functions.append(TransferFunction(Cell.of(neuron, network, name), np.array(values), terms, form))
            if self.adaptation:
                try:
                    adaptation.append(Adaptation(neuron.a, neuron.b, neuron.tau_w))
                except AttributeError as error:
                    raise InputError(f"protocol.adaptation = true needs a, b, tau_w: {error}") from error
        N = (network.N * (1.0 - network.inhibitory_fraction), network.N * network.inhibitory_fraction)
        pair = (adaptation[0], adaptation[1]) if self.adaptation else None
        return MeanField(functions[0], functions[1], self.T, N, self.order == 2, pair, self.spontaneous)
