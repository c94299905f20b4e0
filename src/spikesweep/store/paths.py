"""Which folders may be stores."""

from pathlib import Path

#: How a fitted transfer function is called, which stands beside its sweep.
FIT = ".fit.zarr"


def store_paths(folder: Path) -> list[Path]:
    """Return the paths of what may be stores below a folder: fits and what is hidden are none."""
    found = sorted(folder.rglob("*.zarr"))
    return [path for path in found if not path.name.startswith(".") and not path.name.endswith(FIT)]
