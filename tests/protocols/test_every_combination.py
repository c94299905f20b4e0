"""Every protocol with every network and every neuron of conf/: it runs, or it is refused with the reason.

What there is, is read from conf/, so that a new file is tested because it exists. Only a new protocol adds
something here: the words that make it small. A network gets cells of the neuron: as many as it has
populations, or the same ones again. By default one in seven pairs is tried, until each protocol has accepted
each network and each neuron that it then does, and one in six of these pairs runs; the slow tests take all.
"""

import re
from copy import deepcopy
from functools import cache
from itertools import cycle, islice

import numpy as np
import pytest
from conftest import PROTOCOLS, options
from omegaconf import OmegaConf

import spikesweep as ss
from spikesweep.config.build import build
from spikesweep.errors import InputError
from spikesweep.grid.schema import NON_FINITE, OK, SATURATED
from spikesweep.sweep.job import make_job

GROUPS = ("neuron", "network", "protocol")
#: What makes a protocol small.
REDUCED = {
    "connection_test": (
        "grid.seed=[0]",
        "protocol.duration=200.0",
        "protocol.window=20.0",
        "protocol.n_shuffles=2",
        "protocol.tested=2",
    ),
    "current_response": (
        "grid.i_ext=[0.0,500.0]",
        "protocol.course.times=[10.0,10.0]",
        "protocol.course.factors=[0.0,1.0]",
        "protocol.duration=50.0",
        "protocol.dt=0.05",
    ),
    "ei_balance": (
        "grid.fe=[4.0]",
        "grid.fi=[8.0]",
        "grid.seed=[0]",
        "grid.pop_size=[200]",
        "protocol.duration=20.0",
    ),
    "fi_curve": ("grid.i_ext=[0.0,500.0]", "protocol.duration=50.0"),
    "mean_field": (
        "grid.ext_drive=[4.0]",
        "grid.time=[0.0,2.0]",
        "protocol.settle=10.0",
    ),
    "pattern_separation": (
        "grid.seed=[0]",
        "protocol.n_patterns=2",
        "protocol.duration=20.0",
        "protocol.discard=10.0",
        "protocol.n_samples=11",
    ),
    "plasticity_training": (
        "grid.seed=[0]",
        "grid.epoch=[0,1]",
        "protocol.n_patterns=2",
        "protocol.duration=20.0",
        "protocol.discard=10.0",
        "protocol.n_samples=11",
    ),
    "population_information": (
        "grid.band=[0-200]",
        "grid.condition=[none,efish]",
        "grid.pop_size=[1,2]",
        "grid.repeat=[0]",
        "protocol.duration=50.0",
        "protocol.num_responses=4",
        "protocol.nperseg=1024",
        "protocol.coherence_sizes=[1,2]",
    ),
    "potential_moments": (
        "grid.fe=[0.0,8.0]",
        "grid.fi=[2.0]",
        "grid.i_ext=[0.0,100.0]",
        "grid.seed=[0]",
        "protocol.duration=20.0",
        "protocol.discard=5.0",
        "protocol.exclude=5.0",
    ),
    "rate_dynamics": (
        "grid.pattern=[0,1]",
        "grid.seed=[0]",
        "protocol.duration=20.0",
        "protocol.discard=10.0",
        "protocol.n_samples=11",
    ),
    "spiking_network": ("protocol.duration=20.0",),
    "transfer_function": (
        "grid.fe=[0.0,8.0]",
        "grid.fi=[2.0]",
        "grid.seed=[0]",
        "grid.pop_size=[1,2]",
        "protocol.duration=20.0",
    ),
    "transfer_function_adaptive": (
        "grid.fi=[2.0]",
        "grid.seed=[0,1]",
        "protocol.n_fe=2",
        "protocol.max_halvings=3",
        "protocol.duration=20.0",
    ),
}


#: Networks of nS onto a cell of 1 pF: its points leave the numbers, and say so.
TOO_STRONG = {("demo", "izhikevich2004")}


@cache
def parts():
    """Return the values of every option of each group, of the axes of each protocol, and all others."""
    names = {group: options(group) for group in GROUPS} | {"protocol": PROTOCOLS}
    found = {group: {} for group in (*GROUPS, "grid")}
    for i in range(max(map(len, names.values()))):
        chosen = {group: names[group][i % len(names[group])] for group in GROUPS}
        assert chosen["protocol"] in REDUCED, "a new protocol: say in REDUCED what makes it small"
        words = [f"{group}={option}" for group, option in chosen.items()]
        cfg = ss.load(*words, "compute=serial", *REDUCED[chosen["protocol"]])
        values = OmegaConf.to_container(cfg, resolve=False)
        for group, option in chosen.items():
            found[group][option] = values.pop(group)
        found["grid"][chosen["protocol"]] = values.pop("grid")
    return found, values


def configured(protocol, network, neuron, outputs):
    """Return what `ss.load` would return for these options with cells of the neuron."""
    found, values = parts()
    values = deepcopy(values) | {
        "neuron": found["neuron"][neuron],
        "network": deepcopy(found["network"][network]),
        "protocol": found["protocol"][protocol],
        "grid": found["grid"][protocol],
        "outputs": str(outputs),
        "choices": {"neuron": neuron, "network": network, "protocol": protocol},
    }
    populations, cells = values["network"]["populations"], list(values["neuron"])
    if isinstance(populations, str):  # the cells that a network names
        populations = re.fullmatch(r"\$\{cells:(.*)\}", populations)[1].split(",")
    chosen = list(islice(cycle(cells), len(populations)))
    if isinstance(populations, list) and len(cells) >= len(populations):
        values["network"]["populations"] = chosen
    else:
        nodes = populations if isinstance(populations, dict) else {name: {} for name in populations}
        values["network"]["populations"] = {
            name: node | {"cell": cell} for (name, node), cell in zip(nodes.items(), chosen, strict=True)
        }
    return OmegaConf.create(values)


#: One in so many pairs of network and neuron is tried by default, so that each is with some of the others.
PART = 7


@cache
def answers(protocol, part=PART):
    """Return the accepted pairs of network and neuron, the refusals, and what else was raised.

    Of a part those are left out whose network and whose neuron have both been accepted before.
    """
    accepted, refused, other = [], {}, {}
    networks, neurons = set(), set()
    pairs = [(i + j, w, n) for i, w in enumerate(options("network")) for j, n in enumerate(options("neuron"))]
    for first in range(part):  # others too until a pair is accepted: some take one network
        for number, network, neuron in pairs:
            if accepted and first:
                break
            if number % part != first or (part > 1 and network in networks and neuron in neurons):
                continue
            try:
                make_job(configured(protocol, network, neuron, "nowhere"))
                accepted.append((network, neuron))
                networks.add(network)
                neurons.add(neuron)
            except InputError as error:
                refused[network, neuron] = str(error)
            except Exception as error:
                other[network, neuron] = repr(error)
    return accepted, refused, other


def covering(pairs):
    """Return pairs that hold each network and each neuron once at least, with few different kernels."""
    found = list({neuron: (network, neuron) for network, neuron in reversed(pairs)}.values())
    seen = {network for network, _ in found}
    return found + list({w: (w, neuron) for w, neuron in reversed(pairs) if w not in seen}.values())


def faults(protocol, pairs, folder):
    """Run pairs of network and neuron; return what is wrong with any of them."""
    found = {}
    for network, neuron in pairs:
        cfg = configured(protocol, network, neuron, folder)
        ds = ss.run(cfg).load()
        done = ds.status.values
        if protocol == "spiking_network" and (network, neuron) in TOO_STRONG:
            assert (done == NON_FINITE).all()
            continue
        if not np.isin(done, (OK, SATURATED)).all():
            found[network, neuron] = f"status {np.unique(done)}"
            continue
        declared = build(OmegaConf.to_container(cfg.protocol), "protocol").variables
        for variable in declared:
            if variable.ragged or variable.optional or (done == SATURATED).any():
                continue
            if not np.isfinite(ds[variable.name].values.astype(float)).all():
                found[network, neuron] = f"{variable.name} is not finite"
    return found


@pytest.mark.parametrize("part", [PART, pytest.param(1, marks=pytest.mark.slow)])
def test_every_other_pair_is_refused_with_a_key_and_what_is_allowed(any_protocol, part):
    accepted, refused, other = answers(any_protocol, part)
    assert not other
    assert accepted
    assert refused
    silent = {
        pair: message
        for pair, message in refused.items()
        if not re.search(r"\b(neuron|network|protocol|grid)\b", message)
        or not re.search("allowed|needs", message)
        or "\n" in message
    }
    assert not silent


def test_some_networks_and_some_neurons_run(any_protocol, tmp_path):
    accepted, _, _ = answers(any_protocol)
    pairs = covering(accepted)
    if any_protocol == "spiking_network":  # a loop is compiled for each network: all neurons in the slow test
        pairs = list({network: (network, neuron) for network, neuron in pairs}.values())
    assert pairs
    assert not faults(any_protocol, pairs[::6], tmp_path)


@pytest.mark.slow
def test_every_accepted_pair_runs(any_protocol, tmp_path):
    accepted, _, _ = answers(any_protocol, 1)
    # nearly two hundred loops would be compiled for whole networks, some 20 minutes of it
    pairs = covering(accepted) if any_protocol == "spiking_network" else accepted
    assert pairs
    assert not faults(any_protocol, pairs, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("group", ["neuron", "network"])
def test_every_option_has_a_use(group):
    used = {pair[("network", "neuron").index(group)] for p in PROTOCOLS for pair in answers(p, 1)[0]}
    assert used == set(options(group))


def test_every_protocol_has_default_axes_that_it_accepts(any_protocol):
    """Nothing is made small here; and no file of axes is without its protocol."""
    network, neuron = answers(any_protocol)[0][0]
    cfg = configured(any_protocol, network, neuron, "nowhere")
    default = ss.load(f"protocol={any_protocol}", f"network={network}", f"neuron={neuron}")
    cfg.grid, cfg.protocol = default.grid, default.protocol
    make_job(cfg)
    assert options("grid") == options("protocol")
