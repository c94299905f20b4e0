"""A store copied below a URL, where there is neither a lock nor a rename: what was stopped never looks whole.

First comes a marker, which says whose copy is under way; the root's `zarr.json`, without which nothing is a
store, goes. Then come values, records, metadata; what the store has no longer goes; and then comes that file
again. The copy is read back, and when all of it is as the store's records say, the marker is removed.
"""

import base64
import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikesweep.errors import DamagedError, InputError
from spikesweep.grid.schema import COMPUTED
from spikesweep.store import durable, growth
from spikesweep.store.check import check, plain_grid
from spikesweep.store.reading import UNFINISHED, Reader
from spikesweep.store.records import HIDDEN, SENT, guarded, unguarded
from spikesweep.store.remote import Remote, below, fresh, reached
from spikesweep.store.store import Store

ROOT = "zarr.json"
_MANIFEST = f"{HIDDEN}/manifest.json"
#: Files that are sent at a time, and their bytes unless one has more.
_FILES, _BYTES = 64, 2**26


@dataclass(frozen=True)
class Copy:
    """What a place lacks of a store, and has besides."""

    store: Store
    target: Remote
    sizes: Mapping[str, int]  #: bytes of all files of the store
    lacking: tuple[str, ...]  #: what is not there, or is another, in the order in which it is sent
    extra: tuple[str, ...]  #: what is there and is not the store's
    whole: bool  #: whether a store is there, and no copy under way

    @property
    def n_bytes(self) -> int:
        """Return how much is sent."""
        return sum(self.sizes[name] for name in self.lacking)


def attributes_at(target: Remote, store: Store) -> dict[str, Any] | None:
    """Return the attributes of what is at a place, a store or one that is being copied; None for nothing.

    What has the manifest of `store` is that store, whatever is damaged. Raises InputError for anything else.
    """
    with suppress(FileNotFoundError):
        if (target / _MANIFEST).read_bytes() == (store.path / _MANIFEST).read_bytes():
            return store.attrs
    with suppress(FileNotFoundError):
        try:
            return dict(unguarded((target / UNFINISHED).read_bytes())["attributes"])
        except (ValueError, KeyError) as error:
            raise DamagedError(str(target), f"{UNFINISHED} is damaged", "another URL") from error
    if (target / ROOT).exists():
        found = Reader.at(target)
        return None if found is None else found.attrs
    if any(one != target for one in target.glob("*")) or target.is_file():
        raise InputError(f"{target} holds other files and no store; allowed: a URL where nothing is")
    return None


def n_lost(there: Reader, here: Reader) -> int:
    """Return how many points that are done in one store are not in another of the same sweep.

    What cannot be read is not counted. Raises InputError where the other has no such points.
    """
    asked = plain_grid(here)
    defaults = {name: axis.base for name, axis in here.swept().items() if axis.base is not None}
    old = growth.stored_grid(there, asked, defaults)
    places = [growth.positions(v, among) for v, among in zip(old.values, asked.values, strict=True)]
    try:
        lost = np.isin(there.status().reshape(old.shape), COMPUTED)
    except DamagedError:
        return 0
    inside = np.ix_(*(np.flatnonzero(place >= 0) for place in places))
    done = np.isin(here.status(), COMPUTED)[np.ix_(*(place[place >= 0] for place in places))]
    lost[inside] &= ~done
    return int(np.count_nonzero(lost))


def _passes(path: Path) -> bool:
    """Return whether a file is none of the store, but of a writer or of the workers of a run."""
    return path.name.endswith(durable.PARTIAL) or path.parent.name == SENT


def compared(store: Store, target: Remote) -> Copy:
    """Return what is to be sent so that a place holds what a store does. Call it under the store's lock."""
    files = [p for p in store.path.rglob("*") if p.is_file() and not _passes(p)]
    sizes = {below(path, store.path): path.stat().st_size for path in files}
    metadata = {_MANIFEST, *unguarded((store.path / _MANIFEST).read_bytes())}
    there = target.files()
    whole = UNFINISHED not in there and ROOT in there
    there.pop(UNFINISHED, None)

    def stage(name: str) -> tuple[int, str]:
        later = [name.startswith(f"{HIDDEN}/"), name in metadata, name == ROOT]
        return max((i + 1 for i, is_so in enumerate(later) if is_so), default=0), name

    unlike = (name for name in sizes if name not in there or not _is_same(store, target, name, there[name]))
    lacking = tuple(sorted(unlike, key=stage))
    return Copy(store, target, sizes, lacking, tuple(sorted(there.keys() - sizes.keys())), whole)


def _is_same(store: Store, target: Remote, name: str, info: Mapping[str, Any]) -> bool:
    """Return whether a file is the store's: by its checksum where the other side keeps one."""
    path = store.path / name
    if info["size"] != path.stat().st_size:
        return False
    data = path.read_bytes()
    md5 = hashlib.md5(data, usedforsecurity=False)
    etag = str(info.get("ETag", "")).strip('"')
    if len(etag) == 32:  # of a file that was sent in one piece, and not encrypted with a key of one's own
        return etag == md5.hexdigest()
    if "md5Hash" in info:
        return bool(info["md5Hash"] == base64.b64encode(md5.digest()).decode())
    return (target / name).read_bytes() == data


def send(copy: Copy, sent: Callable[[int], None]) -> None:
    """Bring a place to what a store is, and read it back; `sent` is told the bytes. Call it under the lock.

    Raises DamagedError where what is read back is not what the store's records say, and OSError where the
    place cannot be reached or another copy to it was begun meanwhile.
    """
    store, target = copy.store, copy.target
    if copy.lacking or copy.extra or not copy.whole:
        marker = guarded({"attributes": store.attrs, "copy": uuid.uuid4().hex})
        _put(target, {UNFINISHED: marker})
        *rest, last = copy.lacking if ROOT in copy.lacking else (*copy.lacking, ROOT)
        _remove(target, [ROOT])
        for names in _batches(rest, copy.sizes):
            _put(target, {name: (store.path / name).read_bytes() for name in names})
            sent(sum(copy.sizes[name] for name in names))
        _remove(target, copy.extra)
        if (target / UNFINISHED).read_bytes() != marker:
            raise OSError(f"another push to {target} was begun meanwhile; push again when it has ended")
        _put(target, {last: (store.path / last).read_bytes()})
        sent(copy.sizes[last] if last in copy.lacking else 0)
    _verify(copy)
    _remove(target, [UNFINISHED])


def _batches(names: list[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield names in their order, some at a time; records and metadata never with what comes before them."""
    batch: list[str] = []
    for name in names:
        full = len(batch) == _FILES or sum(sizes[n] for n in batch) + sizes[name] > _BYTES
        if batch and (full or name.startswith(HIDDEN) != batch[0].startswith(HIDDEN)):
            yield batch
            batch = []
        batch.append(name)
    if batch:
        yield batch


def _put(target: Remote, files: Mapping[str, bytes]) -> None:
    with reached(target):
        try:
            target.fs.pipe({f"{target.path}/{name}": data for name, data in files.items()})
        except FileNotFoundError as error:
            raise InputError(f"{target}: {error}; allowed: a bucket that exists") from error


def _remove(target: Remote, names: list[str] | tuple[str, ...]) -> None:
    with reached(target), suppress(FileNotFoundError):
        if names:
            target.fs.rm([f"{target.path}/{name}" for name in names])


def _verify(copy: Copy) -> None:
    """Read a copy back; leave it without what makes it a store, and raise DamagedError, where it is none."""
    place = fresh(copy.target)
    there = {name: int(info["size"]) for name, info in place.files().items() if name != UNFINISHED}
    wrong = [f"{n} is gone or cut" for n, size in copy.sizes.items() if there.get(n) != size]
    wrong += [f"{name} is there, and not the store's" for name in there.keys() - copy.sizes.keys()]
    wrong = wrong or [problem.what for problem in check(Reader(place).held())]
    if wrong:
        _put(copy.target, {UNFINISHED: guarded({"attributes": copy.store.attrs, "copy": ""})})
        _remove(copy.target, [ROOT])
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise DamagedError(str(copy.target), f"read back, {wrong[0]}{more}", "the same push again")
