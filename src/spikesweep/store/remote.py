"""Places beyond this machine: what readers of a store need of a `Path`, below an fsspec URL.

fsspec is imported when the first URL is read, and its packages (s3fs) by itself: paths need neither.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from functools import cached_property
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import FsspecStore

from spikesweep.errors import InputError
from spikesweep.urls import is_url, shown

#: Nothing is kept of listings: another program may have changed what is there. By scheme, what files need
#: that are small and many: no question for their size first, the folders that they are in.
_OPTIONS: dict[str, Any] = {"use_listings_cache": False}
_MORE: dict[str, dict[str, Any]] = {"s3": {"max_concurrency": 1}, "file": {"auto_mkdir": True}}
_CREDENTIALS = "allowed: credentials in the environment (AWS_ACCESS_KEY_ID, ...) or in ~/.aws"
_WITHOUT = ("NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError")
_ABSENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
_opened = count(1)


class UnreachableError(OSError):
    """A place that cannot be asked: no network, no permission. It says nothing of what is there."""


@dataclass(frozen=True)
class Remote:
    """A place below a URL. Its methods are those of `Path`, and raise UnreachableError besides."""

    url: str
    opened: int = field(default=0, repr=False)  #: a number for each call of `place`

    def __str__(self) -> str:
        return shown(self.url)

    def __truediv__(self, name: str | Path) -> "Remote":
        return Remote(f"{self.url}/{name}", self.opened)

    def __lt__(self, other: "Remote") -> bool:
        return self.url.split("/") < other.url.split("/")  # as paths

    @property
    def name(self) -> str:
        """Return the last part of the URL."""
        return self.url.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """Return the last part of the URL without what follows its last dot."""
        return PurePosixPath(self.name).stem

    @cached_property
    def _found(self) -> tuple[Any, str]:
        with reached(self):
            import fsspec  # late: paths do not need it

            fs, path = fsspec.url_to_fs(self.url, **self._options)
            return fs, str(path)

    @property
    def _options(self) -> dict[str, Any]:
        return {**_OPTIONS, **_MORE.get(self.url.partition(":")[0], {})}

    @property
    def fs(self) -> Any:
        """Return the fsspec file system."""
        return self._found[0]

    @property
    def path(self) -> str:
        """Return the path in the file system."""
        return self._found[1]

    def _below(self, path: str) -> "Remote":
        """Return the place of a path in the file system that starts with this one's."""
        name = path.removeprefix(self.path).strip("/")
        return self / name if name else self

    def read_bytes(self) -> bytes:
        """Return the content of a file."""
        with reached(self):
            return bytes(self.fs.cat_file(self.path))

    def exists(self) -> bool:
        """Return whether there is a file, or files below."""
        with reached(self):
            return bool(self.fs.exists(self.path))

    def is_file(self) -> bool:
        """Return whether there is a file."""
        with reached(self):
            return bool(self.fs.isfile(self.path))

    def is_dir(self) -> bool:
        """Return whether there are files below."""
        with reached(self):
            return bool(self.fs.isdir(self.path))

    def files(self) -> dict[str, dict[str, Any]]:
        """Return what the file system says of each file below, by its path from here."""
        with reached(self):
            try:
                found = self.fs.find(self.path, detail=True)
            except _ABSENT:
                return {}
        places = ((self._below(path), info) for path, info in found.items())
        # a console's "folder" is an empty object with the name of the place itself
        return {below(one, self): info for one, info in places if one != self}

    def _entries(self) -> list[dict[str, Any]]:
        with reached(self):
            try:
                return list(self.fs.ls(self.path, detail=True))
            except _ABSENT:
                return []

    def glob(self, pattern: str) -> Iterator["Remote"]:
        """Yield what is directly below and has a name like the pattern."""
        found = (self._below(entry["name"]) for entry in self._entries())
        yield from (one for one in found if fnmatch(one.name, pattern))

    def rglob(self, pattern: str) -> Iterator["Remote"]:
        """Yield all files below that have a name like the pattern."""
        yield from (self / path for path in self.files() if fnmatch(PurePosixPath(path).name, pattern))

    def folders(self, pattern: str) -> Iterator["Remote"]:
        """Yield the folders below that have a name like the pattern, without looking into these."""
        for entry in self._entries():
            one = self._below(entry["name"])
            if entry["type"] != "directory" or one == self:
                continue
            if fnmatch(one.name, pattern):
                yield one
            else:
                yield from one.folders(pattern)

    def zarr_store(self) -> "ReadStore":
        """Return what Zarr reads from here."""
        with reached(self):
            return ReadStore.from_url(self.url, storage_options=self._options, read_only=True)  # type: ignore[return-value]


#: A store is read from either: both have the methods that readers need.
Place = Path | Remote


def file_sizes(place: Place) -> list[int]:
    """Return how many bytes each file below a place has."""
    if isinstance(place, Remote):
        return [file["size"] or 0 for file in place.files().values()]
    return [file.stat().st_size for file in place.rglob("*") if file.is_file()]


def place(text: str | Path) -> Place:
    """Return the place of a path or of a URL; raise InputError for a URL that cannot be one of a store.

    `file://` is a path. What is read of the metadata below a URL is kept as long as the place is.
    """
    if isinstance(text, Path) or not is_url(text):
        return Path(text)
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    if "?" in text or re.match(r"[^/]+://[^/]*:[^/]*@", text):
        raise InputError(f"{shown(text)} is refused, given with a password or a query; {_CREDENTIALS}")
    if "::" in text or text.endswith("://"):
        raise InputError(f"{text!r} is no place of a store; allowed: as s3://bucket/NAME.zarr")
    return Remote(text.rstrip("/"), next(_opened))


def destination(url: str) -> Remote:
    """Return the place of a URL to write a store to, `file://` too; raise InputError for anything else."""
    if not re.match(r"[A-Za-z0-9+.-]+:///?[^/]+/+[^/]", url):
        raise InputError(f"{shown(url)!r} is no place for a store; allowed: a URL as s3://bucket/NAME.zarr")
    place(url)
    found = Remote(url.rstrip("/"), next(_opened))
    assert found.fs is not None  # what it needs is installed
    return found


def fresh(place: Remote) -> Remote:
    """Return a place whose metadata will be read anew."""
    return replace(place, opened=next(_opened))


def below(one: Place, above: Place) -> str:
    """Return the path of a place from one above it."""
    return str(one).removeprefix(f"{above}/")


class ReadStore(FsspecStore):
    """A store that is read: what cannot be reached raises UnreachableError, and is not taken for damage."""

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return a file, None where it is not there."""
        where = self.fs.unstrip_protocol(f"{self.path}/{key}")
        with reached(where):
            found = await super().get(key, prototype, byte_range)
        if found is not None and key.endswith("zarr.json"):
            from spikesweep.store.plain import limits  # late: it knows places

            limits(found.to_bytes(), shown(where))
        return found


@contextmanager
def reached(what: object) -> Iterator[None]:
    """Turn what file systems raise into one line: an UnreachableError, unless it says that nothing is there.

    Raises InputError where a package is not installed or no credentials are found.
    """
    try:
        yield
    except (*_ABSENT, UnreachableError, InputError):
        raise
    except ImportError as error:
        scheme = str(what).partition("://")[0]
        package = '-e ".[s3]"' if scheme in ("s3", "s3a") else f"what fsspec reads {scheme}:// with"
        raise InputError(f"{what} needs a package: {_line(error)}; allowed: pip install {package}") from error
    except Exception as error:  # each file system has its own
        if type(error).__name__ in _WITHOUT:
            raise InputError(f"{what}: no credentials are found ({_line(error)}); {_CREDENTIALS}") from error
        if isinstance(error, ValueError) and "rotocol not known" in str(error):
            raise InputError(f"{what}: {_line(error)}; allowed: s3://, gs://, https://, ...") from error
        if isinstance(error, PermissionError):
            raise UnreachableError(f"{what} is not permitted to you: {_line(error)}") from error
        raise UnreachableError(f"{what} cannot be reached: {_line(error)}") from error


def _line(error: Exception) -> str:
    """Return an error in one line without secrets."""
    return " ".join(shown(f"{type(error).__name__}: {error}").split())
