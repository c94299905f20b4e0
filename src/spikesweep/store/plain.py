"""Stores come from other people: inside one only plain files and folders count, no larger than they can be.

A link would let a repair or a resumed run write and delete elsewhere, a pipe or a device would be read for
ever, and metadata may name whatever Zarr knows of, which is more than stores hold.
"""

import errno
import json
import math
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spikesweep.errors import DamagedError
from spikesweep.store.remote import Place

#: Bytes of the largest record or file of metadata, of a chunk, and of labels that are words.
RECORD, CHUNK, WORDS = 2**28, 2**30, 2**28
#: Entries of the longest coordinate, and of the largest status.
LABELS, POINTS = 2**24, 2**28
_REMEDY = "a store that spikesweep has written, as plain files and folders"
#: What stores are written with, and the types of their values.
_CODECS = ("bytes", "zstd", "vlen-utf8")
_WORDS = ("string", "variable_length_utf8")
_BITS = {"bool": 8} | {f"{k}{n}": n for k in ("int", "uint", "float") for n in (8, 16, 32, 64)}
_ZSTD = b"\x28\xb5\x2f\xfd"
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def foreign(path: Path, what: str) -> DamagedError:
    """Return the refusal of something in a store that is none of it."""
    return DamagedError(str(path), what, _REMEDY)


def read(path: Path, limit: int = RECORD) -> bytes:
    """Return the content of a plain file; raise DamagedError for anything else, or more bytes.

    Raises FileNotFoundError, IsADirectoryError and NotADirectoryError as `Path.read_bytes`.
    """
    try:
        descriptor = os.open(path, _FLAGS | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            raise foreign(path, "it is a link, a pipe or a device") from error
        raise
    with open(descriptor, "rb", buffering=0) as file:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise foreign(path, "it is a pipe or a device")
        if found.st_size > limit:
            raise foreign(path, f"it has {found.st_size} bytes, and can have {limit} at most")
        return file.readall()


def content(place: Place) -> bytes:
    """Return the content of a record, on the disk or below a URL."""
    return read(place) if isinstance(place, Path) else place.read_bytes()


def refuse_others(root: Path) -> None:
    """Refuse a store that holds anything but plain files and folders; raise DamagedError naming it.

    The store's own folder may be a link.
    """
    if not root.is_dir():
        return
    todo: list[str | Path] = [root]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                elif not entry.is_file(follow_symlinks=False):
                    what = "link" if entry.is_symlink() else "pipe, socket or device"
                    name = Path(entry.path).relative_to(root)
                    raise foreign(root, f"{name} is a {what}")


def limits(data: bytes, path: Path | str) -> dict[str, int]:
    """Return how many bytes a chunk of each array may have that a file of metadata describes, by its name.

    The array or group itself has the name "". Raises DamagedError for what no store has: codecs, types and
    sizes of others. What is no JSON is left to Zarr.
    """
    try:
        node = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(node, dict):
        return {}
    try:
        return dict(_limits(node, "", path))
    except DamagedError:
        raise
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise foreign(Path(path), f"its metadata cannot be read ({type(error).__name__}: {error})") from error


def _limits(node: Mapping[str, Any], name: str, path: Path | str) -> Iterator[tuple[str, int]]:
    if node.get("zarr_format") != 3 or node.get("storage_transformers"):
        raise foreign(Path(path), f"{name} is not as stores have it")
    if node.get("node_type") == "array":
        yield name, _chunk_bytes(node, name or Path(path).parent.name, path)
    inside = node.get("consolidated_metadata") or {}
    for below, one in (inside.get("metadata") or {}).items():
        yield from _limits(one, below, path)


def _chunk_bytes(node: Mapping[str, Any], name: str, path: Path | str) -> int:
    """Return how many bytes a chunk of an array has at most before it is compressed."""
    codecs = [codec if isinstance(codec, str) else codec["name"] for codec in node["codecs"]]
    if other := [codec for codec in codecs if codec not in _CODECS]:
        raise foreign(Path(path), f"{name} has the codec {other[0]!r}, which no store has")
    kind, grid, shape = node["data_type"], node["chunk_grid"], node["shape"]
    if not isinstance(kind, str) or kind not in (*_BITS, *_WORDS) or grid["name"] != "regular":
        raise foreign(Path(path), f"{name} has values of {kind!r} on a grid {grid['name']!r}")
    count = math.prod(shape)
    most = POINTS if name == "status" else LABELS if node.get("dimension_names") == [name] else None
    if most is not None and count > most:
        raise foreign(Path(path), f"{name} has {count} entries, and can have {most} at most")
    if kind in _WORDS:
        return WORDS
    size: int = math.prod(grid["configuration"]["chunk_shape"]) * _BITS[kind] // 8
    if size > CHUNK:
        raise foreign(Path(path), f"a chunk of {name} has {size} bytes, and can have {CHUNK} at most")
    return size


def compressed(limit: int) -> int:
    """Return how many bytes a chunk of so many may have on the disk."""
    return limit + limit // 128 + 1024


def refuse_bomb(data: bytes, limit: int, path: Path | str) -> None:
    """Refuse a compressed chunk that says that it has more than `limit` bytes; raise DamagedError."""
    if data[:4] != _ZSTD or len(data) < 6:
        return  # damage, which its codec tells
    flags = data[4]
    first = 5 + (0 if flags & 0x20 else 1) + (0, 1, 2, 4)[flags & 3]
    width = (1 if flags & 0x20 else 0, 2, 4, 8)[flags >> 6]
    size = int.from_bytes(data[first : first + width], "little") + (256 if width == 2 else 0)
    if width == 0 or size > limit:
        said = f"{size} bytes" if width else "no number of bytes"
        raise foreign(Path(path), f"it says that it holds {said}, and can hold {limit} at most")
