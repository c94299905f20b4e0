"""The protocol and the network of a configuration, for one simulation."""

from typing import Any, TypeVar

from spikesweep.config import compose as config
from spikesweep.config.compose import Configuration
from spikesweep.errors import InputError
from spikesweep.protocols.base import Experiment
from spikesweep.sweep.experiment import assemble

P = TypeVar("P", bound=Experiment)


def parts(cfg: Configuration, kind: type[P], name: str) -> tuple[P, Any]:
    """Return the checked protocol, which must be of a `kind`, and the network; raise InputError."""
    protocol, network = assemble(config.plain(cfg))
    if not isinstance(protocol, kind):
        raise InputError(f"protocol is a {type(protocol).__name__}; allowed: protocol={name}")
    protocol.check(network)
    return protocol, network
