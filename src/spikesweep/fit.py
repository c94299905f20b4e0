"""`python -m spikesweep.fit`, as the command `fit` was called before."""

import sys

from spikesweep.api.commands import main

if __name__ == "__main__":
    main(["fit", *sys.argv[1:]])
