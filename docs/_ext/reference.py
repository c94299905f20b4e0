"""Reference pages, written before each build: parameters of conf/, commands, modules. Not kept in git.

Parameters are those of `spikesweep explain`: from annotations, comments of fields and comments of YAML files.
"""

import argparse
import re
from pathlib import Path
from typing import Any

from spikesweep import models, protocols
from spikesweep.api import commands
from spikesweep.api.explain import value_text, values_of
from spikesweep.api.explained import explained, keys_of, notes_of, options
from spikesweep.config.options import OPTIONS
from spikesweep.config.zips import GROUPS

_TITLES = {
    "neuron": "Cells",
    "network": "Networks",
    "protocol": "Protocols",
    "grid": "Default axes",
    "compute": "Executors",
}
#: Public modules, by the page that they stand on.
_MODULES = {
    "sweeps": ["spikesweep.api.sweeps", "spikesweep.store.accessor", "spikesweep.errors"],
    "single simulations": [
        "spikesweep.api.single.cell",
        "spikesweep.api.single.network",
        "spikesweep.api.single.rate_network",
        "spikesweep.api.single.response_pool",
        "spikesweep.api.single.spiking_network",
    ],
    "figures": [
        "spikesweep.analysis.plots",
        "spikesweep.analysis.plots.general",
        "spikesweep.analysis.plots.circuit",
    ],
    "analysis": [
        f"spikesweep.analysis.{name}"
        for name in (
            "transfer_function fitted mean_field phase_plane fi balance information information_bounds "
            "connection_test connection_regression patterns separation survival up_states siegert homeostatic"
        ).split()
    ],
}
#: What stands in the text of a docstring and means something else in reStructuredText.
_WORD_END = re.compile(r"(?<=\w)_(?=\W|$)")


def setup(app: Any) -> dict[str, bool]:
    """Let Sphinx write the pages first, and read links and docstrings as they are meant here."""
    app.connect("builder-inited", write)
    app.connect("source-read", _links)
    app.connect("autodoc-process-docstring", _plain)
    return {"parallel_read_safe": True}


def write(app: Any) -> None:
    """Write all pages below `reference`."""
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    pages = {f"{group}.md": _options(group) for group in GROUPS}
    pages["run.md"] = _run()
    pages["commands.md"] = _commands()
    for title, modules in _MODULES.items():
        pages[f"{title.replace(' ', '_')}.md"] = _modules(title.capitalize(), modules)
    for title, package in {"models": models, "protocol classes": protocols}.items():
        pages[f"{title.replace(' ', '_')}.md"] = _classes(title.capitalize(), package)
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:  # what has not changed is not read again
            path.write_text(text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;").replace("{", "&#123;")


def _code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`" if text else ""


def _linked(text: str) -> str:
    """Return a comment with its DOIs as links."""
    return re.sub(r"doi:(10\.[^\s,;)]*[^\s,;).:])", r"[doi:\1](https://doi.org/\1)", _cell(text))


def _table(rows: list[tuple[str, str, str, str]]) -> list[str]:
    return [
        "| key | default | allowed | meaning |",
        "|---|---|---|---|",
        *(f"| {' | '.join(r)} |" for r in rows),
        "",
    ]


def _options(group: str) -> str:
    lines = [f"# {_TITLES[group]}: `{group}=...`", ""]
    for option in sorted(options(group)):
        values, choices = values_of([f"{group}={option}"] if option != "function" else ["protocol=function"])
        lines += [f"## {option}", "", _linked(notes_of(group, option).head), ""]
        rows = [row for key in keys_of(values[group], group) if (row := _row(values, key, choices, group))]
        lines += _table(rows) if rows else []
    return "\n".join(lines)


def _row(values: Any, key: str, choices: Any, group: str) -> tuple[str, str, str, str] | None:
    node: Any = values
    for part in key.split("."):
        node = node[part]
    of_axis = group == "grid" and key.count(".") > 1
    if key == group or of_axis or (isinstance(node, dict) and group != "grid"):
        return None
    if group == "grid":
        note = notes_of("grid", choices["grid"]).of.get(key.partition(".")[2], "")
        return _code(key), _code(value_text(node)), "", _cell(note)
    found = explained(values, key, choices)
    unit = "" if found.unit == "1" else f" {found.unit}"
    meaning = "; ".join(dict.fromkeys(t for t in (found.meaning, found.note) if t and t != found.unit))
    return _code(key), _code(value_text(found.value) + unit), _cell(found.allowed), _cell(meaning)


def _run() -> str:
    values, choices = values_of([])
    rows = []
    for key in (k for name in OPTIONS for k in keys_of(values[name], name)):
        found = explained(values, key, choices)
        meaning = "; ".join(dict.fromkeys(t for t in (found.meaning, found.note) if t))
        rows.append((_code(key), _code(value_text(found.value)), _cell(found.allowed), _cell(meaning)))
    return "\n".join(["# Options of a run", "", *_table(rows)])


def _commands() -> str:
    parser = commands._parser()
    lines = ["# Commands", "", "`spikesweep`, which is also `python -m spikesweep`.", ""]
    (found,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for name, sub in found.choices.items():
        lines += [f"## {name}", "", "```", sub.format_help().strip(), "```", ""]
    return "\n".join(lines)


def _modules(title: str, modules: list[str]) -> str:
    parts = [f"```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```" for name in modules]
    texts = [f"## {name}\n\n{part}" for name, part in zip(modules, parts, strict=True)]
    return f"# {title}\n\n" + "\n\n".join(texts) + "\n"


def _classes(title: str, package: Any) -> str:
    """Return a page of the classes of a room; the equations and sources of each stand in its module."""
    parts, seen = [], set()
    for name in sorted(package.__all__):
        cls = getattr(package, name)
        module = "" if cls.__module__ in seen else f".. automodule:: {cls.__module__}\n   :no-index:\n\n"
        seen.add(cls.__module__)
        text = f"{module}.. autoclass:: {cls.__module__}.{name}\n   :members:"
        parts.append(f"## {name}\n\n```{{eval-rst}}\n{text}\n```\n")
    return f"# {title}\n\n" + "\n".join(parts)


def _links(app: Any, name: str, source: list[str]) -> None:
    """Lead links to pages outside of docs/ to what includes them."""
    del app, name
    for theirs, ours in (("../CONTRIBUTING.md", "contributing.md"), ("../README.md", "index.md")):
        source[0] = source[0].replace(f"]({theirs}", f"]({ours}")


def _plain(app: Any, what: str, name: str, obj: Any, options_: Any, lines: list[str]) -> None:
    """Let reStructuredText read the plain text of docstrings as it is meant."""
    del app, what, name, obj, options_
    lines[:] = _apart([_escaped(line) for line in lines])


def _escaped(line: str) -> str:
    """Escape what is markup there, outside of what stands in backticks."""
    parts = line.split("`")
    parts[::2] = [_WORD_END.sub(r"\\_", part).replace("*", r"\*").replace("|", r"\|") for part in parts[::2]]
    return "`".join(parts)


def _apart(lines: list[str]) -> list[str]:
    """Set what is indented apart by empty lines."""
    found: list[str] = []
    for line in lines:
        before = found[-1] if found else ""
        here, there = (len(text) - len(text.lstrip()) for text in (line, before))
        continued = before.lstrip().startswith(("- ", ">>> ", "... ", ".. ", ":")) and here > there
        if line.strip() and before.strip() and here != there and not continued:
            found.append("")
        found.append(line)
    return found
