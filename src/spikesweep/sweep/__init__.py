"""From a configuration to finished blocks: design, plan, run, replay, and what executes them.

Imports every room below: protocols, analysis, models, store, config, grid. Only `compute` knows Dask.
"""
