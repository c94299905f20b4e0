"""The dimensionless cell: spikes of the reference, its noise, its refusals."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE
from numpy.random import RandomState

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.cells.lanes import Drive, kick_all_alike, run_lanes
from spikesweep.kernels.cells.spike_trains import SpikeTrains
from spikesweep.models import LIFDimensionless
from spikesweep.models.inputs.band_limited_noise import band_limited_noise
from spikesweep.models.inputs.given import GivenCurrent
from spikesweep.models.networks.afferents import responses

DT = 0.01
CELL = LIFDimensionless(
    tau_m=2.5, offset=2.5, da=0.0, tau_a=20.0, noise="two_point", noise_D=5.0, noise_sigma=None
)
WORDS = ("neuron=lif_dimensionless", "network=afferents", "protocol=population_information")
STEPS = "spike_steps(1-based; time=step*dt)"


def response(cell, drive, dt):
    """Return the steps, from 1 on, of the spikes under a drive that holds the noise too."""
    spikes, given = SpikeTrains(), Drive(kick_all_alike, [np.asarray(drive, np.float64)[np.newaxis]])
    run_lanes(cell, (GivenCurrent(),), Clock.of(dt, "steps"), 1, len(drive), given, spikes)
    return spikes.trains.values + 1


def stimulus(n=199_999):
    return 0.0625 * band_limited_noise(RandomState(1), 0.0, 100.0, n, DT)


def test_spikes_without_noise_equal_the_reference():
    table = pd.read_csv(REFERENCE / "population_lif_noise_free.csv", keep_default_na=False)
    assert len(table) == 4
    for row in table.to_dict("records"):
        cell = CELL._replace(tau_m=float(row["tau_m_s"]) * 1e3, offset=float(row["offset"]))
        n = round(float(row["duration_s"]) * 1e5)
        drive = np.zeros(n) if row["case"] != "band0" else stimulus(n - 1)
        assert response(cell, drive, DT).tolist() == [int(step) for step in row[STEPS].split()]


def test_spikes_with_legacy_noise_equal_the_reference():
    table = pd.read_csv(REFERENCE / "population_lif_noisy.csv")
    legacy = [5.0 * (np.mod(RandomState(seed).randn(199_999), 10000) - 5000) / 10000 for seed in (7, 8)]
    drives = [*legacy, 2.5 * RandomState(7).randn(199_999)]
    assert len(table) == 3
    for (_, row), noise in zip(table.iterrows(), drives, strict=True):
        spikes = response(CELL, stimulus() + noise, DT)
        assert len(spikes) == row.n_spikes
        assert spikes[:40].tolist() == [int(step) for step in row.first_40_spike_steps.split()]


def by_definition(cell, drive, dt):
    """Return the spikes of the equations, step by step."""
    v, a, spikes = 0.0, 0.0, []
    for i, s in enumerate(drive):
        v = v + dt * (-v + s + cell.offset - a) / cell.tau_m
        a = a - dt / cell.tau_a * a
        if v > 1.0 and i > 0:
            v, a = 0.0, a + cell.da
            spikes.append(i + 1)
    return spikes


@pytest.mark.parametrize("dt", [0.005, 0.01, 0.05, 0.1])
@pytest.mark.parametrize("changes", [{}, {"tau_m": 10.0, "offset": 1.05}, {"da": 0.3}, {"offset": 600.0}])
def test_spikes_at_other_steps_with_adaptation_and_at_a_first_step_above_threshold(dt, changes):
    cell = CELL._replace(**changes)
    drive = 10.0 * RandomState(3).randn(20_000)
    spikes = response(cell, drive, dt).tolist()
    assert len(spikes) > 3
    assert spikes == by_definition(cell, drive, dt)
    assert spikes[0] > 1


def test_the_threshold_is_strict():
    """With dt = tau_m the potential is the drive itself."""
    drive = np.array([0.0, 1.0, np.nextafter(1.0, 2.0), 1.0, 1.1, 0.5])
    assert response(CELL._replace(tau_m=1.0, offset=0.0), drive, 1.0).tolist() == [3, 5]


def test_adaptation_slows_the_cell():
    drive = np.zeros(100_000)
    assert len(response(CELL._replace(da=0.1), drive, DT)) < 0.9 * len(response(CELL, drive, DT))


@pytest.mark.parametrize("noise", ["two_point", "gaussian"])
def test_noise_has_its_strength_whatever_the_step(noise):
    """Rates and CVs of 64 cells of 1 s at two steps within 4 standard errors, with noise_sigma."""
    cell = CELL._replace(noise=noise, noise_D=None, noise_sigma=2.5 * np.sqrt(1e-5), offset=1.05)
    found = []
    for dt in (0.01, 0.02):
        trains = responses(cell, np.zeros(round(1000.0 / dt)), np.arange(64, dtype=np.uint64), dt)
        cvs = [np.diff(trains.of(i)).std() / np.diff(trains.of(i)).mean() for i in range(64)]
        found.append((trains.counts, np.array(cvs)))
    for ours, other in zip(*found, strict=True):
        error = np.sqrt(ours.var(ddof=1) / 64 + other.var(ddof=1) / 64)
        # the step itself moves rates by about dt / interval
        assert abs(ours.mean() - other.mean()) < 4 * error + 0.01 * ours.mean()
    # as fixed D the noise would be weaker at the shorter step: here it drives the cell
    assert found[0][1].mean() > 0.3


def test_strengths_agree_and_one_is_needed():
    assert CELL.noise_sd(0.01) == 2.5
    sigma = CELL._replace(noise_D=None, noise_sigma=2.5 * np.sqrt(1e-5))
    assert sigma.noise_sd(0.01) == pytest.approx(2.5)
    assert sigma.noise_sd(0.0025) == pytest.approx(5.0)
    for cell in (CELL._replace(noise_D=None), CELL._replace(noise_sigma=1.0)):
        with pytest.raises(InputError, match="noise_D"):
            cell.noise_sd(0.01)


def test_a_response_depends_on_its_key_alone():
    drive = stimulus()[:20_000]
    keys = np.arange(70, dtype=np.uint64)
    together = responses(CELL, drive, keys, DT)
    alone = responses(CELL, drive, keys[[41]], DT)
    assert together.of(41).tolist() == alone.of(0).tolist()
    assert len({tuple(together.of(i)) for i in range(70)}) == 70
    assert min(together.counts) > 100
    shorter = responses(CELL, drive[:777], keys[[41]], DT)
    assert shorter.of(0).tolist() == [step for step in together.of(41).tolist() if step <= 777]


TWIN = """
import numpy as np
from spikesweep.models.networks.afferents import responses
from spikesweep.kernels.random.normals import Normals
from spikesweep.kernels.statistics.segment_spectra import information, nested_coherence, pool_coherence, welch
from spikesweep.kernels.statistics.segment_spectra import sum_coherence
from spikesweep.models import LIFDimensionless

parts = []
for noise in ("two_point", "gaussian"):
    cell = LIFDimensionless(0.5, 2.5, 0.1, 20.0, noise, 5.0, None)
    trains = responses(cell, np.zeros(399), np.arange(3, dtype=np.uint64), 0.01)
    w = welch(399, 128, np.arange(1, 5), np.hanning(9))
    stimuli = Normals(np.uint64(1)).standard_normal(w.segments * 8).reshape(1, -1, 8)
    args = np.array([2, 0, 1]), np.array([0, 7, -3]), np.array([1, 3])
    coherence = nested_coherence(w, trains, *args, stimuli)
    parts += [sum_coherence(w, trains, *args[:2], 3, stimuli)]
    parts += [trains.steps, coherence, information(coherence[0], 2.0), pool_coherence(w, trains, stimuli[0])]
print(len(parts[1]), " ".join(np.ascontiguousarray(part).tobytes().hex() for part in parts))
"""


@pytest.mark.slow
def test_kernels_give_the_same_bits_without_numba():
    def output(**environment):
        run = [sys.executable, "-c", TWIN]
        return subprocess.run(
            run, env={**os.environ, **environment}, capture_output=True, text=True, check=True
        ).stdout

    compiled = output()
    assert int(compiled.split()[0]) > 5
    assert compiled == output(NUMBA_DISABLE_JIT="1")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("network=fs_rs", "network.populations=[LIF]"), "potential is in threshold"),
        (("network=fs_rs", "network.populations=[LIF]", "protocol=fi_curve"), "potential is in threshold"),
        (("network=afferents", "protocol=transfer_function"), "an? Afferents, which has no in_degree"),
        (("network=afferents", "protocol=rate_dynamics"), "RateNetwork"),
    ],
)
def test_it_runs_in_no_other_network_or_protocol(words, text):
    with pytest.raises(InputError, match=text):
        ss.run(ss.load("neuron=lif_dimensionless", *words))


def test_it_has_no_current_in_pA():
    with pytest.raises(InputError, match="no unit"):
        ss.simulate(ss.load("neuron=lif_dimensionless"), cell="LIF", current=1.0, duration=1.0)
