"""One word of a command line, parsed by Hydra's grammar: how long, deep and many, before it is made."""

import math

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, RangeSweep
from hydra.errors import HydraException

from spikesweep.errors import InputError, one_line, shown

#: Characters of a word, brackets inside brackets, names in a key: more is no experiment.
_LONGEST, _DEEPEST, _MOST_NAMES = 200_000, 20, 20
#: Values that are written out, and those of a range, which is not.
MOST_WRITTEN, MOST_IN_RANGE = 10_000, 1_000_000
#: Keys whose values are texts: what Hydra's grammar cannot read is taken as it stands.
_TEXTS = ("exclude", "points", "name", "outputs")
_ALLOWED = "allowed: KEY=VALUE, a list as KEY=[1,2], a text in quotes"


def parsed(word: str) -> Override:
    """Return what a word says; raise InputError where it says nothing, or too much."""
    parser = OverridesParser.create()
    try:
        return parser.parse_override(word)
    except (HydraException, ValueError, ArithmeticError, RecursionError) as error:
        key, found, text = word.partition("=")
        if key in _TEXTS and found:
            return parser.parse_override(f"{key}={quoted(text)}")
        said = str(error).split("\nSee http")[0].splitlines() or [""]
        hint = "; plain numbers: values.tolist()" if "np." in word or "array(" in word else ""
        raise InputError(
            f"{shown(word)} is refused: {one_line(said[-1].strip())}; {_ALLOWED}{hint}"
        ) from error


def refuse_unreadable(word: str) -> None:
    """Refuse what is no text, or longer or deeper than a word of an experiment; raise InputError."""
    key, found, text = word.partition("=")
    if not found and not key.startswith("~"):
        raise InputError(f"{shown(word)} is refused: it gives nothing a value; {_ALLOWED}")
    if not key.strip("+~ "):
        raise InputError(f"{shown(word)} is refused: it names no key; {_ALLOWED}")
    if lost := next((c for c in word if not c.isprintable() and c not in "\t\n\r"), None):
        raise InputError(f"{shown(word)} holds {lost!r}; allowed: characters that can be printed")
    if len(word) > _LONGEST:
        raise InputError(f"{key} = {shown(text)} has {len(word):,} characters; allowed: at most {_LONGEST:,}")
    depth = deepest = 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise InputError(f"{key} = {shown(text)} has {deepest} brackets inside brackets; allowed: {_DEEPEST}")
    if (n := key.count(".") + 1) > _MOST_NAMES:
        raise InputError(f"{shown(key)} has {n} names; allowed: at most {_MOST_NAMES}")


def refuse_long_range(sweep: RangeSweep, text: str, most: int = MOST_IN_RANGE) -> None:
    """Refuse a range of more than `most` values, or without an end; raise InputError."""
    n_in_range(float(sweep.start or 0), float(sweep.stop or 0), float(sweep.step), text, most)


def n_in_range(start: float, stop: float, step: float, text: str, most: int) -> int:
    """Return how many values a range has; raise InputError for more than `most`, and for none that ends."""
    n = (stop - start) / step if step else math.nan
    if not (math.isfinite(start) and math.isfinite(stop) and math.isfinite(n)):
        raise InputError(f"{shown(text)} has no end; allowed: range(START,STOP,STEP) of numbers, STEP not 0")
    if n > most:
        raise InputError(f"{shown(text)} has {math.ceil(n):,} values; allowed: at most {most:,}")
    return max(0, math.ceil(n - 1e-9))  # 1e-9: of 0.1 steps 0.4 is the fourth


def quoted(word: str) -> str:
    """Return a word in the quotes of Hydra's grammar."""
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"
