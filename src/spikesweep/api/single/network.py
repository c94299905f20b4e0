"""The network of a configuration, to look at it."""

from typing import Any

from spikesweep.config import compose as config
from spikesweep.config.compose import Configuration
from spikesweep.sweep.experiment import network_of


def network(cfg: Configuration) -> Any:
    """Return the network of a configuration, built and checked, as protocols are called with it.

    >>> import spikesweep as ss
    >>> ss.network(ss.load("neuron=rate_unit", "network=dentate_6", "protocol=rate_dynamics")).size("Output")
    128
    """
    return network_of(config.plain(cfg))
