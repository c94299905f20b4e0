"""`NAME=zip(KEY=[...],KEY=choice(...))`: axes, or choices of names, that move together.

Hydra's design for zipped sweeps (facebookresearch/hydra, docs/design/zipped_sweeps.md), which its own
grammar does not know yet: each member is parsed by Hydra's parser, what is around them here.
"""

import re
from collections.abc import Iterable

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override

from spikesweep.config.parse import parsed, quoted, refuse_unreadable
from spikesweep.config.ranges import swept_texts
from spikesweep.errors import InputError

GROUPS = ("neuron", "network", "protocol", "grid", "compute")
#: What a configuration holds.
ROOT_KEYS = (
    *GROUPS,
    *("zip", "points", "sample", "exclude", "replicate", "refine", "optimise", "summary", "gate"),
    *("name", "outputs", "overwrite", "retry", "plan", "confirm", "ask_above"),
)
#: Groups whose options are separate stores.
STORE_GROUPS = ("protocol", "neuron", "network")
ZIP = re.compile(r"(?P<name>[^=]*)=(?P<shuffle>shuffle\()?zip\((?P<members>.*)\)", re.DOTALL)
_ZIPS = "++hydra.sweeper.zips."


def zip_words(zipped: re.Match[str]) -> list[str]:
    """Return the words of `NAME=zip(...)`: axes and which of them move together, or rows of jobs."""
    name = zipped["name"]
    text = f"{name}=zip(...)"
    members = [
        _zip_member(text, part)
        for part in _split(zipped["members"].removesuffix(")" if zipped["shuffle"] else ""))
    ]
    keys = [key for key, _ in members]
    if not name.isidentifier() or name in ROOT_KEYS:
        raise InputError(f"{text}: {name!r} names what moves together; allowed: a word that is no key")
    if len(members) < 2 or len(set(keys)) < len(keys):
        raise InputError(f"{text} of {keys} is refused; allowed: at least two members, each once")
    lengths = {key: len(values) for key, values in members}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise InputError(f"{text} has members of {lengths} values; allowed: equally many, at least one")
    if any(key in GROUPS for key in keys):
        for key in keys:
            if key in GROUPS:
                check_group(key, text)
        columns = [[f"{key}={value}" for value in values] for key, values in members]
        rows = ",".join(f"[{','.join(quoted(word) for word in row)}]" for row in zip(*columns, strict=True))
        return [f"{_ZIPS}{name}=[{rows}]"]
    keys = [grid_key(key) for key in keys]
    words = [w for k, (_, v) in zip(keys, members, strict=True) for w in axis_words(k, f"[{','.join(v)}]")]
    return [*words, f"++zip.{name}=[{','.join(key.removeprefix('grid.') for key in keys)}]"]


def _zip_member(text: str, member: str) -> tuple[str, list[str]]:
    try:
        refuse_unreadable(member.strip())
        override = parsed(member.strip())
    except InputError as error:
        raise InputError(f"{text}: {error}") from error
    value = override.value()
    if isinstance(value, IntervalSweep) or getattr(value, "shuffle", False):
        raise InputError(f"{text}: {member.strip()!r} is refused; allowed: values in an order")
    if override.is_sweep_override():
        return override.key_or_group, swept_texts(override)
    if not isinstance(override._value, list):
        raise InputError(f"{text}: {member.strip()!r} is refused; allowed: KEY=[...] or KEY=choice(...)")
    return override.key_or_group, [Override._get_value_element_as_str(v) for v in override._value]


def _split(text: str) -> list[str]:
    """Return the parts between the commas that stand outside brackets and quotes."""
    parts, depth, quote, part = [], 0, "", ""
    for c in text:
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        else:
            depth += (c in "([{") - (c in ")]}")
        if c == "," and not depth and not quote:
            parts.append(part)
            part = ""
        else:
            part += c
    return [*parts, part]


def zipped_groups(words: Iterable[str]) -> dict[str, list[list[str]]]:
    """Return the rows of group choices that `command_words` made of `zip(...)`, by name."""
    parsed = OverridesParser.create().parse_overrides([w for w in words if w.startswith(_ZIPS)])
    return {o.key_or_group.rsplit(".", 1)[1]: o.value() for o in parsed}  # type: ignore[misc]


def grid_key(key: str) -> str:
    """Return the key of the axis that sweeps a value, or that is an axis itself."""
    return key if key.startswith("grid.") else f"grid.{key}"


def axis_words(key: str, text: str) -> list[str]:
    """Return words that give an axis its values: emptied first, because Hydra merges."""
    return [f"++{key}=null", f"++{key}={text}"]


def check_group(key: str, text: str) -> None:
    """Refuse a sweep over a group whose options are no stores of their own; raise InputError."""
    if key not in STORE_GROUPS:
        allowed = ", ".join(STORE_GROUPS)
        raise InputError(f"{text}: no results depend on it alone; allowed as sweeps of names: {allowed}")
