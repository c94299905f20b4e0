"""What a value of the configuration means: comments of a class's fields and of a YAML file, annotations.

Each is written once, where the value is: `#:` beside the field, `#` beside the value, the bounds and the unit
in the annotation. `explain` and the reference of docs/ read them here.
"""

import ast
import inspect
import re
import textwrap
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from types import NoneType
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import GroupedMetadata

from spikesweep.config.build import KINDS, bound_text, is_component
from spikesweep.config.files import text_of
from spikesweep.contract import is_contract, kind_of


@cache
def field_comment(cls: type, name: str) -> str:
    """Return the `#:` comment of a field, beside or above it, of a class or of one that it derives from."""
    for owner in cls.__mro__:
        if (found := _comments(owner).get(name)) is not None:
            return found
    return ""


@cache
def _comments(cls: type) -> Mapping[str, str]:
    """Return the comments of the fields that a class states itself."""
    try:
        text = textwrap.dedent(inspect.getsource(cls))
        (tree,) = ast.parse(text).body
    except (OSError, TypeError, SyntaxError, ValueError):  # no source: built in, or made by a program
        return {}
    lines, found = text.splitlines(), {}
    for node in getattr(tree, "body", ()):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            beside = " ".join(lines[node.lineno - 1 : node.end_lineno])
            above: list[str] = []
            for line in reversed(lines[: node.lineno - 1]):
                if not line.strip().startswith("#:"):
                    break
                above.insert(0, line.strip().removeprefix("#:").strip())
            found[node.target.id] = beside.partition("#:")[2].strip(" )") or " ".join(above)
    return found


@dataclass(frozen=True)
class Notes:
    """What a YAML file says of itself and of its values."""

    head: str = ""  #: its first comment: what it is, and its source
    of: Mapping[str, str] = field(default_factory=dict)  #: by the dotted key of a value


def notes(path: Path) -> Notes:
    """Return the comments of a YAML file of options; raise InputError for one that is none."""
    return _notes(text_of(path))


@lru_cache(maxsize=128)
def _notes(text: str) -> Notes:
    lines = text.splitlines()
    n_head = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    head = " ".join(line.lstrip("#").strip() for line in lines[:n_head])
    root = yaml.compose(text, yaml.SafeLoader)
    return Notes(head, dict(_noted(root, lines, n_head, "")))


def _noted(node: Any, lines: list[str], first: int, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the comment of each key of a mapping, and of those below it."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        block = isinstance(value, yaml.CollectionNode) and not value.flow_style
        end = key.end_mark if block else value.end_mark
        if text := _comment(lines, key.start_mark, (end.line, end.column), first, block):
            yield name, text
        if block:
            yield from _noted(value, lines, first, f"{name}.")


def _comment(lines: list[str], start: Any, end: tuple[int, int], first: int, block: bool) -> str:
    """Return the comment beside a value and below it, or that above its key."""
    line, column = end
    beside = re.search(r"(?:^|\s|:)#\s?(.*)$", lines[line][column:]) if line < len(lines) else None
    if beside:
        parts = [beside[1]]
        for below in lines[line + 1 :] if not block else ():
            if not below.strip().startswith("#") or below.index("#") <= start.column:
                break
            parts.append(below.strip().lstrip("#").strip())
        return " ".join(parts)
    parts = []
    for i in range(start.line - 1, first - 1, -1):
        if not lines[i].strip().startswith("#") or lines[i].index("#") != start.column:
            break
        parts.insert(0, lines[i].strip().lstrip("#").strip())
    return " ".join(parts)


def allowed_text(hint: Any) -> str:
    """Return in words what an annotation allows."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hasattr(hint, "__metadata__"):
        items = [x for m in hint.__metadata__ for x in (m if isinstance(m, GroupedMetadata) else (m,))]
        bounds = [text for text in map(bound_text, items) if text]
        return ", ".join([allowed_text(hint.__origin__), *bounds])
    if origin in (Union, types.UnionType):
        return " or ".join("null" if a is NoneType else allowed_text(a) for a in arguments)
    if origin is Literal:
        return " or ".join(map(str, arguments))
    if hint in KINDS:
        return KINDS[hint]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"by name: {allowed_text(arguments[1])}"
    if origin is tuple:
        return f"a list: {allowed_text(arguments[0])}"
    if is_contract(hint):
        return kind_of(hint)
    return f"a {hint.__name__}" if is_component(hint) else "values with a _target_"
