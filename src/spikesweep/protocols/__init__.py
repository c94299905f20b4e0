"""Protocols, one a file: what is done to a network and what is measured. A new one adds its line."""

from spikesweep.protocols.connection_test import ConnectionTest as ConnectionTest
from spikesweep.protocols.ei_balance import EIBalance as EIBalance
from spikesweep.protocols.fi_curve import FICurve as FICurve
from spikesweep.protocols.mean_field import MeanFieldDynamics as MeanFieldDynamics
from spikesweep.protocols.population_information import PopulationInformation as PopulationInformation
from spikesweep.protocols.rate_dynamics import RateDynamics as RateDynamics
from spikesweep.protocols.spiking_network import SpikingNetworkActivity as SpikingNetworkActivity
from spikesweep.protocols.transfer_function import TransferFunction as TransferFunction
from spikesweep.protocols.transfer_function_adaptive import (
    TransferFunctionAdaptive as TransferFunctionAdaptive,
)
