"""Loops over time for spiking cells, and what they keep of each step."""
