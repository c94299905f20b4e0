"""GIF: a naive twin with Philox of its own, closed forms of its intervals, limits, and NEST's neuron."""

import csv
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from lanes import in_lanes
from networks_here import EXC
from test_neurons import cell_of
from twins import naive, philox

from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.cells.kept_rows import Rows
from spikesweep.kernels.cells.lanes import run_lanes, undriven
from spikesweep.kernels.cells.own_numbers import NOTHING, Named, own_numbers
from spikesweep.kernels.cells.spike_trains import SpikeTrains
from spikesweep.kernels.compile.jit import inlined
from spikesweep.kernels.random.philox import derive, point_keys
from spikesweep.models import CurrentNoise, LIFExact, RandomConnections, SpikingNetwork, SpikingPopulation
from spikesweep.models.inputs.given import ConstantCurrent
from spikesweep.models.networks.weights import EqualWeights
from spikesweep.models.simulation.members import Recording
from spikesweep.models.simulation.network import simulate
from spikesweep.models.simulation.wiring import wire
from spikesweep.units import mV, number

DT = 0.1


class Flipped(NamedTuple):
    """What changes from step to step."""

    v: mV  #: a number that was drawn
    key_low: number  #: internal
    key_high: number  #: internal
    drawn: number  #: internal


class Flipping(NamedTuple):
    """What a step needs."""

    p: Any


CLOCK = Clock.of(DT, "steps")
KEY = point_keys(3, {"seed": 1})


def named(n):
    return Named(KEY, np.arange(n))


def trains_of(cell, current, n, n_steps, clock=CLOCK, own=None):
    """Return the steps of the spikes of each of n cells under a constant current, one or one each."""
    trains, inputs = SpikeTrains(), (ConstantCurrent(current),)
    run_lanes(cell, inputs, clock, n, n_steps, undriven(n), trains, named=own or named(n))
    found = trains.trains
    return np.split(found.values, np.cumsum(found.sizes)[:-1])


def uniform(key, i):
    """Return number i of a cell in plain integers."""
    a, b, _, _ = philox((i & 0xFFFFFFFF, i >> 32, 0, 0), (key & 0xFFFFFFFF, key >> 32))
    return (((a << 32) | b) >> 12) * 2.0**-52 + 2.0**-53


def by_hand(cell, currents, key, clock=CLOCK):
    """Return potentials and spikes of one cell, with the exponentials and logarithms of the C library."""
    c = cell.coefficients(clock)
    v, stc, sfa, held = cell.E_L, [0.0, 0.0], [0.0, 0.0], 0
    keep = [[float(c.keep_stc_1), float(c.keep_stc_2)], [float(c.keep_sfa_1), float(c.keep_sfa_2)]]
    vs, spikes = [], []
    for i, current in enumerate(currents):
        vs.append(v)
        intensity = 0.0
        if held:
            held, v = held - 1, cell.V_reset
        else:
            v = v + float(c.reached) * (cell.E_L - v + (current - (stc[0] + stc[1])) * float(c.per_g_L))
            z = (v - (cell.V_T_star + (sfa[0] + sfa[1]))) * float(c.per_Delta_V)
            intensity = float(c.lambda_dt) * math.exp(min(z, 700.0))
        spiked = uniform(key, i) > math.exp(-intensity)
        stc = [x * k + q * spiked for x, k, q in zip(stc, keep[0], (cell.q_stc_1, cell.q_stc_2), strict=True)]
        sfa = [x * k + q * spiked for x, k, q in zip(sfa, keep[1], (cell.q_sfa_1, cell.q_sfa_2), strict=True)]
        if spiked:
            spikes.append(i)
            v, held = cell.V_reset, round(cell.t_ref / clock.dt)
    return np.array(vs), np.array(spikes)


@pytest.mark.parametrize("rule", ["steps", "exact", "published"])
@pytest.mark.parametrize("name", ["L5Pyr", "Renewal"])
def test_alone_it_is_its_naive_twin(name, rule):
    """Bit for bit: only whether a number lies below a probability depends on a logarithm's last digit."""
    cell, n, clock = cell_of("gif", name), 40, Clock.of(DT, rule)
    currents = np.linspace(100.0, 400.0, n)
    found = trains_of(cell, currents, n, 3000, clock)
    keys = derive(derive(KEY, "own numbers", 0.0), "neuron", np.arange(n)).tolist()
    for i in (0, 7, 31, 32, 39):
        _, spikes = by_hand(cell, [currents[i]] * 3000, keys[i], clock)
        np.testing.assert_array_equal(found[i], spikes)
    assert sum(map(len, found)) > 200


@pytest.mark.slow
def test_inside_a_network_it_is_the_naive_network_bit_for_bit():
    """Its own numbers do not depend on how steps are cut into blocks; those of two populations differ."""
    pyramidal, renewal = cell_of("gif", "L5Pyr"), cell_of("gif", "Renewal")
    links = RandomConnections(0.3, EqualWeights(2.0), 1.3)
    network = SpikingNetwork(
        {
            "E": SpikingPopulation(pyramidal, 35, EXC, (180.0,), CurrentNoise(0.0, 30.0)),
            "I": SpikingPopulation(renewal, 5, EXC, (160.0,), None),
        },
        {"E": {"E": links, "I": links}, "I": {"E": links}},
    )
    n_steps = 700
    drawn = network.draw(np.uint64(11), DT)
    normals = np.random.default_rng(2).standard_normal((network.N, n_steps))
    cells, expected = naive(network, drawn, CLOCK, n_steps, np.uint64(KEY), normals=normals)
    told = []
    run = simulate(
        network, wire(network, drawn), CLOCK, n_steps, np.uint64(KEY),
        lambda neuron, step, _: bool(told.append(np.stack([neuron, step], axis=-1))),
        Recording(("v", "stc_1", "sfa_2"), (0, 34, 36)), normals=normals,
    )  # fmt: skip
    np.testing.assert_array_equal(np.concatenate(told), expected)
    assert len(expected) > 60
    for row, i in enumerate((0, 34, 36)):
        assert run.signals["stc_1"][row].tobytes() == np.array(cells[i].traces)[:, 1].tobytes()
        assert run.signals["v"][row].tobytes() == np.array(cells[i].v).tobytes()


def hazard(cell, v, current, n, dt=DT):
    """Return the mean number of spikes in each of n steps of a cell that v leaves, without adaptation."""
    steady, kept = cell.E_L + current / cell.g_L, math.exp(-dt * cell.g_L / cell.C_m)
    course = steady + (v - steady) * kept ** np.arange(1, n + 1)
    return cell.lambda_0 * 1e-3 * dt * np.exp((course - cell.V_T_star) / cell.Delta_V)


@pytest.mark.parametrize("current", [145.0, 150.0, 220.0])
def test_intervals_have_the_distribution_of_the_hazard(current):
    """The survival of the step process is exact: exp of minus the sum of the hazards.

    Bounds: of n intervals the largest distance of the distributions is above sqrt(log(2 / p) / (2 n)) with
    the probability p = 1e-6 (Dvoretzky, Kiefer, Wolfowitz, Massart), and their mean within 5 standard errors.
    """
    cell, n = cell_of("gif", "Renewal"), 320
    trains = trains_of(cell, current, n, 30_000)
    # the first of each cell alone: later ones are cut at the end, which favours short ones
    found = np.array([train[1] - train[0] for train in trains if len(train) > 1])
    assert len(found) == n
    held = round(cell.t_ref / DT)
    survival = np.exp(-np.cumsum(hazard(cell, cell.V_reset, current, 30_000)))
    steps = np.arange(30_000) + 1 + held
    reached = (found[:, None] <= steps).mean(axis=0)
    assert np.abs(reached - (1.0 - survival)).max() < math.sqrt(math.log(2e6) / (2 * n))
    p = np.append(1.0, survival[:-1]) - survival
    mean = (p * steps).sum()
    sd = math.sqrt((p * (steps - mean) ** 2).sum())
    assert abs(found.mean() - mean) < 5.0 * sd / math.sqrt(n)
    # the rate is that of the renewal process: n T / mean spikes, whose variance is n T sd^2 / mean^3
    late = sum((train >= 10_000).sum() for train in trains)
    expected = n * 20_000 / mean
    assert abs(late - expected) < 5.0 * math.sqrt(n * 20_000 * sd**2 / mean**3) + n * 0.5


@pytest.mark.parametrize("current", [300.0, 400.0])
def test_mean_intervals_converge_at_order_two(current):
    """In closed form: the hazard at the end of a step, the spike there too; 0.02 % at 0.1 ms."""
    cell, means = cell_of("gif", "Renewal"), []
    for dt in (0.2, 0.1, 0.05, 0.025):
        survival = np.exp(-np.cumsum(hazard(cell, cell.V_reset, current, round(400.0 / dt), dt)))
        means.append(cell.t_ref + dt * (1.0 + survival.sum()))
    changes = -np.diff(means)
    assert np.log2(changes[:-1] / changes[1:]) == pytest.approx([2.0, 2.0], abs=0.03)
    assert changes[0] * 4.0 / 3.0 / 4.0 / means[-1] < 3e-4


def test_first_spikes_have_the_distribution_of_the_hazard_from_rest():
    cell, n = cell_of("gif", "Renewal"), 960
    found = np.array([train[0] for train in trains_of(cell, 146.0, n, 12_000) if len(train)])
    survival = np.exp(-np.cumsum(hazard(cell, cell.E_L, 146.0, 12_000)))
    reached = (found[:, None] <= np.arange(12_000)).sum(axis=0) / n
    assert np.abs(reached - (1.0 - survival)).max() < math.sqrt(math.log(2e6) / (2 * n))


@pytest.mark.parametrize("rule", ["steps", "exact"])
def test_with_a_sharp_threshold_it_is_the_leaky_integrate_and_fire_neuron(rule):
    cell = cell_of("gif", "Renewal")._replace(Delta_V=1e-9)
    lif = LIFExact(cell.C_m, cell.g_L, cell.E_L, cell.V_T_star, cell.V_reset, cell.t_ref)
    currents = np.linspace(100.0, 400.0, 64)
    sharp, threshold = (trains_of(c, currents, 64, 5000, Clock.of(DT, rule)) for c in (cell, lif))
    assert sum(map(len, sharp)) > 1000
    assert len(sharp[0]) == 0
    for a, b in zip(sharp, threshold, strict=True):
        np.testing.assert_array_equal(a, b)


def test_spike_triggered_variables_are_sums_of_exponentials():
    """The sum of a filtered train over all steps is that of its filter, q / (1 - keep), less what is left."""
    cell = cell_of("gif", "L5Pyr")
    c = cell.coefficients(CLOCK)
    found = in_lanes(cell, np.full((20_000, 32), 250.0), DT)
    n = found["spiked"].sum(axis=0)
    assert n.min() > 10
    for name in ("stc_1", "stc_2", "sfa_1", "sfa_2"):
        q, keep = getattr(c, f"q_{name}"), float(getattr(c, f"keep_{name}"))
        values = found[name]
        last = values[-1] * keep + q * found["spiked"][-1]
        np.testing.assert_allclose(values.sum(axis=0), (q * n - last) / (1.0 - keep), rtol=1e-9)


class Flip(NamedTuple):
    """A neuron of a user, which fires by chance alone: with probability p in each step."""

    p: number

    def initial(self):
        return Flipped(0.0, NOTHING, NOTHING, NOTHING)

    def coefficients(self, clock):
        return Flipping(self.p)

    def time_constants(self):
        return {}

    @staticmethod
    @inlined
    def step(c, x, current, t, t_next):
        u, other = own_numbers(x.key_low, x.key_high, x.drawn)
        return Flipped(other, x.key_low, x.key_high, x.drawn + 1.0), 1.0 if u < c.p else 0.0


def test_a_neuron_of_a_user_draws_two_independent_numbers_a_step():
    """Counts are binomial, the numbers uniform: bounds of five standard errors."""
    n, n_steps, rows = 96, 2000, Rows(((0, "v"), (0, "spiked")))
    drive = ConstantCurrent(0.0)
    counts = run_lanes(Flip(0.3), (drive,), CLOCK, n, n_steps, undriven(n), rows, named=named(n))
    assert abs(counts.mean() - 0.3 * n_steps) < 5.0 * math.sqrt(0.21 * n_steps / n)
    assert counts.var() / (0.21 * n_steps) == pytest.approx(1.0, abs=5.0 * math.sqrt(2.0 / n))
    other, spiked = (np.array([cell[k] for cell in rows.cells]) for k in (0, 1))
    drawn = other[:, 1:]  # as it stands before the next step
    assert abs(drawn.mean() - 0.5) < 5.0 / math.sqrt(12.0 * drawn.size)
    assert abs(np.corrcoef(drawn.ravel(), spiked[:, :-1].ravel())[0, 1]) < 5.0 / math.sqrt(drawn.size)
    assert abs(np.corrcoef(spiked[:, 1:].ravel(), spiked[:, :-1].ravel())[0, 1]) < 5.0 / math.sqrt(drawn.size)


def recorded():
    path = Path(__file__).parents[1] / "reference" / "gif_nest.csv"
    with path.open() as file:
        return [{k: v if k == "cell" else float(v) for k, v in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("name", ["L5Pyr", "Renewal"])
def test_rates_and_intervals_are_those_of_nest(name):
    """Within five standard errors of the difference of two means, each over its cells: 1000 and 320."""
    cell, n = cell_of("gif", name), 320
    for row in [row for row in recorded() if row["cell"] == name]:
        trains = trains_of(cell, row["i_ext"], n, 50_000)
        late = [np.diff(train[train >= 10_000]) for train in trains]
        ours = {
            "rate": [(train >= 10_000).sum() / 4.0 for train in trains],
            "first_isi": [(train[1] - train[0]) * DT for train in trains if len(train) > 1],
            "cv_isi": [isi.std() / isi.mean() for isi in late if len(isi) > 1],
        }
        for measure, values in ours.items():
            error = math.hypot(np.std(values) / math.sqrt(n), row[f"{measure}_sd"] / math.sqrt(1000))
            assert abs(np.mean(values) - row[measure]) < 5.0 * error, (row["i_ext"], measure)


def test_own_numbers_depend_on_the_number_of_the_cell_alone():
    """Neither on how many others there are, nor in which order; without a key nothing is simulated."""
    cell = cell_of("gif", "L5Pyr")
    many = trains_of(cell, 200.0, 70, 4000)
    order = np.array([41, 3, 69])
    few = trains_of(cell, 200.0, 3, 4000, own=Named(KEY, order))
    for i, train in zip(order, few, strict=True):
        np.testing.assert_array_equal(many[i], train)
    assert len({train.tobytes() for train in many}) == 70
    state = cell.initial()
    assert state.key_low == state.key_high == state.drawn == NOTHING
