"""spikesweep: one of the networks of works.py from nothing to its last spike, in a process of its own.

    python networks_spikesweep.py brunel --seed 1 FURTHER WORDS

Its store goes to the working folder. Prints a line of JSON as the others do. Kernels are cached on disk: the
second run is the one to time. With --started another network, of the next seed, is drawn and run for 10 ms
first: `simulate` is then what a network costs where Python has started, as for Brian2's program.
"""

import argparse
import time

from serve import answer  # isort: split

from works import WORKS

#: The words of a command line that say each work; `duration` and `seed` come on top.
WORDS = {
    "brunel": ("neuron=lif_psc", "network=brunel2000"),
    "cuba": ("neuron=lif_psc", "network=cuba"),
    "coba": ("neuron=coba", "network=coba"),
    "fs_rs": ("neuron=adexp", "network=fs_rs"),
    "edges": (
        *(
            "neuron=lif_psc",
            "network=brunel2000",
            "network.populations.E.n=8000",
            "network.populations.I.n=2000",
        ),
        *("network.parameters.g=6.0", "network.drives.external.n={E:800,I:800}"),
        *("network.drives.external.rate=12.5",),  # 1 / (J C_E tau_m) V_th
    ),
}
#: Added to the seed: with seed 1 our network of coba dies in the beginning, as one of six does.
OTHER_SEED = {"coba": 1}
#: What `edges` has in place of fixed in-degrees.
EDGES = {
    "_target_": "spikesweep.models.RandomConnections",
    "p_connect": 0.1,
    "weights": {"_target_": "spikesweep.models.GivenLogNormalWeights", "mean": 1.0, "sd": 1.0},
    "delay": {"_target_": "spikesweep.models.UniformDelays", "low": 1.0, "high": 3.0},
}


def configured(name, seed, further):
    """Return the configuration of a work."""
    import spikesweep as ss

    cfg = ss.load(*words_of(name, seed), *further)
    if name == "edges":
        cfg.network.projections = {target: {"E": EDGES, "I": EDGES} for target in "EI"}
    return cfg


def words_of(name, seed):
    """Return the words of a work."""
    w = WORKS[name]
    protocol = ("protocol=spiking_network", f"protocol.duration={w['duration']}", f"protocol.dt={w['dt']}")
    quiet = ("protocol.record=[]", "protocol.neurons=[]", "protocol.record_spikes=false")
    return (
        *WORDS[name],
        *protocol,
        *quiet,
        f"grid.seed=[{seed + OTHER_SEED.get(name, 0)}]",
        "compute=serial",
        "name=one",
        "overwrite=true",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--started", action="store_true")
    parser.add_argument("words", nargs="*", help="further words of the command line")
    arguments = parser.parse_args()

    import spikesweep as ss

    if arguments.started:
        ss.run(
            configured(arguments.work, arguments.seed + 1, (*arguments.words, "protocol.duration=10"))
        ).load()
    started = time.process_time()
    ds = ss.run(configured(arguments.work, arguments.seed, arguments.words))
    rate = ds["rate"].squeeze().load()
    names = dict.fromkeys(rate["population"].values.tolist())  # in the order of the network
    rates = [float(rate[rate["population"] == name].mean()) for name in names]
    spent = {"start": started, "simulate": time.process_time() - started}
    answer({"name": "spikesweep", "rates": rates, **spent})


if __name__ == "__main__":
    main()
