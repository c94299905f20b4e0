"""The identity of code: hashes of the source files that a result depends on.

The files are found by following imports from the classes in use, inside this package and other trusted ones.
Comments, docstrings and layout do not count, and neither does where a file lies: `landed.json` holds the
hashes of every module at earlier landings, and of the code of today whose results are theirs, bit for bit. A
store of such a landing goes on with that code, and with no other: an edit ends it, until the reference tests
have passed and the code is pinned again.

    python -m spikesweep.sweep.fingerprint pin                  # today's code has the results of all landings
    python -m spikesweep.sweep.fingerprint land "DATE COMMIT"   # and is a landing itself

What changes results takes the landings out of the table, whose stores do not go on.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from spikesweep import old_names, sources
from spikesweep.trust import PACKAGE, root_of

_LANDED = Path(__file__).with_name("landed.json")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)
#: What keeps, finds and refuses code: no number depends on it.
_NO_RESULTS = tuple(
    f"{PACKAGE}.{name}"
    for name in ("kernels.compile.cache", "sources", "trust", "folder_packages", "contract", "errors")
)


def fingerprint(classes: Iterable[type]) -> dict[str, str]:
    """Return a hash of each of the modules of `classes` and of all they import from trusted packages."""
    modules = sorted(sources.closure({cls.__module__ for cls in classes}, without=_NO_RESULTS))
    return {module: hash_of(sources.source(module)) for module in modules}


def hash_of(source: bytes) -> str:
    """Return a hash of what a source does."""
    return hashlib.sha256(_normal_form(source).encode()).hexdigest()[:16]


def uses(classes: Iterable[type], package: str) -> bool:
    """Return whether the modules of `classes`, or one that they import from trusted ones, imports another."""
    return any(package in others for others in sources.closure({cls.__module__ for cls in classes}).values())


def models_in(code: Mapping[str, str]) -> dict[str, Any]:
    """Return the sources of those modules of a fingerprint that are of other packages, as `models`.

    They stand in the attributes of a store beside their hashes: what was run can be read, never run, there.
    """
    foreign = {module: h for module, h in code.items() if root_of(module) != PACKAGE}
    found = {m: {"code": h, "source": sources.source(m).decode(errors="replace")} for m, h in foreign.items()}
    return {"models": found} if found else {}


def edited(models: Mapping[str, Any]) -> list[str]:
    """Return the modules of a store's `models` that do something else now, or are no longer there.

    Those of packages that are not trusted are left out: what needs them is refused.
    """
    known = [module for module in models if root_of(module)]
    return [m for m in known if not sources.file_of(m) or models[m]["code"] != _now(m)]


def _now(module: str) -> str:
    try:
        return hash_of(sources.source(module))
    except SyntaxError:
        return ""


def todays(values: Any) -> Any:
    """Return the values of a configuration with the names of its classes as they are called today."""
    if isinstance(values, Mapping):
        return {k: old_names.target(str(v)) if k == "_target_" else todays(v) for k, v in values.items()}
    return [todays(value) for value in values] if isinstance(values, list) else values


def without_landed(
    there: Mapping[str, str], here: Mapping[str, str]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return two codes without the modules of this package, where the first has those of a landing.

    Whole where it has not, or today's are not pinned. Of what is left only the same has the same results.
    """
    ours, others = zip(*(_ours(code) for code in (there, here)), strict=True)
    landed = any(ours[0].items() <= landing.items() for landing in landings().values())
    return others if landed and pinned().items() >= ours[1].items() else (there, here)


def _ours(code: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return a code's modules of this package, and those of others."""
    ours = {module: h for module, h in code.items() if root_of(module) == PACKAGE}
    return ours, {module: h for module, h in code.items() if module not in ours}


def landings() -> dict[str, dict[str, str]]:
    """Return the hash of every module at each earlier landing."""
    return dict(_table()["landings"])


def pinned() -> dict[str, str]:
    """Return the hash of every module of the code whose results are those of the landings."""
    return dict(_table()["today"])


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(_LANDED.read_text())
    return table


def code_now() -> dict[str, str]:
    """Return the hash of every module of this package as it is."""
    home = Path(sources.__file__).parent
    files = {".".join((PACKAGE, *p.relative_to(home).with_suffix("").parts)): p for p in home.rglob("*.py")}
    return {name.removesuffix(".__init__"): hash_of(files[name].read_bytes()) for name in sorted(files)}


@cache
def _normal_form(text: bytes) -> str:
    return _written(sources.parsed(text))


def _written(node: Any) -> str:
    """Return a tree as text that is the same in all versions of Python: empty fields come and go."""
    if isinstance(node, list):
        return f"[{','.join(map(_written, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    documented = isinstance(node, _DOCUMENTED) and ast.get_docstring(node)
    parts = []
    for name in node._fields:
        value: Any = getattr(node, name, None)
        if name == "body" and documented:
            value = value[1:]
        if value is not None and value != []:
            parts.append(f"{name}={_written(value)}")
    return f"{type(node).__name__}({','.join(parts)})"


if __name__ == "__main__":
    import sys

    known = landings() | ({sys.argv[2]: code_now()} if sys.argv[1] == "land" else {})
    _LANDED.write_text(json.dumps({"landings": known, "today": code_now()}, indent=0) + "\n")
