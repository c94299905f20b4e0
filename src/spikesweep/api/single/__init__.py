"""One simulation without a sweep: a cell, a network, a pool of responses."""
