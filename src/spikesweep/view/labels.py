"""Texts of a store as people may see them: anybody can have written them, so they are short and printable."""

from typing import Any

from spikesweep.grid.grid import label_text

#: Characters of a name or a label, and of a longer text.
SHORT, LONG = 60, 20_000


def plain_text(value: Any, most: int = SHORT) -> str:
    """Return a text without what moves a cursor or turns its direction, and not longer than `most`."""
    text = str(value)
    if len(text) > most:
        text = f"{text[: most - 1]}…"
    return "".join(c if c.isprintable() or (c in "\n\t" and most > SHORT) else "�" for c in text)


def label(value: Any) -> str:
    """Return a value of an axis as it is shown."""
    return plain_text(label_text(value))


def exact(value: Any) -> str:
    """Return a value of an axis as commands and links have it: found again by the store's rule for labels."""
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)


def named(name: str, units: str) -> str:
    """Return a name with its unit."""
    return plain_text(name) + ("" if units in ("", "1") else f" ({plain_text(units, 20)})")


def number(value: float) -> str:
    """Return a result in few digits."""
    return f"{value:.4g}"
