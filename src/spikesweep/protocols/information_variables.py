"""The axes and the results of `population_information`."""

from spikesweep.grid.schema import Axis, Variable

_OF_POOL = ("condition", "pop_size", "repeat")

AXES = (
    Axis("band", "Hz", "frequency band of the stimulus, low-high", 0.0, words=True),
    Axis("seed", "1", "of the stimulus and the responses", 0, integer=True),
    Axis("condition", "1", "conduction: a name, or density/velocity", 0.0, words=True, whole=True),
    Axis("pop_size", "1", "cells in the population", 1, integer=True, whole=True),
    Axis("repeat", "1", "random population", 0, integer=True, whole=True),
)
#: Measured where bands of their own are asked for.
BAND_INFORMATION = Variable(
    "band_information", ("analysis_band",), "bits/s", "information in a band that is not the stimulus's"
)
VARIABLES = (
    Variable("information", (), "bits/s", "information on the stimulus"),
    Variable("information_floor", (), "bits/s", "information on an unrelated stimulus"),
    Variable(
        "coherence",
        ("coherence_size", "frequency"),
        "1",
        "squared coherence, NaN outside the band",
        optional=True,
        without=("pop_size",),
    ),
    Variable(
        "cell_coherence",
        ("frequency",),
        "1",
        "squared coherence of one response, from the whole pool",
        optional=True,
        without=_OF_POOL,
    ),
    Variable("rate_mean", (), "Hz", "mean rate of the pool", without=_OF_POOL),
    Variable("rate_sd", (), "Hz", "SD of the rate over the pool", without=_OF_POOL),
    Variable("isi_cv", (), "1", "CV of the intervals, mean over the pool", optional=True, without=_OF_POOL),
    Variable("stimulus_sd", (), "threshold", "realised SD of the stimulus", without=_OF_POOL),
)
