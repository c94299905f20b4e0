"""Neurons, synapses, inputs, networks, and what simulates them: the science.

Every `_target_` of a model is a name of this face, `spikesweep.models.AdExp`; a new model adds its line to
`__init__.pyi`, and is loaded when first asked for. Imports kernels, grid (declarations) and the ground.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
