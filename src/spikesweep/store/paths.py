"""Which folders may be stores."""

from collections.abc import Sequence

from spikesweep.store.records import HIDDEN
from spikesweep.store.remote import Place, Remote

#: How a fitted transfer function is called, which stands beside its sweep.
FIT = ".fit.zarr"


def store_paths(folder: Place) -> Sequence[Place]:
    """Return the paths of what may be stores below a folder.

    Fits and what is hidden are none, nor is what a person saved beside them: a part or a mean of one.
    """
    below = folder.folders("*.zarr") if isinstance(folder, Remote) else folder.rglob("*.zarr")
    found: list[Place] = sorted(below)
    named = [path for path in found if not path.name.startswith(".") and not path.name.endswith(FIT)]
    return [path for path in named if not is_foreign(path)]


def is_foreign(path: Place) -> bool:
    """Return whether a folder lacks what every sweep has: it is another's, or was saved from a sweep."""
    return not isinstance(path, Remote) and path.is_dir() and not (path / HIDDEN).exists()
