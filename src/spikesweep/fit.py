"""`python -m spikesweep.fit`, as the command `fit` was called before."""

import sys

from spikesweep.api.fit import main

if __name__ == "__main__":
    main(sys.argv[1:])
