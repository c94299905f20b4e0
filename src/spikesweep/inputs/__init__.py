"""What drives a cell: synapse models and the event trains that kick them."""

from spikesweep.inputs.conductance import ExponentialConductance as ExponentialConductance
from spikesweep.inputs.given import GivenConductance as GivenConductance
from spikesweep.inputs.given import GivenCurrent as GivenCurrent
from spikesweep.inputs.two_stage import TwoStageCurrent as TwoStageCurrent
from spikesweep.inputs.two_stage import TwoStageKinetics as TwoStageKinetics
