"""One simulation without a sweep, a public function a file: a cell, networks, a pool of responses."""

from spikesweep.store import accessor as accessor  # registers ds.sweep
