"""Networks: which populations there are and what a cell of them receives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, MinLen

from spikesweep.units import Fraction, ms, number

#: A neuron or a synapse: a NamedTuple of parameters (kernels.driver.Component).
Component = Any


def per_neuron(component: Component, n: int) -> Component:
    """Return a component whose arrays of parameters, one entry a point, have `n` entries a point."""
    arrays = {name: np.repeat(v, n) for name, v in component._asdict().items() if np.ndim(v)}
    return component._replace(**arrays)


@dataclass(frozen=True)
class RandomNetwork:
    """Excitatory and inhibitory cells that connect at random with one probability.

    All targets share the synapses: only the type of the presynaptic cell matters.
    """

    populations: Annotated[Mapping[str, Component], MinLen(1)]  #: the cells, by name
    N: Annotated[int, Ge(1)]  #: number of neurons
    inhibitory_fraction: Fraction  #: of the N neurons
    p_connect: Fraction  #: connection probability
    exc: Component  #: excitatory synapse
    inh: Component  #: inhibitory synapse

    @property
    def in_degree(self) -> dict[str, number]:
        """Return the mean number of synapses onto a cell, by type."""
        return {
            "exc": self.N * (1.0 - self.inhibitory_fraction) * self.p_connect,
            "inh": self.N * self.inhibitory_fraction * self.p_connect,
        }

    @property
    def synapses(self) -> dict[str, Component]:
        """Return the synapses by type."""
        return {"exc": self.exc, "inh": self.inh}

    def time_constants(self) -> dict[str, ms]:
        """Return every time constant that dt must resolve, by the key of the configuration."""
        found = {}
        for cell, parameters in self.populations.items():
            for name, value in parameters.time_constants().items():
                found[f"neuron.{cell}.{name}"] = value
        for kind, synapse in self.synapses.items():
            for name, value in synapse.time_constants().items():
                found[f"network.{kind}.{name}"] = value
        return found
