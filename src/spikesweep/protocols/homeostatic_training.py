"""Homeostatic training of the weights of an E and an I population, in their rate model, over `trial`.

Equations, rules and the paper (Soldado-Magraner et al. 2022) stand in analysis/homeostatic.py. Each seed
draws its initial weights uniformly in their ranges, again until the network has an Up state whose excitatory
rate lies within `initial_rates`; all rules and set points of a seed begin with the same weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spikesweep.analysis.homeostatic import (
    FLOOR,
    SHARES,
    WEIGHTS,
    Rates,
    response_to_input,
    trained,
    up_state,
)
from spikesweep.errors import InputError, nearest
from spikesweep.grid.schema import Axis, Variable
from spikesweep.kernels.random.philox import derive, point_keys, uniforms
from spikesweep.protocols.base import Experiment
from spikesweep.units import Hz, NonNegative, Positive, Seed, ms, number

Array = NDArray[np.float64]

#: What a trial costs, in steps of a neuron: only sets the size of blocks.
_TRIAL_WORK = 200.0
#: How often weights are drawn for a seed.
_DRAWS = 1000
#: A longer training is refused: half an hour for a block.
_MOST_TRIALS = 10_000_000


@dataclass(frozen=True)
class HomeostaticTraining(Experiment):
    """Rates in the Up state, 0 where there is no stable one, and the weights, before each trial's change."""

    has_network: ClassVar[bool] = False

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("seed", "1", "of the initial weights", 0, integer=True),
        Axis("rule", "1", "rule of the changes of weights", 0.0, words=True),
        Axis("set_E", "Hz", "set point of the excitatory rate", np.nextafter(0.0, 1.0)),
        Axis("set_I", "Hz", "set point of the inhibitory rate", np.nextafter(0.0, 1.0)),
        Axis("trial", "1", "changes of the weights before", 0, integer=True, whole=True),
    )
    variables: ClassVar[tuple[Variable, ...]] = (
        Variable("rate", ("population",), "Hz", "rate in the Up state"),
        Variable("weight", ("weight_name",), "1", "total weight, target before source"),
        Variable("response", (), "Hz", "change of the inhibitory rate per unit of input to it"),
    )

    learning_rate: Positive[number]  #: per Hz^2
    initial_low: tuple[NonNegative[number], ...]  #: of EE, EI, IE, II
    initial_high: tuple[NonNegative[number], ...]  #: of EE, EI, IE, II
    initial_rates: tuple[NonNegative[Hz], ...]  #: the lowest and the highest E of networks that are trained
    gain_E: Positive[number]  #: Hz per unit of input
    gain_I: Positive[number]  #: Hz per unit of input
    theta_E: NonNegative[number]  #: threshold, in units of input
    theta_I: NonNegative[number]  #: threshold, in units of input
    tau_E: Positive[ms]  #: of the rate
    tau_I: Positive[ms]  #: of the rate
    root_seed: Seed  #: of all random numbers

    @property
    def store_name(self) -> str:
        """Return what its stores are called: they have no neuron and no network."""
        return "rate_model"

    def check(self, network: Any) -> None:
        """Refuse ranges of weights that are none; raise InputError."""
        del network
        low, high, rates = self.initial_low, self.initial_high, self.initial_rates
        for key, values in (("initial_low", low), ("initial_high", high)):
            if len(values) != len(WEIGHTS) or min(values) < FLOOR:
                raise InputError(
                    f"protocol.{key} = {[*values]} is refused; allowed: four numbers, of "
                    f"{', '.join(WEIGHTS)}, from {FLOOR} on"
                )
        if any(a > b for a, b in zip(low, high, strict=True)):
            raise InputError(
                f"protocol.initial_low = {[*low]} is refused; allowed: none above protocol.initial_high = "
                f"{[*high]}"
            )
        if len(rates) != 2 or rates[0] >= rates[1]:
            raise InputError(
                f"protocol.initial_rates = {[*rates]} is refused; allowed: a lower and a higher rate"
            )

    def check_grid(self, network: Any, values: Mapping[str, NDArray[Any]]) -> None:
        """Refuse rules that there are not, too many trials, and seeds without weights; raise InputError."""
        del network
        for rule in np.unique(values["rule"]).tolist():
            if rule not in SHARES:
                raise InputError(f"grid.rule holds {rule!r}; {nearest(rule, SHARES)}")
        if (last := int(values["trial"].max())) > _MOST_TRIALS:
            raise InputError(f"grid.trial holds {last}; allowed: up to {_MOST_TRIALS}")
        self._initial(np.unique(values["seed"]))

    def reads(self, key: str) -> bool:
        """Return whether results depend on a value of the configuration: on those of the protocol."""
        return key.startswith("protocol.")

    def coordinates(self, network: Any) -> dict[str, list[str]]:
        """Return the names of the populations and of the weights."""
        del network
        return {"population": ["E", "I"], "weight_name": list(WEIGHTS)}

    def work(self, network: Any, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the cost of one point in neuron steps."""
        del network
        return (float(whole["trial"].max()) + 1.0) * _TRIAL_WORK

    def prepare(self, network: Any) -> None:
        """Do nothing: no kernel is called."""

    def __call__(
        self, network: Any, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return rates, weights and responses, shape (names, point, trial)."""
        del network
        shares = np.array([SHARES[rule] for rule in points["rule"].tolist()]).T
        rate, weight = trained(
            self._initial(points["seed"]),
            shares,
            np.stack([points["set_E"], points["set_I"]]),
            self.learning_rate,
            whole["trial"].astype(np.int64),
            self._model,
        )
        response = response_to_input(np.moveaxis(weight, 1, 0), self._model)
        found = {"rate": np.moveaxis(rate, 0, -1), "weight": np.moveaxis(weight, 0, -1)}
        return {**found, "response": response.T}

    @property
    def _model(self) -> Rates:
        return Rates(self.gain_E, self.gain_I, self.theta_E, self.theta_I, self.tau_E, self.tau_I)

    def _initial(self, seeds: NDArray[Any]) -> Array:
        """Return the initial weights of each seed, shape (4, seed); raise InputError where there are none."""
        low, high = np.array(self.initial_low), np.array(self.initial_high)
        keys = point_keys(self.root_seed, {"seed": seeds})
        drawn, missing = np.empty((len(low), len(seeds))), np.ones(len(seeds), np.bool_)
        for attempt in range(_DRAWS):
            u = uniforms(derive(keys[missing], "initial weights", attempt), len(low))
            drawn[:, missing] = (low + (high - low) * u).T
            E, _ = up_state(drawn, self._model)
            missing = ~((self.initial_rates[0] < E) & (self.initial_rates[1] > E))
            if not missing.any():
                return drawn
        raise InputError(
            f"protocol.initial_low = {[*low]} and protocol.initial_high = {[*high]} gave seed "
            f"{seeds[missing][0]} no Up state of protocol.initial_rates = {[*self.initial_rates]} Hz in "
            f"{_DRAWS} draws; allowed: ranges of weights in which there are such"
        )
