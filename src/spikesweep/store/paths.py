"""Which folders may be stores."""

from collections.abc import Sequence

from spikesweep.store.remote import Place, Remote

#: How a fitted transfer function is called, which stands beside its sweep.
FIT = ".fit.zarr"


def store_paths(folder: Place) -> Sequence[Place]:
    """Return the paths of what may be stores below a folder: fits and what is hidden are none."""
    below = folder.folders("*.zarr") if isinstance(folder, Remote) else folder.rglob("*.zarr")
    found: list[Place] = sorted(below)
    return [path for path in found if not path.name.startswith(".") and not path.name.endswith(FIT)]
