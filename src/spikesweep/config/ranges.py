"""What the words of a sweep over numbers mean where Hydra carries them out otherwise.

Hydra sorts a range by its ends and its step, which gives other numbers: sort(range(0,50,20),reverse=true)
would be 30, 10, -10 where 40, 20, 0 are meant. A cast of an interval changes its ends alone.
"""

import re
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from spikesweep.config.parse import MOST_WRITTEN, refuse_long_range
from spikesweep.errors import InputError
from spikesweep.grid.labels import tidy

_RANGE = re.compile(r"range\s*\([^()]*\)")
_CASTS = re.compile(r"\b(int|float)\s*\(")
_DESCENDING = re.compile(r"reverse\s*=\s*true\s*\)\s*$", re.IGNORECASE)


def meant(override: Override) -> Any:
    """Return the value of an override: of a sorted range the range itself, in the order it was typed."""
    value, text = override.value(), str(override.input_line)
    found = _RANGE.search(text)
    if not isinstance(value, RangeSweep) or not found or "sort" not in text[: found.start()]:
        return value
    casts = _CASTS.findall(text[text.index("=") : found.start()])
    plain = "".join(f"{cast}(" for cast in casts) + found[0] + ")" * len(casts)
    return OverridesParser.create().parse_override(f"x={plain}").value()


def swept_texts(override: Override) -> list[str]:
    """Return the values of a sweep in the order that the words say, as text."""
    value = meant(override)
    if isinstance(value, RangeSweep):
        refuse_long_range(value, str(override.input_line), MOST_WRITTEN)
    if value is override.value() or not isinstance(value, RangeSweep):
        return list(override.sweep_string_iterator())
    ordered = sorted(map(float, value.range()), reverse=bool(_DESCENDING.search(str(override.input_line))))
    return [f"{v:.15g}" for v in tidy(ordered, even=False)]


def interval_text(value: IntervalSweep) -> str:
    """Return an interval as a range to sample; int(interval(a,b)) has the whole numbers from a to b."""
    spacing = "log" if "log" in value.tags else "linear"
    whole = ",integer:true" if isinstance(value.start, int) else ""
    return f"{{low:{value.start},high:{value.end},spacing:{spacing}{whole}}}"


def refuse_twice(words: Sequence[str]) -> None:
    """Refuse a command line that gives one key two values, of which the last would win; raise InputError."""
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        key = key.lstrip("+").replace("/", ".")
        if not equals or key.startswith(("~", "-")):
            continue
        if key in given:
            raise InputError(f"{key} is given twice, {given[key]} and {value}; allowed: once")
        given[key] = value
