"""Analyses, arrays or datasets in, datasets out; `plots` draws them.

Imports models, kernels, grid and the ground.
"""
