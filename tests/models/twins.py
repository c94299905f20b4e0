"""Cells and whole networks in plain Python: step by step, neuron by neuron, connection by connection."""

from typing import Any

import numpy as np
import scipy.stats

from spikesweep.kernels.cells.own_numbers import NOTHING, draws
from spikesweep.kernels.random.philox import derive, stream_word
from spikesweep.models.inputs.given import GivenCurrent

_LOW = 0xFFFFFFFF
#: The highest mean of a Poisson count that is drawn at once, and more levels than it ever has.
_PART, _LEVELS = 16.0, 80


class Cell:
    """One neuron: its state, what it is made of, its traces."""

    def __init__(self, neuron, inputs, clock):
        self.parts, self.clock = [neuron, *inputs], clock
        self.c = [part.coefficients(clock) for part in self.parts]
        self.x = [part.initial() for part in self.parts]
        self.traces = []  #: of each step: variables of the neuron and its inputs, then currents
        self.v, self.i_syn = [], []

    def step(self, s, kicks):
        """Advance by step s under these kicks; return whether the neuron spiked."""
        moved, current, jumps = [], [], []
        for k, (part, kick) in enumerate(zip(self.parts[1:], kicks, strict=True), start=1):
            own = type(part)
            self.x[k] = own.advance.py_func(self.c[k], self.x[k], kick)
            moved.append(own.current.py_func(self.c[k], self.x[k], self.x[0][0]))
            jumping = hasattr(own, "jump")
            jumps.append(own.jump.py_func(self.c[k], self.x[k]) * self.c[0].per_jump if jumping else None)
            current.append(moved[-1] + jumps[-1] if jumping else moved[-1])
        self.traces.append([*self.x[0], *(v for x in self.x[1:-1] for v in x), *current[:-1]])
        self.v.append(self.x[0][0])
        self.i_syn.append(_added(current[:-1]) if len(current) > 1 else 0.0)
        t, t_next = s * self.clock.tick, (s + 1) * self.clock.tick
        given = (_added(current),)
        if hasattr(self.parts[0], "predict"):
            given = self._both_ends(_added(moved), jumps, t)
        step = type(self.parts[0]).step.py_func
        self.x[0], spiked = step(self.c[0], self.x[0], *given, t, t_next)
        return spiked != 0.0

    def _both_ends(self, current, jumps, t):
        v_end = type(self.parts[0]).predict.py_func(self.c[0], self.x[0], current, t)
        ends = []
        for k, (part, jump) in enumerate(zip(self.parts[1:], jumps, strict=True), start=1):
            moves = hasattr(part, "time_constants")
            y = type(part).advance.py_func(self.c[k], self.x[k], 0.0) if moves else self.x[k]
            end = type(part).current.py_func(self.c[k], y, v_end)
            ends.append(end if jump is None else end + 2.0 * jump)
        return current, v_end, _added(ends)


def _added(values):
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def philox(counter, key):
    """Return the four words of Philox4x32-10."""
    (a, b, c, d), (k0, k1) = counter, key
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k0, q & _LOW, (p >> 32) ^ d ^ k1, p & _LOW
        k0, k1 = (k0 + 0x9E3779B9) & _LOW, (k1 + 0xBB67AE85) & _LOW
    return a, b, c, d


class Words:
    """The 32-bit words of a stream of a key: one a step and part."""

    def __init__(self, key, stream):
        self.key, self.stream, self.found = int(key), int(stream_word(stream)), {}

    def word(self, step, part):
        at = step // 4, part
        if at not in self.found:
            counter = at[0] & _LOW, at[0] >> 32, part, self.stream
            self.found[at] = philox(counter, (self.key & _LOW, self.key >> 32))
        return self.found[at][step % 4]


class Events:
    """The events of an independent drive in one population."""

    def __init__(self, name, drive, population, keys, n_steps, dt):
        mean = drive.events(population, np.arange(n_steps) * dt, dt)
        self.parts = max(1, int(np.ceil(drive.highest_events(population, dt) / _PART)))
        share = scipy.stats.poisson.cdf(np.arange(_LEVELS), mean[:, None] / self.parts)
        self.levels = np.floor(share * 2.0**32)
        self.words = [Words(key, name) for key in keys]

    def count(self, cell, s):
        """Return how many events reach a cell in step s."""
        words = [self.words[cell].word(s, part) for part in range(self.parts)]
        return sum(int((self.levels[s] <= word).sum()) for word in words)


class Fibres:
    """The connections of a link, one by one, and what is on its way."""

    def __init__(self, link, edges, scale):
        self.link, self.waiting = link, {}
        self.counted = len(edges.weight) == 1  # one weight: counts, multiplied when they arrive
        self.factor = (float(edges.weight[0]) if self.counted else 1.0) * scale
        self.leaving: dict[int, list[Any]] = {}
        source = np.repeat(np.arange(len(edges.rows) - 1), np.diff(edges.rows))
        for e, (i, j) in enumerate(zip(source.tolist(), edges.target.tolist(), strict=True)):
            weight = 1.0 if self.counted else float(edges.weight[e])
            delay = int(edges.delay[e if len(edges.delay) > 1 else 0])
            self.leaving.setdefault(i, []).append((j, weight, delay))

    def send(self, source, s):
        """Send a spike that a cell has made in step s."""
        for j, weight, delay in self.leaving.get(source, ()):
            there = self.waiting.setdefault(s + 1 + delay, {})
            there[j] = there.get(j, 0.0) + weight


def own_keys(key, neurons):
    """Return the keys of the own numbers of neurons, as plain numbers."""
    return derive(derive(key, "own numbers", 0.0), "neuron", np.array(neurons)).tolist()


def naive(network, links, clock, n_steps, key, *, i_ext=0.0, weight_scale=1.0, normals=None):
    """Simulate a network; return its neurons, and neuron and step of each spike, shape (spikes, 2).

    Within a step drives come first, then links; within a link, sources in their order.
    """
    names, dt, first = list(network.populations), clock.dt, network.first()
    fibres = [Fibres(link, edges, weight_scale) for link, edges in links]
    keys = derive(derive(key, "drives", 0.0), "neuron", np.arange(network.N))
    mean, sd = network.noise(dt)
    mean = network.i_ext() + i_ext + mean
    cells, events, inputs = {}, {}, {}
    for name, p in network.populations.items():
        inputs[name] = network.inputs(name)
        own = range(first[name], first[name] + p.n)
        cells[name] = [Cell(p.cell, [*inputs[name].values(), GivenCurrent()], clock) for _ in own]
        started = network.started(name, key)
        for cell, v in zip(cells[name], () if started is None else started, strict=False):
            cell.x[0] = p.cell.started(v) if hasattr(p.cell, "started") else cell.x[0]._replace(v=v)
        if draws(p.cell):
            for cell, k in zip(cells[name], own_keys(key, own), strict=True):
                words = {"key_low": NOTHING + (k & _LOW), "key_high": NOTHING + (k >> 32)}
                cell.x[0] = cell.x[0]._replace(**words)
        events[name] = [
            (
                network.input_of(name, network.drive_synapse(d)),
                drive.weight,
                Events(d, drive, name, keys[own], n_steps, dt),
            )
            for d, drive in network.drives.items()
            if drive.pool is None and name in drive.onto
        ]
    pools = {
        name: [
            Words(k, name) for k in derive(derive(key, f"pool {name}", 0.0), "source", np.arange(drive.pool))
        ]
        for name, drive in network.drives.items()
        if drive.pool is not None
    }
    spikes = []
    for s in range(n_steps):
        onto = {
            name: [
                (f.factor, network.input_of(name, f.link.synapse), f.waiting.pop(s, {}))
                for f in fibres
                if f.link.target == name
            ]
            for name in names
        }
        fired = {}
        for name in names:
            fired[name] = []
            for i, cell in enumerate(cells[name]):
                kicks = [0.0] * len(inputs[name])
                for at, weight, drive in events[name]:
                    kicks[at] += weight * drive.count(i, s)
                for factor, at, here in onto[name]:
                    kicks[at] += factor * here.get(i, 0.0)
                n = first[name] + i
                current = mean[n] + sd[n] * normals[n, s] if sd[n] else mean[n]
                if cell.step(s, [*kicks, current]):
                    fired[name].append(i)
                    spikes.append((n, s + 1))
        for name, words in pools.items():
            p = network.drives[name].events(np.array([s * dt]), dt)[0]
            fired[name] = [i for i, w in enumerate(words) if w.word(s, 0) >= np.floor((1.0 - p) * 2.0**32)]
        for f in fibres:
            for i in fired[f.link.source]:
                f.send(i, s)
    together = [cell for name in names for cell in cells[name]]
    return together, np.array(spikes, int).reshape(-1, 2)
