"""Labelled, resumable parameter sweeps for computational neuroscience.

`import spikesweep as ss`: `ss.load`, `ss.run`, `ss.open`, `ss.simulate`, `ss.rate_network`, `ss.responses`,
`ss.spiking_network`, `ss.replay`. They are loaded when first used, so that importing the package, as Hydra's
plug-ins and workers do, costs nothing. With the first of them, or with the package if xarray is there
already, datasets get the accessor `sweep`.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikesweep.api import load as load
    from spikesweep.api import open as open
    from spikesweep.api import replay as replay
    from spikesweep.api import run as run
    from spikesweep.errors import InputError as InputError
    from spikesweep.simulations import rate_network as rate_network
    from spikesweep.simulations import responses as responses
    from spikesweep.simulations import simulate as simulate
    from spikesweep.simulations import spiking_network as spiking_network

_HOMES = {
    "load": "api",
    "open": "api",
    "replay": "api",
    "rate_network": "simulations",
    "responses": "simulations",
    "run": "api",
    "simulate": "simulations",
    "spiking_network": "simulations",
    "InputError": "errors",
}
__all__ = [
    "InputError",
    "load",
    "open",
    "rate_network",
    "replay",
    "responses",
    "run",
    "simulate",
    "spiking_network",
]


if "xarray" in sys.modules:
    import_module(f"{__name__}.accessor")


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
