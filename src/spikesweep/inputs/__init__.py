"""What drives a cell: synapse models and the event trains that kick them."""

from spikesweep.inputs.band_limited_noise import BandLimitedNoise as BandLimitedNoise
from spikesweep.inputs.butter_lowpass import ButterLowpass as ButterLowpass
from spikesweep.inputs.conductance import ExponentialConductance as ExponentialConductance
from spikesweep.inputs.connections import GivenConnections as GivenConnections
from spikesweep.inputs.connections import RandomConnections as RandomConnections
from spikesweep.inputs.euler_conductance import EulerConductance as EulerConductance
from spikesweep.inputs.given import GivenConductance as GivenConductance
from spikesweep.inputs.given import GivenCurrent as GivenCurrent
from spikesweep.inputs.noise import CurrentNoise as CurrentNoise
from spikesweep.inputs.noise import PotentialNoise as PotentialNoise
from spikesweep.inputs.patterns import BinaryPatterns as BinaryPatterns
from spikesweep.inputs.patterns import UniformPatterns as UniformPatterns
from spikesweep.inputs.rate_synapses import FilteredCurrent as FilteredCurrent
from spikesweep.inputs.rate_synapses import SaturatingConductance as SaturatingConductance
from spikesweep.inputs.two_stage import TwoStageCurrent as TwoStageCurrent
from spikesweep.inputs.two_stage import TwoStageKinetics as TwoStageKinetics
from spikesweep.inputs.weights import EqualWeights as EqualWeights
from spikesweep.inputs.weights import LogNormalWeights as LogNormalWeights
from spikesweep.inputs.weights import NormalWeights as NormalWeights
from spikesweep.inputs.weights import UniformWeights as UniformWeights
