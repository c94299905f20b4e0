"""The command `cite`: how to cite the software, and the papers that the models of a sweep come from."""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import metadata
from typing import Any

from spikesweep import store as stores
from spikesweep.api.explained import equations, notes_of
from spikesweep.config.build import target_class
from spikesweep.errors import InputError
from spikesweep.store.missing import not_there
from spikesweep.trust import named_words

_DOI = re.compile(r"(?:doi:|doi\.org/)\s*(10\.\d{4,9}/[^\s,;)\]]+[^\s,;.:)\]])")

#: Rooms whose files each have one model; what networks are from stands in their YAML.
_WITH_SOURCES = (".neurons.", ".synapses.", ".protocols.")


def command(parsed: Any) -> int:
    """Print how to cite the software; with the path of a store, also the sources of its models."""
    if rest := named_words(parsed.words):
        raise InputError(f"{rest[0]} is refused; allowed: PATH and models=FOLDER")
    configuration = None
    if parsed.path is not None:
        store = stores.stored(stores.place(parsed.path))
        if store is None:
            raise not_there(parsed.path)
        configuration = store.attrs["configuration"]
    about = software()
    print(f"@software{{{about['title']},")
    for name in ("author", "title", "version", "license", "abstract"):
        print(f"  {name:8} = {{{{{about[name]}}}}},")
    print("}")
    for doi, texts in (papers(configuration) if configuration is not None else {}).items():
        print(f"doi:{doi}")
        for text in texts:
            print(f"    {text}")
    if configuration is None:
        print("the models of a sweep: spikesweep cite PATH")
    return 0


def software() -> dict[str, str]:
    """Return what CITATION.cff says of the software."""
    told = metadata("spikesweep")
    names = {"title": "Name", "version": "Version", "license": "License-Expression", "abstract": "Summary"}
    return {key: told[name] for key, name in names.items()} | {"author": told["Author"]}


def papers(configuration: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the DOIs that the options and the classes of a configuration name, each with what is from it."""
    found: dict[str, list[str]] = {}
    for group, option in configuration["choices"].items():
        _add(found, notes_of(group, str(option)).head, f"{group}={option}")
    for name in sorted(set(_targets(configuration))):
        try:
            cls = target_class(name, "_target_")
        except InputError:  # a model from outside that is not named here
            continue
        if any(part in cls.__module__ for part in _WITH_SOURCES):
            _add(found, equations(cls), cls.__name__)
    return found


def _add(found: dict[str, list[str]], text: str, what: str) -> None:
    for doi in dict.fromkeys(_DOI.findall(text)):
        found.setdefault(doi, []).append(what)


def _targets(node: Any) -> Iterable[str]:
    """Yield the classes that plain values name, of cells only those that the network has."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield str(node["_target_"])
        for value in node.values():
            yield from _targets(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _targets(value)
