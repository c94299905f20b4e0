"""The one exception that means: the request itself is refused, nothing was simulated."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """A request that cannot be carried out: its text names the key, the value and what is allowed."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint that ends a message about an unknown `name`: the nearest, then all names."""
    known = [str(name) for name in known]
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}allowed: {', '.join(known) if known else 'none'}"
