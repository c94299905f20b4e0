"""The arrays of a store, as Zarr has them."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import zarr
from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.codecs import ZstdCodec
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.core.buffer.core import default_buffer_prototype
from zarr.core.chunk_key_encodings import ChunkKeyEncodingLike
from zarr.storage import LocalStore

from spikesweep.grid.attributes import decoded
from spikesweep.grid.grid import Block
from spikesweep.store import durable, plain
from spikesweep.store.remote import Place, ReadStore, Remote

CHECKED = ZstdCodec(level=1, checksum=True)
#: Names of chunks: `c.0.1.2`, files of one folder; with slashes each dimension would be a folder more.
FLAT: ChunkKeyEncodingLike = {"name": "default", "separator": "."}


#: Where a chunk is below its array: `c.0.1.2`, in stores of before `c/0/1/2`.
_CHUNK_KEY = re.compile(r"(.*?)/c(?:[./].*)?")
#: Metadata of formats that stores never had, which may hold pickles.
_OTHERS = (".zarray", ".zgroup", ".zattrs", ".zmetadata")


class PlainStore(LocalStore):
    """A local store of plain files, whose metadata and sizes are those of stores: see `plain`."""

    def __init__(self, root: Path | str, *, read_only: bool = False) -> None:
        super().__init__(root, read_only=read_only)
        self._limits: dict[str, int] = {}  #: bytes of a chunk, by array

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return a file, None where it is not there; raise DamagedError for what is none of a store's."""
        if not self._is_open:
            await self._open()
        return await asyncio.to_thread(self._content, key, prototype, byte_range)

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return a file, None where it is not there; raise DamagedError for what is none of a store's."""
        self._ensure_open_sync()
        return self._content(key, prototype, byte_range)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return parts of files."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    def _content(
        self, key: str, prototype: BufferPrototype | None, byte_range: ByteRequest | None
    ) -> Buffer | None:
        path, chunk = self.root / key, _CHUNK_KEY.fullmatch(key)
        if path.name in _OTHERS:
            return None
        limit = self._limit(chunk[1]) if chunk else plain.RECORD
        try:
            data = plain.read(path, plain.compressed(limit) if chunk else limit)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        if chunk:
            plain.refuse_bomb(data, limit, path)
        elif path.name == "zarr.json":
            above = key.removesuffix("zarr.json")
            found = plain.limits(data, path)
            self._limits |= {f"{above}{name}".strip("/"): size for name, size in found.items()}
        buffer = (prototype or default_buffer_prototype()).buffer.from_bytes(data)
        return buffer if byte_range is None else _part(buffer, byte_range)

    def _limit(self, array: str) -> int:
        """Return how many bytes a chunk of an array has at most."""
        if array not in self._limits:
            path = self.root / array / "zarr.json"
            with suppress(FileNotFoundError, NotADirectoryError):
                self._limits[array] = plain.limits(plain.read(path), path).get("", plain.RECORD)
        return self._limits.get(array, plain.RECORD)


def _part(buffer: Buffer, asked: ByteRequest) -> Buffer:
    match asked:
        case RangeByteRequest(start=start, end=end):
            return buffer[start:end]
        case OffsetByteRequest(offset=offset):
            return buffer[offset:]
        case SuffixByteRequest(suffix=suffix):
            return buffer[max(0, len(buffer) - suffix) :]
    raise TypeError(f"Unexpected byte_range, got {asked}.")


class DurableStore(PlainStore):
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


def read_only(place: Place) -> PlainStore | ReadStore:
    """Return what Zarr reads from a place."""
    return place.zarr_store() if isinstance(place, Remote) else PlainStore(place, read_only=True)


def opened(place: Place, **how: Any) -> zarr.Group:
    """Return a group to read."""
    # each question takes time: none whether there is another format, which may hold pickles
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
    group = zarr.open_group(DurableStore(place), mode="r+", use_consolidated=True, zarr_format=3)
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


def no_singles(n: int, chunk: int) -> tuple[int, ...]:
    """Return how many values are read at a time: of single ones there are no derivatives."""
    size = max(chunk, 2)
    whole, rest = divmod(n, size)
    return (*(size,) * (whole - 1), size + rest) if rest == 1 else (*(size,) * whole, *(rest,) * (rest > 0))
