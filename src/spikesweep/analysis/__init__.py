"""Analyses, arrays or datasets in, datasets out; `plots` draws them.

`analysis.sensitivity` is a function, others stand in their modules. Imports models, kernels, grid and the
ground.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
