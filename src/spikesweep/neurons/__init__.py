"""Neuron models, one a file. A new model adds its import line here."""

from spikesweep.neurons.adexp import AdExp as AdExp
from spikesweep.neurons.eif import EIF as EIF
from spikesweep.neurons.izhikevich import Izhikevich as Izhikevich
from spikesweep.neurons.jercog import Jercog as Jercog
from spikesweep.neurons.lif import LIF as LIF
from spikesweep.neurons.lif_dimensionless import LIFDimensionless as LIFDimensionless
from spikesweep.neurons.rate_unit import RateUnit as RateUnit
