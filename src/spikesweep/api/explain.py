"""The command `explain`: what a key, an option or a group of the configuration means."""

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spikesweep.api.explained import (
    Explained,
    ending_with,
    equations,
    explained,
    keys_of,
    note_of,
    notes_of,
    options,
    options_with,
    readers,
    sweepable,
)
from spikesweep.config import compose
from spikesweep.config.options import OPTIONS
from spikesweep.config.zips import GROUPS
from spikesweep.errors import InputError, nearest, nearest_key
from spikesweep.grid.attributes import cell_names
from spikesweep.grid.schema import Axis
from spikesweep.sweep.experiment import assemble
from spikesweep.trust import named_words

_INDENT, _LABEL = 2, 12


def command(parsed: Any) -> int:
    """Print what each key means, what each option is; words with `=` are choices beside them."""
    keys = [word for word in parsed.keys if "=" not in word]
    chosen = named_words([word for word in parsed.keys if "=" in word])
    for word in chosen:
        group, _, option = word.partition("=")
        if group in GROUPS and option not in options(group):
            raise InputError(f"{word} is refused; {nearest(option, options(group))}")
    for word in keys or chosen:
        if word in GROUPS:
            _group(word)
        elif "=" in word:
            _option(word, chosen)
        elif groups := [group for group in GROUPS if word in options(group)]:
            _option(f"{groups[0]}={word}", [*chosen, f"{groups[0]}={word}"])
        else:
            _key(word, chosen)
    return 0


def _width() -> int:
    return max(shutil.get_terminal_size((80, 24)).columns - 1, 40)


def _print(label: str, text: str) -> None:
    lines = textwrap.wrap(text, _width() - _INDENT - _LABEL, break_on_hyphens=False) or [""]
    for i, line in enumerate(lines):
        print(f"{'':{_INDENT}}{label if i == 0 else '':{_LABEL}}{line}".rstrip(), flush=True)


def _table(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and what they are, as much of it as a line holds."""
    column = min(max((len(name) for name, _ in rows), default=0), _width() // 2)
    for name, text in rows:
        short = textwrap.shorten(text, max(_width() - max(column, len(name)) - 4, 24), placeholder=" ...")
        print(f"  {name:{column}s}  {short}".rstrip())


def _group(group: str) -> None:
    """Print the options of a group, a line each."""
    print(f"{group}: options, as {group}={next(iter(options(group)))}")
    _table([(name, notes_of(group, name).head) for name in options(group)])


def _option(word: str, words: Sequence[str]) -> None:
    """Print what an option is, and its values."""
    group, _, option = word.partition("=")
    if group not in GROUPS:
        raise InputError(f"{group}={option} is refused; allowed: a key, or {', '.join(GROUPS)}=OPTION")
    values, choices = values_of(words)
    print(f"{group}={option}")
    _print("what", notes_of(group, option).head or "nothing is said of it")
    _table([*_rows(group, values, choices)])
    print(f"  more of one: spikesweep explain {group}={option} KEY")


def _rows(where: str, values: Mapping[str, Any], choices: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each value below a node, and what it means."""
    group, _, below = where.partition(".")
    node, told = _at(values, where), note_of(where, choices)[1]
    if isinstance(node, Mapping) and not (group == "grid" and {"start", "low"} & {*node}):
        if told and below:
            yield where, told
        for name in node:
            if name != "_target_":
                yield from _rows(f"{where}.{name}", values, choices)
        return
    if group == "grid":
        yield f"{where} = {value_text(node)}", told
        return
    found = explained(values, where, choices)
    yield f"{where} = {value_text(node)}{_unit(found.unit)}", found.meaning or told


def _unit(unit: str) -> str:
    return "" if unit == "1" else f" {unit}"


def _at(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values


def values_of(words: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the plain values of words, and the option of every group."""
    values = compose.plain(compose.load(*words))
    choices = dict(values["choices"])
    choices["grid"] = choices["protocol"]
    choices["compute"] = next((w[8:] for w in words if w.startswith("compute=")), "threads")
    choices["grid"] = next((w[5:] for w in words if w.startswith("grid=")), choices["grid"])
    return values, choices


def _key(key: str, words: Sequence[str]) -> None:
    """Print all that is known of a key; raise InputError, with the nearest, where it is none."""
    named = {word.partition("=")[0] for word in words}
    values, choices = values_of(words)
    if key.startswith("grid.") and key.count(".") > 1 and key.split(".")[1] in GROUPS:
        key = key.removeprefix("grid.")
    if _is_own(key):
        _own(key, values, choices)
        return
    others = [] if key.partition(".")[0] in named or _is_there(values, key) else options_with(key)
    if others:
        print(f"of {others[0]}" + (f" (and {', '.join(others[1:])})" if others[1:] else ""))
        words = [*words, others[0]]
        values, choices = values_of(words)
    if key.startswith("neuron.") and key.split(".")[1] in {*values["neuron"]} - {
        *cell_names(values["network"]).values()
    }:
        values, choices = values_of([*words, f"network.populations=[{key.split('.')[1]}]"])
    _tell(explained(values, key, choices), values, choices)


def _is_there(values: Any, key: str) -> bool:
    """Return whether plain values have a key."""
    for part in key.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def _tell(found: Explained, values: Mapping[str, Any], choices: Mapping[str, str]) -> None:
    """Print all that is known of a value."""
    if isinstance(found.value, Mapping):
        print(found.key)
        _print("meaning", found.note or found.meaning or "values by name")
        _table([row for row in _rows(found.key, values, choices) if row[0] != found.key])
        return
    print(f"{found.key} = {value_text(found.value)}{_unit(found.unit)}")
    if found.meaning:
        _print("meaning", found.meaning)
    if found.unit != "1":
        _print("unit", found.unit)
    if found.allowed:
        _print("allowed", found.allowed)
    _print("default", f"{value_text(found.value)}{f' of {found.choice}' if found.choice else ''}")
    if found.note and found.note not in (found.unit, found.meaning):
        _print("note", found.note)
    if found.source:
        _print("source", found.source)
    if text := equations(found.owner):
        _print("equations", text)
    group = found.key.partition(".")[0]
    if group in ("neuron", "network", "protocol"):
        _print("read by", _read_by(found.key, values))
        if sweepable(values, found.key):
            _print("as an axis", f"run {found.key}=VALUE,VALUE")
    elif group in (*OPTIONS, "compute"):
        of_points = "; it decides which points there are"
        read = of_points if group in _POINTS else "; no result depends on it"
        _print("read by", "the run itself" + (_OF_RESULTS if group in ("summary", "gate") else read))


_OF_RESULTS = "; it decides what is stored of each point"
#: Options that decide which points there are.
_POINTS = ("zip", "points", "sample", "exclude")


def _read_by(key: str, values: Mapping[str, Any]) -> str:
    network = values["choices"]["network"]
    protocols = list(readers(values, key))
    if not protocols:
        return f"nothing, with network={network}; with another: explain network=NAME {key}"
    text = f"protocol={', '.join(protocols)}"
    if key.startswith("neuron."):
        names = [name for name, cell in cell_names(values["network"]).items() if cell == key.split(".")[1]]
        text += f"; population {', '.join(names)} of network={network}"
    return text


def value_text(value: Any) -> str:
    """Return a value as YAML and the command line have it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {value_text(v)}" for k, v in value.items() if k != "_target_") + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(value_text, value))}]"
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def _is_own(key: str) -> bool:
    """Return whether a word is an axis of the protocol, or one of its results."""
    return key.startswith("grid.") or ("." not in key and key not in (*OPTIONS, *GROUPS))


def _own(key: str, values: Mapping[str, Any], choices: Mapping[str, str]) -> None:
    """Print what an axis or a result of the protocol is."""
    protocol, _ = assemble(values)
    axes: dict[str, Axis] = {axis.name: axis for axis in protocol.axes}
    results = {variable.name: variable for variable in protocol.variables}
    name = key.removeprefix("grid.")
    chosen = f"protocol={choices['protocol']}"
    if name in axes:
        axis = axes[name]
        print(f"grid.{name} = {value_text(values['grid'].get(name))}{_unit(axis.units)}")
        _print("meaning", f"{axis.long_name}; an axis of {chosen}")
        if axis.units != "1":
            _print("unit", axis.units)
        kind = "words" if axis.words else "whole numbers" if axis.integer else "numbers"
        least = "" if axis.words or axis.minimum == float("-inf") else f", at least {axis.minimum:g}"
        _print("allowed", f"{kind}{least}: one, a list, or {{start, stop, num, spacing}}")
        _print("default", f"{value_text(values['grid'].get(name))} of grid={choices['grid']}")
        if note := notes_of("grid", choices["grid"]).of.get(name):
            _print("note", note)
    elif key in results:
        result = results[key]
        print(f"{key}: a result of {chosen}")
        _print("meaning", result.long_name)
        if result.units != "1":
            _print("unit", result.units)
        _print("dims", ", ".join([*result.dims, *axes, *([result.ragged] if result.ragged else [])]))
    elif meant := ending_with(key, values):
        for whole in meant:
            _tell(explained(values, whole, choices), values, choices)
    else:
        known = [*keys_of(values), *(f"grid.{name}" for name in axes), *results]
        raise InputError(f"{key} is not known with {chosen}; {nearest_key(key, known)}")
