"""Synapse models, one a file: what an event does to the current into a cell."""
