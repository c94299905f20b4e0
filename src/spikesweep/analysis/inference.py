"""Inference from a sampled sweep: arrays, the prior as an object, a posterior without another package."""

from spikesweep.analysis.posterior import abc as abc
from spikesweep.analysis.posterior import predictive as predictive
from spikesweep.analysis.posterior import write_points as write_points
from spikesweep.analysis.samples import Arrays as Arrays
from spikesweep.analysis.samples import Prior as Prior
from spikesweep.analysis.samples import arrays as arrays
from spikesweep.analysis.samples import log_prior as log_prior
from spikesweep.analysis.samples import prior as prior
from spikesweep.analysis.samples import sample_of as sample_of
