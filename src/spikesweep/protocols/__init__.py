"""Protocols, one a file: what is done to a network and what is measured. A new one adds its line."""

from spikesweep.protocols.rate_dynamics import RateDynamics as RateDynamics
from spikesweep.protocols.transfer_function import TransferFunction as TransferFunction
