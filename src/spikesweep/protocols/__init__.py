"""Protocols, one a file: what is done to a network and what is measured. A new one adds its line."""

from spikesweep.protocols.fi_curve import FICurve as FICurve
from spikesweep.protocols.transfer_function import TransferFunction as TransferFunction
