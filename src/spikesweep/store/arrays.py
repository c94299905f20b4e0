"""The arrays of a store, as Zarr has them."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import zarr
from zarr.codecs import ZstdCodec
from zarr.core.chunk_key_encodings import ChunkKeyEncodingLike
from zarr.storage import LocalStore

from spikesweep.grid.attributes import decoded
from spikesweep.grid.grid import Block
from spikesweep.store import durable
from spikesweep.store.remote import Place, ReadStore, Remote

CHECKED = ZstdCodec(level=1, checksum=True)
#: Names of chunks: `c.0.1.2`, files of one folder; with slashes each dimension would be a folder more.
FLAT: ChunkKeyEncodingLike = {"name": "default", "separator": "."}


class DurableStore(LocalStore):
    """A local store whose writes survive the loss of power: zarr's own never synchronises."""

    async def set(self, key: str, value: Any) -> None:
        """Write a file."""
        self._check_writable()
        await asyncio.to_thread(durable.write, self.root / key, value.to_bytes())

    def set_sync(self, key: str, value: Any) -> None:
        """Write a file."""
        self._check_writable()
        durable.write(self.root / key, value.to_bytes())


def dims(array: zarr.Array[Any]) -> tuple[str, ...]:
    """Return the names of an array's dimensions."""
    return tuple(str(name) for name in array.metadata.dimension_names)  # type: ignore[union-attr]


def chunk_key(array: zarr.Array[Any], chunk: Sequence[int]) -> str:
    """Return the name of an array's chunk below the array: with dots, in stores of before with slashes."""
    return array.metadata.encode_chunk_key(tuple(chunk))


def read_only(place: Place) -> LocalStore | ReadStore:
    """Return what Zarr reads from a place."""
    return place.zarr_store() if isinstance(place, Remote) else LocalStore(place, read_only=True)


def opened(place: Place, **how: Any) -> zarr.Group:
    """Return a group to read."""
    if isinstance(place, Remote):  # each question takes time: none whether there is another format
        how["zarr_format"] = 3
    return zarr.open_group(read_only(place), mode="r", **how)


def arrays(place: Place) -> dict[str, zarr.Array[Any]]:
    """Return the arrays of a store, opened once a process; for the one driver and its workers."""
    return _arrays(place, version(place))


def results(place: Place) -> tuple[str, ...]:
    """Return the names of the variables that are no ragged ones; for the one driver and its workers."""
    return _results(place, version(place))


def members(place: Place) -> dict[str, zarr.Array[Any]]:
    """Return the arrays of a group below a store that never changes; for the one driver and its workers."""
    return _members(place, version(place))


def version(place: Place) -> tuple[int, int]:
    """Return what another folder at the same path does not share: a store may be replaced by a larger one."""
    if isinstance(place, Remote):
        return place.opened, 0
    status = (place / "zarr.json").stat()
    return status.st_ino, status.st_mtime_ns


@lru_cache(maxsize=8)
def _arrays(place: Place, version: tuple[int, int]) -> dict[str, zarr.Array[Any]]:
    if isinstance(place, Remote):
        return fresh_arrays(place)
    group = zarr.open_group(DurableStore(place), mode="r+", use_consolidated=True)
    # by default a chunk of fill values is not stored, and could not be told from a lost one
    return {name: array.with_config({"write_empty_chunks": True}) for name, array in group.arrays()}


@lru_cache(maxsize=8)
def _results(place: Place, version: tuple[int, int]) -> tuple[str, ...]:
    attrs = opened(place).attrs
    return tuple(decoded(attrs)["results"])


@lru_cache(maxsize=16)
def _members(place: Place, version: tuple[int, int]) -> dict[str, zarr.Array[Any]]:
    return fresh_members(place)


def fresh_members(place: Place) -> dict[str, zarr.Array[Any]]:
    """Return the arrays of a group below a store, by name."""
    return dict(sorted(opened(place).arrays()))


def fresh_arrays(place: Place) -> dict[str, zarr.Array[Any]]:
    """Return the arrays of a store to read, as it is now: another process may have grown it."""
    group = opened(place, use_consolidated=True)
    return dict(group.arrays())


def assert_aligned(block: Block, status: zarr.Array[Any]) -> None:
    """Assert that a block is a chunk: two writers in one would lose values, and zarr does not notice."""
    for a, b, step, n in zip(block.start, block.stop, status.chunks, status.shape, strict=True):
        if a % step or b != min(a + step, n):
            raise AssertionError(f"{block} is not a chunk of {status.chunks}")
