"""Run a sweep: python run.py -m neuron=adexp network=fs_rs 'neuron.RS.b=range(0,60,10)'.

The same as `python -m spikesweep run`. The shell completes names and values after:
eval "$(python run.py -sc install=bash)"
"""

import sys

from spikesweep.api.commands import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
