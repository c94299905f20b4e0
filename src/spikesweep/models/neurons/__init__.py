"""Neuron models, one a file: equations, parameters with their units, one step of a cell."""
