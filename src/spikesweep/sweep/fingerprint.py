"""The identity of code: hashes of the source files that a result depends on.

The files are found by following imports from the classes in use, inside this package. Comments,
docstrings and layout do not count.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = "spikesweep"


def fingerprint(classes: Iterable[type]) -> dict[str, str]:
    """Return a hash of each of the modules of `classes` and of all they import from this package."""
    modules = sorted(_closure({cls.__module__ for cls in classes}))
    texts = {module: _normal_form(_source(module).read_text()) for module in modules}
    return {module: hashlib.sha256(text.encode()).hexdigest()[:16] for module, text in texts.items()}


def uses(classes: Iterable[type], package: str) -> bool:
    """Return whether the modules of `classes`, or one that they import from this package, imports another."""
    found = (_source(module).read_text() for module in _closure({cls.__module__ for cls in classes}))
    return any(name.split(".")[0] == package for text in found for name in _imports(text))


def _closure(modules: set[str]) -> set[str]:
    found: set[str] = set()
    todo = set(modules)
    while todo:
        module = todo.pop()
        found.add(module)
        names = _imports(_source(module).read_text())
        todo |= {name for name in names if name.split(".")[0] == PACKAGE} - found
    return found


@cache
def _imports(text: str) -> frozenset[str]:
    """Return the modules that a source imports, of any package."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if _is_module(name) else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return frozenset(found)


def _is_module(name: str) -> bool:
    if name.split(".")[0] != PACKAGE:
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _source(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{module} has no source file")
    return Path(spec.origin)


@cache
def _normal_form(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            node.body = node.body[1:]
    return _written(tree)


def _written(node: Any) -> str:
    """Return a tree as text that is the same in all versions of Python: empty fields come and go."""
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if value is not None and value != [])
        return f"{type(node).__name__}({','.join(f'{name}={_written(value)}' for name, value in fields)})"
    return f"[{','.join(map(_written, node))}]" if isinstance(node, list) else repr(node)
