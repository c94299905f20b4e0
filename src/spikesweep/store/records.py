"""What a store keeps beside its arrays, in `.spikesweep`: failures, verifications, the records of blocks."""

import json
import os
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spikesweep.errors import DamagedError
from spikesweep.store import durable, plain
from spikesweep.store.remote import Place, UnreachableError, below

HIDDEN = ".spikesweep"
#: Below it, while a run goes on, what its workers read.
SENT = "sent"
_KINDS = ("failures", "verifications")


def guarded(record: Any) -> bytes:
    """Return JSON behind a line with its hash."""
    body = json.dumps(record, indent=1).encode()
    return durable.content_hash(body).encode() + b"\n" + body


def unguarded(data: bytes) -> Any:
    """Return what `guarded` was given; raise ValueError where it has changed."""
    digest, _, body = data.partition(b"\n")
    if digest != durable.content_hash(body).encode():
        raise ValueError("a record does not have the hash that it bears")
    return json.loads(body)


class Records:
    """The part of a store that holds records, as they are read; each is a file that nobody writes twice."""

    path: Place

    def failures(self) -> list[dict[str, Any]]:
        """Return the records of failed attempts in their order, those that are damaged left out."""
        read = ((p, plain.content(p)) for p in (self.path / HIDDEN / "failures").glob("*.json"))
        found = [record for p, data in read if not _is_damaged(p, data) for record in json.loads(data)]
        return sorted(found, key=lambda record: str(record["time"]))

    def damaged_records(self) -> list[str]:
        """Return the files of failed attempts and of verifications that have changed."""
        paths = (p for kind in _KINDS for p in (self.path / HIDDEN / kind).glob("*.json"))
        return sorted(below(p, self.path) for p in paths if _is_damaged(p, plain.content(p)))

    def damaged_metadata(self) -> list[str]:
        """Return the files that never change and have changed or gone."""
        try:
            manifest = unguarded(plain.content(self._manifest_path))
        except UnreachableError:
            raise
        except (OSError, ValueError):
            return [f"{HIDDEN}/manifest.json"]
        outside = [name for name in manifest if name.startswith("/") or ".." in name.split("/")]
        return outside or [name for name, digest in manifest.items() if _hash(self.path / name) != digest]

    @property
    def _manifest_path(self) -> Place:
        return self.path / HIDDEN / "manifest.json"


class WrittenRecords(Records):
    """The part of a store on the disk that holds records."""

    path: Path

    def record_failures(self, failures: Sequence[Mapping[str, Any]]) -> None:
        """Record the `point`, the `reason` and the `detail` of failures: a file a block and attempt."""
        where = {
            "time": datetime.now(UTC).isoformat(),
            "host": socket.gethostname(),
            "process": os.getpid(),
            "python": sys.version.split()[0],
        }
        self._write("failures", [{**failure, **where} for failure in failures])

    def remove_damaged_records(self) -> None:
        """Remove the records of failed attempts and of verifications that have changed."""
        for name in self.damaged_records():
            (self.path / name).unlink(missing_ok=True)

    def record_verification(self, outcome: Mapping[str, Any]) -> None:
        """Record the outcome of computing points again."""
        now = datetime.now(UTC).isoformat()
        self._write("verifications", {**outcome, "host": socket.gethostname(), "time": now})

    def send(self, name: str, content: bytes) -> None:
        """Keep what the workers of a run read, under a name."""
        durable.write(self.path / HIDDEN / SENT / name, content)

    def sent(self, name: str) -> bytes | None:
        """Return what the driver keeps for its workers under a name, None where that is not to be seen."""
        try:
            return plain.read(self.path / HIDDEN / SENT / name, plain.CHUNK)
        except FileNotFoundError:
            return None

    def remove_sent(self) -> None:
        """Remove what drivers keep for their workers; call it under the lock only."""
        shutil.rmtree(self.path / HIDDEN / SENT, ignore_errors=True)

    def _write(self, kind: str, record: Any) -> None:
        data = json.dumps(record, indent=1).encode()
        durable.write(self.path / HIDDEN / kind / f"{durable.content_hash(data)}.json", data)


def write_manifest(path: Path) -> None:
    """List the files of a store that never change, with their hashes."""
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    manifest = {str(f.relative_to(path)): durable.content_hash(f.read_bytes()) for f in files}
    durable.write(path / HIDDEN / "manifest.json", guarded(manifest))


def copy_records(source: WrittenRecords, target: WrittenRecords, more: Mapping[str, Any]) -> None:
    """Copy the records of verifications and of failed attempts, these with the values of `more` axes."""
    failures = [{**record, "point": {**more, **record["point"]}} for record in source.failures()]
    if failures:
        target._write("failures", failures)
    for path in (source.path / HIDDEN / "verifications").glob("*.json"):
        durable.write(target.path / HIDDEN / "verifications" / path.name, plain.read(path))


def _hash(path: Place) -> str:
    """Return the hash of a file, nothing where there is none."""
    try:
        return durable.content_hash(plain.content(path))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, DamagedError):
        return ""


def _is_damaged(path: Place, data: bytes) -> bool:
    return path.stem != durable.content_hash(data)
