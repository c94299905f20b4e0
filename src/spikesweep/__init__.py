"""Labelled, resumable parameter sweeps for computational neuroscience.

`import spikesweep as ss`: `ss.load`, `ss.run`, `ss.plan`, `ss.open`, `ss.simulate`, `ss.network`,
`ss.rate_network`, `ss.responses`, `ss.spiking_network`, `ss.replay`. They stand in `__init__.pyi` and are
loaded when first used, so that importing the package, as Hydra's plug-ins and workers do, costs nothing. With
the first of them, or with the package if xarray is there already, datasets get the accessor `sweep`.
"""

import sys
from importlib import import_module

import lazy_loader

from spikesweep import old_names

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
old_names.install()

if "xarray" in sys.modules:
    import_module(f"{__name__}.store.accessor")
