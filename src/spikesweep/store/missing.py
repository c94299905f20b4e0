"""What is said of a path at which no store is: the stores that may have been meant."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path

from spikesweep.errors import InputError
from spikesweep.store.remote import Place, Remote
from spikesweep.urls import is_url

#: Entries of folders that are looked at, and how like a path must be to what is offered.
_LOOKED_AT, _ALIKE = 2000, 0.75


def not_there(place: Place | str, allowed: str = "the path or the URL of a store (.zarr)") -> InputError:
    """Return the refusal of a place at which there is nothing, with the store that is named most like it."""
    remote = isinstance(place, Remote) or is_url(str(place))
    close = None if remote else _nearest(Path(str(place)))
    hint = f"did you mean {str(close)!r}? " if close else ""
    return InputError(f"{place} does not exist; {hint}allowed: {allowed}")


def _nearest(path: Path) -> Path | None:
    """Return the store below the nearest folder that there is whose path is most like another."""
    above = next((folder for folder in path.parents if folder.is_dir()), None)
    if above is None:
        return None
    wanted = str(path.relative_to(above)).removesuffix(".zarr").lower()

    def alike(store: Path) -> float:
        names = str(store.relative_to(above)), store.name
        return max(SequenceMatcher(None, wanted, n.removesuffix(".zarr").lower()).ratio() for n in names)

    found = [store for store in islice(_stores(above), _LOOKED_AT) if alike(store) >= _ALIKE]
    return max(found, key=alike, default=None)


def _stores(folder: Path) -> Iterator[Path]:
    try:
        for pattern in ("*.zarr", "*/*.zarr"):
            yield from folder.glob(pattern)
    except OSError:  # a folder that may not be read
        return
