"""The page of the command `show`: what a store has, how far it is, with which values and code."""

import shutil
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from spikesweep import store as stores
from spikesweep.config.chosen import beside_option
from spikesweep.errors import InputError, one_line
from spikesweep.grid.grid import label_text
from spikesweep.grid.schema import STATUS_MEANINGS
from spikesweep.grid.texts import counted, size_text
from spikesweep.store.remote import file_sizes
from spikesweep.sweep.swept_keys import Parameter, parameters
from spikesweep.units import unit_of

_LABEL = 11
#: Values of an axis, and modules, that are told.
_VALUES, _MODULES = 8, 6
#: Packages whose versions are told.
_VERSIONS = ("python", "spikesweep", "numba", "numpy")


def page(store: stores.Reader) -> str:
    """Return the page of a store as lines of text, none of which holds what a terminal would act on."""
    width = max(shutil.get_terminal_size((100, 24)).columns - 1, 40)
    lines = [one_line(str(store.path))]
    for label, text in _rows(store):
        first = f"  {label:{_LABEL}}"
        wrapped = textwrap.wrap(one_line(text), max(width - len(first), 30), break_on_hyphens=False)
        lines += [f"{first if i == 0 else ' ' * len(first)}{part}" for i, part in enumerate(wrapped or ["-"])]
    return "\n".join(lines)


def _rows(store: stores.Reader) -> Iterator[tuple[str, str]]:
    """Yield a label and what is told, row by row."""
    attrs = store.attrs
    configuration = attrs["configuration"]
    choices = configuration.get("choices", {})
    yield (
        "of",
        " ".join(f"{key}={choices[key]}" for key in ("protocol", "neuron", "network") if choices.get(key)),
    )
    label = "axes"
    for name, values in {**store.axis_values(), **store.columns()}.items():
        _, own = store.described(name) or ((), {})
        yield label, _axis(name, own, np.asarray(values))
        label = ""
    counts = np.bincount(store.told().ravel(), minlength=len(STATUS_MEANINGS.split()))
    there = [
        f"{n} {word.replace('_', ' ')}" for word, n in zip(STATUS_MEANINGS.split(), counts, strict=True) if n
    ]
    yield "points", f"{counts.sum()}: {', '.join(there)}"
    found = {name: store.described(name) for name in attrs["results"]}
    yield "results", "; ".join(_result(name, *told) for name, told in found.items() if told) or "none yet"
    if summary := configuration.get("summary"):
        yield "summary", ", ".join(map(str, summary["of"]))
    for name, ends in (configuration.get("gate") or {}).items():
        yield "gate", f"{name} from {_end(ends[0], '-inf')} to {_end(ends[1], 'inf')}"
    known: dict[str, Parameter] = {}
    with suppress(InputError, KeyError, TypeError, AttributeError):  # of models that are not trusted here
        known = parameters(configuration)
    label = "given"
    for group in ("protocol", "neuron", "network"):
        for key, value in beside_option(configuration, group):
            yield label, f"{key} = {_value(key, value, known)}"
            label = ""
    for label, node, where in _parts(configuration):
        told = (f"{k} {_value(f'{where}.{k}', v, known)}" for k, v in node.items() if _is_plain(k, v))
        yield label, ", ".join(told)
    yield from _made(store)


def _end(value: float | None, without: str) -> str:
    return without if value is None else f"{value:g}"


def _axis(name: str, own: Mapping[str, Any], values: Any) -> str:
    unit = "" if own.get("units", "1") == "1" else f" {own['units']}"
    distinct = np.unique(values)
    few = ", ".join(map(label_text, distinct[:_VALUES]))
    told = few if len(distinct) <= _VALUES else f"{label_text(distinct[0])} to {label_text(distinct[-1])}"
    of = f" ({own['key']})" if "key" in own else ""
    return f"{name}{of}: {counted(len(distinct), 'value')}, {told}{unit}"


def _result(name: str, dims: tuple[str, ...], own: Mapping[str, Any]) -> str:
    unit = "" if own.get("units", "1") == "1" else f" ({own['units']})"
    return f"{name}{unit}, {own.get('long_name', name)}, over {' x '.join(dims)}"


def _parts(configuration: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Yield the nodes whose values are told: the protocol, each cell, the network itself."""
    if isinstance(node := configuration.get("protocol"), Mapping):
        yield "protocol", node, "protocol"
    for cell, node in (configuration.get("neuron") or {}).items():
        if isinstance(node, Mapping):
            yield f"{cell}", node, f"neuron.{cell}"
    if isinstance(node := configuration.get("network"), Mapping) and node:
        yield "network", node, "network"


def _is_plain(name: str, value: Any) -> bool:
    return name != "_target_" and isinstance(value, (bool, int, float, str))


def _value(key: str, value: Any, known: Mapping[str, Parameter]) -> str:
    unit = unit_of(known[key].hint) if key in known else "1"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if unit == "1" else f"{text} {unit}"


def _made(store: stores.Reader) -> Iterator[tuple[str, str]]:
    """Yield when, with what and by which code a store was made, its size, and what failed."""
    attrs = store.attrs
    own = sorted(attrs.get("models", {}))
    changed = ", with changes" if attrs.get("git_dirty") else ""
    code = f"commit {str(attrs.get('git_commit', 'unknown'))[:12]}{changed}; {len(attrs['code'])} modules"
    models = f"; of your own: {', '.join(own[:_MODULES])} (--sources)" if own else ""
    yield "code", code + models
    versions = attrs.get("versions", {})
    with_ = ", ".join(f"{name} {versions[name]}" for name in _VERSIONS if name in versions)
    yield "made", f"{attrs.get('created', 'unknown')}, {with_}"
    sizes = file_sizes(store.path)
    yield "size", f"{size_text(sum(sizes))} in {len(sizes)} files"
