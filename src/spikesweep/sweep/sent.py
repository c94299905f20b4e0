"""What every task needs: it travels once, as a file of the store, and a task says only where it lies.

A worker reads it before its first block. What could give it other numbers, or none, is found there: a place
where the store is not to be seen, other code, other compilers.
"""

import json
import pickle
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

from spikesweep import sources
from spikesweep.errors import InputError
from spikesweep.store import Store
from spikesweep.sweep.provenance import DECISIVE_VERSIONS, minor, versions

#: How often a worker looks again for a file that the driver has just written, and how long it waits (s): a
#: network file system may show it a little later.
_LOOKS, _BETWEEN = 3, 1.0
#: Runs that a process may take part in at a time.
_MOST = 4

_here: dict["Sent", Any] = {}
_turn = Lock()


@dataclass(frozen=True)
class Unfit:
    """A worker that cannot take part: where it runs, and why."""

    where: str
    reason: str

    def __str__(self) -> str:
        """Return both in words."""
        return f"the worker on {self.where} is refused: {self.reason}"


@dataclass(frozen=True)
class Sent:
    """Where a value lies that all tasks of a run need."""

    path: Path  #: of the store, absolute
    digest: str  #: of the file

    @classmethod
    def of(cls, value: Any, store: Store, *, travels: bool) -> "Sent":
        """Return where a value is found, by this process and, with `travels`, by those of any host."""
        data = pickle.dumps(value) if travels else b""
        header = json.dumps({"versions": versions(), "code": _code()} if travels else {}).encode()
        content = header + b"\n" + data
        digest = sha256(content).hexdigest()
        sent = cls(store.path, digest)
        if travels:
            store.send(digest, content)
        _here[sent] = value
        return sent

    def received(self, prepare: Callable[[Any], None]) -> Any:
        """Return the value, or Unfit. Once a process it is read, and `prepare` called with it."""
        with _turn:
            if self not in _here:
                try:
                    value = self._read()
                except Exception as error:
                    reason = (
                        str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
                    )
                    return Unfit(f"{socket.gethostname()} ({sys.executable})", reason)
                while len(_here) >= _MOST:  # of earlier runs
                    del _here[next(iter(_here))]
                _here[self] = value
                prepare(value)
            return _here[self]

    def forget(self) -> None:
        """Let this process keep the value no longer."""
        _here.pop(self, None)

    def _read(self) -> Any:
        header, _, data = self._content().partition(b"\n")
        expected = json.loads(header)
        here = versions()
        for name in DECISIVE_VERSIONS:
            if minor(expected["versions"][name]) != minor(here[name]):
                raise InputError(
                    f"{name} is {here[name]} there, and {expected['versions'][name]} at the driver"
                )
        found = _code()
        if other := sorted(m for m, digest in expected["code"].items() if found.get(m) != digest):
            more = f" and {len(other) - 1} more" if len(other) > 1 else ""
            raise InputError(f"it has other code than the driver: {other[0]}{more}")
        return pickle.loads(data)

    def _content(self) -> bytes:
        store = Store(self.path)
        content = store.sent(self.digest)
        for _ in range(_LOOKS):
            if content is None:
                time.sleep(_BETWEEN)
                content = store.sent(self.digest)
        if content is None:
            what = "this run's files in it" if self.path.exists() else "it"
            raise InputError(
                f"{self.path} is the store, and {what} cannot be seen there; "
                "allowed: outputs=FOLDER on a file system that all workers share"
            )
        if sha256(content).hexdigest() != self.digest:
            raise InputError(f"a file of {self.path} is not what the driver wrote")
        return content


@lru_cache(maxsize=1)
def _code() -> dict[str, str]:
    """Return a hash of each source file of this package, as this process found them first."""
    home = Path(sources.__file__).parent
    files = {".".join(p.relative_to(home.parent).with_suffix("").parts): p for p in home.rglob("*.py")}
    return {
        name.removesuffix(".__init__"): sha256(p.read_bytes()).hexdigest()[:16] for name, p in files.items()
    }
