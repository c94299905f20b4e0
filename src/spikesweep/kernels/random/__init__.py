"""Random numbers keyed by labels: Philox, normal numbers, draws."""
