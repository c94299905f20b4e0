"""What the files of a block may hold.

A block's record is written before its chunks, with hashes of what they hold and of what they are about to
get, and once more after them. So whenever a writer dies, every chunk holds what the record says of it, and
whatever else it holds is damage.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Hashes = Mapping[str, str]


@dataclass(frozen=True)
class BlockRecord:
    """Hashes of a block's variables and of its status."""

    now: Hashes | None  #: what the chunks hold; None where they hold nothing yet
    next: Hashes | None = None  #: what they are about to get; None once they have it

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "BlockRecord":
        """Return the record that `plain` gave."""
        return cls(**plain)

    def plain(self) -> dict[str, Any]:
        """Return the record as JSON has it."""
        return asdict(self)

    def problem(self, found: Hashes, gone: Collection[str]) -> str:
        """Return what is wrong with chunks of these hashes, of which some are gone; nothing if all is well.

        The status is written last: where it is the new one, everything is, and where it is the old one a
        variable may be either. Without status nothing counts.
        """
        if "status" in gone:
            return ""
        if gone:
            return f"the chunk of {', '.join(sorted(gone))} is gone"
        may = [hashes for hashes in (self.now, self.next) if hashes is not None]
        first = next((i for i, hashes in enumerate(may) if hashes["status"] == found["status"]), len(may))
        if first == len(may) or any(all(h != m.get(name) for m in may[first:]) for name, h in found.items()):
            return "its values are not those that were recorded"
        return ""
