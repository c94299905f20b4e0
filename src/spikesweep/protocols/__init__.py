"""Protocols, one experiment a file: what is done to a network and what is measured.

A new one adds its line to `__init__.pyi`. Imports models, analysis, kernels, grid and the ground.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
