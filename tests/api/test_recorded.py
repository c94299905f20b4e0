"""The recorded experiments: every file of sweeps/ composes, and runs on a reduced grid."""

import re
from itertools import product
from pathlib import Path

import pytest
from conftest import CONF
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import spikesweep as ss
from spikesweep.config.compose import with_choices
from spikesweep.config.words import number_words
from spikesweep.config.zips import STORE_GROUPS
from spikesweep.grid.schema import GATED, OK, SATURATED
from spikesweep.sweep.job import make_job

SWEEPS = Path(__file__).parents[2] / "sweeps"
NAMES = sorted(path.stem for path in SWEEPS.glob("*.yaml"))
REDUCED = (
    "grid.seed=[0]",
    "protocol.duration=60.0",
    "grid.protocol.duration=[60.0,80.0]",
    "protocol.discard=0.0",
    "protocol.spectrum=0.0",
    "protocol.nperseg=2048",
    "protocol.window=20.0",
    "protocol.settle=20.0",
    "grid.time=[0.0,2.0]",
    "grid.trial=[0,20]",
    "grid.epoch=[0,2]",
    "optimise.first=8",
    "optimise.batch=8",
    "optimise.budget=8",
    "network.drives.external.shape.start=0.0",
    "sample.num=8",
    "compute=serial",
)


def composed(name, *words):
    """Return the configurations of a recorded experiment, one for each of its stores."""
    with initialize_config_dir(str(SWEEPS), version_base="1.3"):

        def load(overrides):
            own = [f"hydra.searchpath=[file://{CONF}]", *number_words([*overrides, *words])]
            return compose(name, own, return_hydra_config=True)

        params = OmegaConf.to_container(load([]).hydra.sweeper.params)
        numbers = [f"{key}={text}" for key, text in params.items() if key not in STORE_GROUPS]
        groups = [[f"{k}={option}" for option in params[k].split(",")] for k in STORE_GROUPS if k in params]
        cfgs = [load([*numbers, *choice]) for choice in product(*groups)]
    return [with_choices(cfg, cfg.hydra.runtime.choices) for cfg in cfgs]


#: What simulates a first point to see what its summaries return.
TRIED = ("seven_parameters",)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in TRIED)) for name in NAMES]
)
def test_a_recorded_experiment_says_what_it_is(name):
    comment = re.match(r"(#.*\n)+", (SWEEPS / f"{name}.yaml").read_text())[0]
    assert "Varies:" in comment
    assert re.search(r"About \d+ (second|minute|hour)s? on \d+ cores", comment)
    for cfg in composed(name):
        assert cfg.name == name
        job = make_job(cfg)[0]  # a point of a whole network, or of all patterns, takes long
        is_long = job.protocol.whole_network or hasattr(job.protocol, "n_patterns")
        assert job.grid.n_points > (4 if is_long else 20)


#: Whole networks that compile loops of their own, or take some 10 s even when reduced.
LONG = (
    "brunel_phases", "coba_cuba", "dentate_circuits", "jercog_recurrent_up", "jercog_up_down",
    "mean_field_fluctuations", "network_fluctuations", "potjans_diesmann", "sacha_rates", "sacha_survival",
    "seven_parameters", "soldado2022", "soldado2022_paradox", "soldado2022_poisson", "step_size_fi_curve",
)  # fmt: skip


#: What else lets something happen in so short a time.
MORE = {
    "jercog_recurrent_up": ("grid.drive=[50.0]",),
    "soldado2022": ("network.drives.kicks.times=[10.0]",),
    "soldado2022_paradox": ("network.drives.kicks.times=[10.0]",),
    "soldado2022_poisson": ("network.drives.poisson.rate=100.0",),
    "step_size_information": ("protocol.duration=250.0",),  # two segments
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in NAMES]
)
def test_a_recorded_experiment_runs(name, tmp_path):
    whole = composed(name)[0]
    reduced = [
        word
        for word in (*REDUCED, *MORE.get(name, ()))
        if OmegaConf.select(whole, word.split("=")[0]) is not None
    ]
    assert len(reduced) >= 3
    largest = 0.0
    for cfg in composed(name, *reduced, f"outputs={tmp_path}"):
        ds = ss.run(cfg)
        assert ds.status.isin((OK, SATURATED, GATED)).all()
        largest = max(largest, *(float(ds[variable].max()) for variable in ds.attrs["results"].split()))
    assert largest > 0
