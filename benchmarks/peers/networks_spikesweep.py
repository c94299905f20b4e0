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
    "edges": ("neuron=lif_psc", "network=brunel2000"),
}


def words_of(name, seed):
    """Return the words of a work."""
    w = WORKS[name]
    protocol = ("protocol=spiking_network", f"protocol.duration={w['duration']}", f"protocol.dt={w['dt']}")
    return (*WORDS[name], *protocol, f"grid.seed=[{seed}]", "compute=serial", "name=one", "overwrite=true")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--started", action="store_true")
    parser.add_argument("words", nargs="*", help="further words of the command line")
    arguments = parser.parse_args()

    import spikesweep as ss

    if arguments.started:
        short = (*words_of(arguments.work, arguments.seed + 1), *arguments.words, "protocol.duration=10")
        ss.run(ss.load(*short)).load()
    started = time.process_time()
    ds = ss.run(ss.load(*words_of(arguments.work, arguments.seed), *arguments.words))
    rate = ds["rate"].squeeze().load()
    names = dict.fromkeys(rate["population"].values.tolist())  # in the order of the network
    rates = [float(rate[rate["population"] == name].mean()) for name in names]
    spent = {"start": started, "simulate": time.process_time() - started}
    answer({"name": "spikesweep", "rates": rates, **spent})


if __name__ == "__main__":
    main()
