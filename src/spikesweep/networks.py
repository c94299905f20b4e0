"""Networks: which populations there are and what a cell of them receives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, MinLen

from spikesweep.units import Fraction, ms, number

#: A neuron or a synapse: a NamedTuple of parameters (kernels.driver.Component).
Component = Any


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
    def components(self) -> tuple[Component, ...]:
        """Return the parts whose code decides the results."""
        return (*self.populations.values(), self.exc, self.inh)

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
