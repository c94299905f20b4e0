"""What a key of the configuration means, gathered from where it is written, for `explain` and docs/.

Meaning, unit and bounds are the field's comment and annotation; a note and the source are comments of the
YAML file; who reads a value is asked of the protocols. Nothing is written down a second time.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

from spikesweep import trust
from spikesweep.config import compose
from spikesweep.config.build import build, field_hints, is_component, target_class
from spikesweep.config.files import held_in
from spikesweep.config.meanings import Notes, allowed_text, field_comment, notes
from spikesweep.config.options import OPTIONS, Options
from spikesweep.config.words import CONFIG_DIR
from spikesweep.config.zips import GROUPS
from spikesweep.errors import InputError, nearest_key
from spikesweep.grid.attributes import cell_names
from spikesweep.protocols.base import Experiment, is_read
from spikesweep.sweep.experiment import assemble
from spikesweep.sweep.swept_keys import parameters
from spikesweep.units import unit_of

#: Groups that results depend on.
_SCIENCE = ("neuron", "network", "protocol")


@dataclass(frozen=True)
class Explained:
    """A value of a configuration, in words."""

    key: str
    value: Any  #: what it is by default
    unit: str  #: "1" where it has none
    meaning: str  #: the comment of its field
    note: str  #: the comment of its value
    allowed: str
    owner: type | None  #: the class that has the field
    choice: str  #: the option it belongs to, as `neuron=adexp`; nothing where to none
    source: str  #: what the option's file says of where it is from


def options(group: str) -> dict[str, Path]:
    """Return the files of a group's options, those of models outside too, by name."""
    folders = [CONFIG_DIR, *trust.conf_folders()]
    return {path.stem: path for folder in folders for path in sorted((folder / group).glob("*.yaml"))}


@cache
def notes_of(group: str, option: str) -> Notes:
    """Return the comments of an option's file, and below them those of the options that it starts from."""
    path = options(group).get(option)
    if path is None:
        return Notes()
    own = notes(path)
    bases = [notes_of(group, name) for name in _bases(path)]
    return Notes(own.head, {key: text for n in (*bases, own) for key, text in n.of.items()})


def _bases(path: Path) -> list[str]:
    return [
        name
        for name in (held_in(path) or {}).get("defaults", ())
        if isinstance(name, str) and name != "_self_"
    ]


def explained(values: Mapping[str, Any], key: str, choices: Mapping[str, str]) -> Explained:
    """Return what a key of plain values means; raise InputError, with the nearest, where there is none."""
    group, *parts = key.split(".")
    owner: type | None = Options if group in OPTIONS else None
    hint: Any = None if owner is None else field_hints(owner)[group]
    here, node = owner, values.get(group)
    if group not in (*OPTIONS, *GROUPS):
        raise _unknown(values, key)
    where = group
    meaning = field_comment(Options, group) if owner else ""
    for part in parts:
        here = _class_of(node, hint, where)
        hints = field_hints(here) if here else {}
        inside = node if isinstance(node, Mapping) else {}
        if part not in hints and part not in inside:
            raise _unknown(values, key)
        hint = hints.get(part, _of_each(hint))
        if here and part in hints:  # of values by name each means what all of them do
            owner, meaning = here, field_comment(here, part)
        where = f"{where}.{part}"
        node = inside[part] if part in inside else _default(here, part)
    option = choices.get(group, "")
    noted, below = note_of(key, choices)
    return Explained(
        key=key,
        value=node,
        unit=_unit(hint),
        meaning=meaning,
        note=below,
        allowed="" if hint is None else allowed_text(hint),
        owner=owner,
        choice=f"{group}={option}" if option else "",
        source=noted.head if option else "",
    )


def note_of(key: str, choices: Mapping[str, str]) -> tuple[Notes, str]:
    """Return the comments of the file that has a key, and that of the key."""
    group, _, below = key.partition(".")
    if group in choices:
        noted = notes_of(group, choices[group])
        return noted, noted.of.get(below, "")
    noted = notes(CONFIG_DIR / "config.yaml")
    return noted, noted.of.get(key, "")


def _class_of(node: Any, hint: Any, where: str) -> type | None:
    """Return the class that a node is built into: the one that it names, or that of its place."""
    if isinstance(node, Mapping) and "_target_" in node:
        return target_class(str(node["_target_"]), where)
    while hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    found = [h for h in (hint, *get_args(hint)) if is_component(h)]
    return found[0] if found and _of_each(hint) is None else None


def _of_each(hint: Any) -> Any:
    """Return the annotation of each value of a mapping by name, None where an annotation is of none."""
    while hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    origin = get_origin(hint)
    return get_args(hint)[1] if isinstance(origin, type) and issubclass(origin, Mapping) else None


def _unit(hint: Any) -> str:
    found = {unit_of(h) for h in (hint, *get_args(hint)) if hasattr(h, "__metadata__")} - {"1"}
    return found.pop() if found else "1"


def _default(cls: Any, name: str) -> Any:
    """Return the default of a field of a dataclass, None where it has none."""
    (found,) = [f for f in fields(cls) if f.name == name]
    made: Any = found.default_factory
    return made() if callable(made) else found.default


def keys_of(node: Any, where: str = "") -> Iterator[str]:
    """Yield the dotted keys of values, and of the nodes that hold some."""
    if where:
        yield where
    if isinstance(node, Mapping):
        for name, value in node.items():
            if name not in ("_target_", "choices"):
                yield from keys_of(value, f"{where}.{name}" if where else str(name))


def ending_with(name: str, values: Mapping[str, Any]) -> list[str]:
    """Return the keys of what is simulated that end with a bare name: b is neuron.RS.b, and neuron.FS.b."""
    other = {*values["neuron"]} - {*cell_names(values["network"]).values()}
    found = [key.split(".") for key in keys_of(values) if key.endswith(f".{name}")]
    return [".".join(parts) for parts in found if parts[0] in GROUPS and parts[1] not in other]


def options_with(key: str) -> list[str]:
    """Return the options, as `neuron=lif`, whose own file gives a key a value."""
    group, _, rest = key.partition(".")
    found = []
    for name, path in options(group).items() if rest and group in GROUPS else ():
        if rest in keys_of(held_in(path) or {}):
            found.append(f"{group}={name}")
    return found


def _unknown(values: Mapping[str, Any], key: str) -> InputError:
    others = [key, *(f"{group}.{key}" for group in GROUPS)]
    elsewhere = [choice for name in others for choice in options_with(name)]
    if elsewhere:
        text = f"with {' or '.join(elsewhere[:8])}, as: spikesweep explain {elsewhere[0]} {key}"
        return InputError(f"{key} is not known here; allowed: {text}")
    return InputError(f"{key} is not known; {nearest_key(key, keys_of(values))}")


def equations(cls: type | None) -> str:
    """Return the sources that the file of a class states: the sentences of its docstring with a doi."""
    text = getattr(sys.modules.get(getattr(cls, "__module__", "")), "__doc__", None) or ""
    sentences = re.split(r"(?<!et al)(?<!\b[A-Z])(?<=\.)\s+(?=[A-Z])|\n\n", text)
    return " ".join(" ".join(s.split()) for s in sentences if "doi:" in s or "code:" in s)


def sweepable(values: Mapping[str, Any], key: str) -> bool:
    """Return whether a value can be an axis."""
    return key in parameters(values)


def readers(values: Mapping[str, Any], key: str) -> Iterator[str]:
    """Yield the protocols that run on the network of plain values and whose results depend on a key."""
    group, *parts = key.split(".")
    chosen = values["choices"]["protocol"]
    if group == "neuron" and parts and parts[0] not in cell_names(values["network"]).values():
        return
    if group == "protocol":  # whichever network it needs
        with suppress(InputError):  # of a function that is not named: whatever it does
            if not is_read(build(values["protocol"], "protocol", Experiment), key):
                return
        yield chosen
        return
    for name in options("protocol"):
        try:
            nodes = values if name == chosen else compose.plain(compose.load(f"protocol={name}"))
            protocol, network = assemble({**values, "protocol": nodes["protocol"]})
            protocol.check(network)
        except InputError:  # it needs another network
            continue
        if protocol.has_network and is_read(protocol, key):
            yield name
