"""What people call: load, run, open, replay, single simulations, commands, the progress line.

Imports every room; nothing imports it.
"""
