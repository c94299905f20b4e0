"""Compiled loops and random numbers: arrays in, arrays out. The only room that knows numba.

`compile` makes and keeps machine code, `random` draws, `cells` advances spiking cells, `rates` integrates
rate networks, `statistics` measures. Imports the ground alone.
"""
