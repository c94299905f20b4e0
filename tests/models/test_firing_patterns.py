"""The 20 patterns of Izhikevich 2004 and the eight of Naud et al. 2008: as published, and told apart."""

from functools import cache

import numpy as np
import pytest
from test_neurons import cell_of
from test_recorded import composed

import spikesweep as ss
from spikesweep.config import compose as config
from spikesweep.config.build import build
from spikesweep.errors import InputError
from spikesweep.models import CurrentCourse
from spikesweep.sweep.job import make_job

#: Steps (ms) of figure1.m where they are not 0.25.
STEPS = {
    **dict.fromkeys(("PhasicBursting", "SpikeLatency", "ReboundSpike", "ReboundBurst"), 0.2),
    **dict.fromkeys(("Accommodation", "InhibitionInducedSpiking", "InhibitionInducedBursting"), 0.5),
    "DAP": 0.1,
}
PATTERNS = [*ss.load("neuron=izhikevich2004").neuron, *list(STEPS)[5:7]]


@pytest.fixture(scope="module")
def gallery():
    """Return the cells and the courses of the recorded sweep."""
    values = config.plain(composed("izhikevich2004")[0])
    names = values["network"]["populations"]
    cells = {name: build(values["neuron"][name], f"neuron.{name}") for name in names}
    return cells, {name: CurrentCourse(**node) for name, node in values["protocol"]["courses"].items()}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Return a function that gives the recorded sweep, at the published current, in a step."""

    @cache
    def run(dt):
        folder = tmp_path_factory.mktemp("gallery")
        words = (f"protocol.dt={dt}", "grid.i_ext=[1.0]", "compute=serial", f"outputs={folder}")
        return ss.run(composed("izhikevich2004", *words)[0]).load()

    return run


def as_published(cell, current, dt):
    """Return the steps of the spikes, and v, of a loop like that of figure1.m, from rest."""
    v, u = (float(x) for x in cell.rest)
    spikes, shown = [], []
    for i, i_ext in enumerate(current.tolist()):
        shown.append(v)
        v = v + dt * (cell.k2 * v**2 + cell.k1 * v + cell.k0 - u + (i_ext + cell.I_0))
        if cell.recovery == "integrates":
            u = u + dt * cell.a * (cell.b * (v + 65.0))
        else:
            u = u + dt * cell.a * (cell.b * v - u)
        if v > 30.0:
            spikes.append(i)
            v, u = cell.c, u + cell.d
    return spikes, np.array(shown)


@pytest.mark.parametrize("name", PATTERNS)
def test_every_spike_is_that_of_the_published_program(gallery, name, swept):
    """In the published step. Sums are ordered otherwise: 1e-9 mV until its first spike, no spike is moved."""
    cells, courses = gallery
    dt = STEPS.get(name, 0.25)
    part, course = cells[name], courses[name]
    current = course.factor(np.arange(round(350.0 / dt)) * dt)
    spikes, v = as_published(part, current, dt)
    ds = swept(dt).isel(seed=0, i_ext=0).sel(population=name)
    found = ds.sweep.spikes().spike_times.values
    assert len(spikes) > 0
    assert (np.round(found / dt).astype(int) - 1).tolist() == spikes
    quiet = slice(0, spikes[0])
    np.testing.assert_allclose(ds.v.values[quiet], v[quiet], atol=1e-9)


@pytest.mark.parametrize(
    ("name", "v", "digits"),
    [
        ("TonicSpiking", -70.0, 12),
        ("PhasicSpiking", -64.0, 0),
        ("Class1", -60.0, 12),
        ("Resonator", -62.0, 0),
        ("Bistability", -61.0, 0),
        ("Accommodation", -65.0, 12),
        ("InhibitionInducedSpiking", -63.8, 1),
    ],
)
def test_rest_is_the_published_start(gallery, name, v, digits):
    """That of figure1.m, which has two or three digits of it."""
    assert float(gallery[0][name].rest.v) == pytest.approx(v, abs=max(0.55 * 10.0**-digits, 1e-9))


def test_class_1_begins_slowly_and_class_2_at_a_rate():
    """The closed form of the fold, 2.25 pA, and that only class 1 has any rate just above where it begins."""
    assert float(cell_of("izhikevich2004", "Class1").rheobase()) == pytest.approx(2.25, rel=1e-12)
    words = ("neuron=izhikevich2004", "network=fs_rs", "network.populations=[Class1,Class2]")
    cfg = ss.load(*words, "protocol=fi_curve", "grid.i_ext={start:0.0,stop:4.0,num:401}", "protocol.dt=0.05")
    cfg.protocol.duration, cfg.compute = 4000.0, ss.load("compute=serial").compute
    job = make_job(cfg)[0]
    points = {"i_ext": np.linspace(0.0, 4.0, 401), "seed": np.zeros(401, int)}
    rates = job.protocol(job.network, points, {})["rate"]
    slowest = [rate[rate > 1.0].min() for rate in rates]
    assert slowest[0] < 5.0
    assert slowest[1] > 15.0


def test_patterns_of_naud_2008_are_told_apart(tmp_path):
    """By latencies and intervals, at the published current; bounds are far from what was measured."""
    (cfg,) = composed("naud2008", "grid.i_ext=[1.0]", "compute=serial", f"outputs={tmp_path}")
    ds = ss.run(cfg).load().isel(seed=0, i_ext=0)
    trains = {p: ds.sweep.spikes(population=p).spike_times.values for p in ds.population.values}
    isi = {p: np.diff(train) for p, train in trains.items()}
    cv = ds.cv_isi.to_series()
    ratio = (ds.last_isi / ds.first_isi).to_series()
    assert cv["Tonic"] < 0.05
    assert 0.9 < ratio["Tonic"] < 1.2
    assert ratio["Adapting"] > 4.0
    assert (np.diff(isi["Adapting"]) > -0.5).all()  # every interval is longer, until they settle
    assert (isi["InitialBurst"][:2] < 10.0).all()
    assert isi["InitialBurst"][3:].min() > 50.0
    for bursting in ("RegularBursting", "DelayedBursting"):
        assert cv[bursting] > 1.0
        assert (isi[bursting] > 30.0).sum() >= 3  # pauses between bursts
        assert (isi[bursting] < 12.0).sum() > (isi[bursting] > 30.0).sum()
    assert float(ds.latency.sel(population="DelayedBursting")) - 20.0 > 40.0
    assert float(ds.latency.sel(population="DelayedAccelerating")) - 20.0 > 30.0
    assert (np.diff(isi["DelayedAccelerating"]) < 0.2).all()
    assert ratio["DelayedAccelerating"] < 0.6
    assert 1 <= len(trains["Transient"]) <= 3
    assert trains["Transient"].max() < 100.0
    late = isi["Irregular"][10:]
    assert len({round(x) for x in late}) > 8  # no interval comes again


@pytest.mark.parametrize(
    ("times", "factors"), [([], []), ([2.0, 1.0], [0.0, 1.0]), ([1.0] * 3, [0.0] * 3), ([1.0], [0.0, 1.0])]
)
def test_a_course_without_order_is_refused(times, factors):
    with pytest.raises(InputError, match=r"protocol\.course\.(times|factors).*allowed"):
        CurrentCourse(tuple(times), tuple(factors)).check("protocol.course")


def test_a_course_jumps_at_a_time_that_stands_twice():
    course = CurrentCourse((1.0, 1.0, 3.0), (0.0, 2.0, -2.0))
    assert course.factor(np.array([0.0, 0.999, 1.0, 2.0, 3.0, 9.0])).tolist() == [
        0.0,
        0.0,
        2.0,
        0.0,
        -2.0,
        -2.0,
    ]
