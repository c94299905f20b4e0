"""The one exception that means: the request itself is refused, nothing was simulated."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 20  # keys in a message that has no nearest one to offer
_LONGEST = 2000  # characters of a message
_VALUE = 200  # characters of one value in it


def is_text(text: str) -> bool:
    """Return whether a text is one line that any terminal and any file name can hold as it is."""
    return text.isprintable()  # of surrogates, control and format characters none is


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Return a text as one printable line, what is neither escaped, the middle of a longer one left out."""
    text = re.sub(r"(?<=:)\s*\n\s*", " ", text.strip())
    text = re.sub(r"\s*\n\s*", "; ", text)
    if len(text) > longest:
        text = f"{text[: longest // 2]} ... {text[-longest // 4 :]}"
    if not is_text(text):
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text


def shown(value: object) -> str:
    """Return a value as messages quote it: one line, not longer than a person reads."""
    return one_line(repr(value), _VALUE)


class InputError(ValueError):
    """A request that cannot be carried out: its text names the key, the value and what is allowed.

    It is one line, whatever the values hold that it quotes.
    """

    def __str__(self) -> str:
        return one_line(super().__str__())


class OtherSweepError(InputError):
    """A store that holds another sweep; `found` are the keys that differ and what the request has there."""

    def __init__(self, text: str, found: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(text)
        self.found = tuple(found)


class DamagedError(InputError):
    """A store that does not hold what was written."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(where, what, remedy)
        self.what = what

    def __str__(self) -> str:
        where, what, remedy = self.args
        return one_line(f"{where}: {what}; allowed: {remedy}")


def _same(name: str, known: Iterable[str]) -> list[str]:
    """Return what is the same but for capitals."""
    return [other for other in known if other.lower() == name.lower()][:1]


def nearest_key(key: str, known: Iterable[str]) -> str:
    """Return the hint that ends a message about an unknown dotted `key`."""
    known = list(known)
    last = key.rsplit(".", 1)[-1]
    same_end = [k for k in known if k.rsplit(".", 1)[-1] == last]
    close = _same(key, known) or get_close_matches(key, known, n=1, cutoff=0.6) or same_end[:1]
    ends = {k.rsplit(".", 1)[-1]: k for k in reversed(known)}
    close = close or [ends[k] for k in get_close_matches(last, ends, n=1, cutoff=0.5)]
    shown = [*known[:_SHOWN], *(["..."] if len(known) > _SHOWN else [])]
    return f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(shown)}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint that ends a message about an unknown `name`: the nearest, then all names."""
    known = [str(name) for name in known]
    close = _same(name, known) or get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}allowed: {', '.join(known) if known else 'none'}"
