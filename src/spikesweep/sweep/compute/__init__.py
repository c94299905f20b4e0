"""How blocks are executed, one executor a file. A new one adds its line to `__init__.pyi`.

Dask may lose, repeat or duplicate anything: truth is only in the store, which the caller reads again.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
