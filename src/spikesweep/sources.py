"""The source files of trusted packages, and what they import from each other.

What imports decide is found in the text, nothing is run: `import` and `from ... import`, relative ones and
names that a lazy package's `__init__.pyi` takes from elsewhere included. A module that is imported by a
computed name is not found.
"""

import ast
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from spikesweep import old_names
from spikesweep.folder_packages import imported_source
from spikesweep.trust import PACKAGE, root_of, roots

#: Fields of nodes that hold statements, or what holds statements.
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


class Import(NamedTuple):
    """One statement."""

    module: str
    names: tuple[str, ...]  #: after `from module import`
    level: int = 0  #: leading dots


def source(module: str) -> bytes:
    """Return the source of a module: what this process runs; raise ModuleNotFoundError.

    Of packages that are not trusted only those modules have one whose classes this program hands over itself.
    """
    if (kept := imported_source(module)) is not None:
        return kept
    path = file_of(module) or getattr(sys.modules.get(module), "__file__", None)
    if path is None:
        raise ModuleNotFoundError(f"{module} has no source file")
    return Path(path).read_bytes()


def file_of(module: str) -> Path | None:
    """Return the source file of a module of a trusted package, None where there is none."""
    root = root_of(module)
    if root is None:
        return None
    place = roots()[root].joinpath(*module.removeprefix(root).split(".")[1:])
    candidates = (place.with_name(f"{place.name}.py") if module != root else None, place / "__init__.py")
    return next((path for path in candidates if path and path.is_file()), None)


def may_name(module: str, name: str) -> bool:
    """Return whether a source defines or imports a name, before anything of it is run; true where unsure."""
    try:
        tree = parsed(source(module))
    except (ModuleNotFoundError, SyntaxError):
        return True  # its import says what is wrong
    known = {node.name for node in ast.walk(tree) if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            known |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.add(node.id)
    return bool(known & {name, "*", "__getattr__"})


@lru_cache(maxsize=256)
def parsed(text: bytes) -> ast.Module:
    """Return the tree of a source, for all to read; raise SyntaxError."""
    return ast.parse(text)


def exact_imports(text: bytes) -> Iterator[Import]:
    """Yield the imports of a source."""
    for node in _statements(parsed(text)):
        if isinstance(node, ast.ImportFrom):
            yield Import(node.module or "", tuple(alias.name for alias in node.names), node.level)
        elif isinstance(node, ast.Import):
            yield from (Import(alias.name, ()) for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all statements below a node: nothing else imports, and there is ten times as much else."""
    for field in _BLOCKS:
        for below in getattr(node, field, ()):
            yield below
            yield from _statements(below)


_LINE = re.compile(
    rb"(?:^|;|:)[ \t]*(?:from[ \t]*(\.*)[ \t]*([\w.]*)[ \t]+import\b[ \t]*(\([^)]*\)|(?:\\\r?\n|[^\n;])*)"
    rb"|import[ \t]+((?:\\\r?\n|[^\n;])+))",
    re.MULTILINE,
)


def likely_imports(text: bytes) -> Iterator[Import]:
    """Yield the imports of a source, and perhaps more: thirty times as fast as `exact_imports`."""
    for dots, module, names, modules in _LINE.findall(text):
        if modules:
            yield from (Import(name, ()) for name in _names(modules))
        else:
            yield Import(module.decode(), _names(names), len(dots))


def _names(text: bytes) -> tuple[str, ...]:
    plain = re.sub(rb"#[^\n]*", b"", text).replace(b"\\", b" ").strip(b"() \t\r\n")
    return tuple(part.split()[0].decode() for part in plain.split(b",") if part.split())


def closure(
    modules: Iterable[str],
    find: Callable[[bytes], Iterable[Import]] = exact_imports,
    without: Collection[str] = (),
) -> dict[str, frozenset[str]]:
    """Return modules and all that they import from trusted packages, with the other packages each imports.

    Of packages other than this one the `__init__` above each module counts too: it is run before. What only
    modules of `without` import is left out with them.
    """
    found: dict[str, frozenset[str]] = {}
    todo = set(modules)
    while todo:
        module = todo.pop()
        own, found[module] = _imported_by(module, source(module), find)
        todo |= (own | _above(module)) - found.keys() - set(without)
    return found


@cache
def _imported_by(
    module: str, text: bytes, find: Callable[[bytes], Iterable[Import]]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the modules of trusted packages that a module imports, and the names of other packages."""
    own: set[str] = set()
    others: set[str] = set()
    for statement in find(text):
        name = _absolute(statement, module)
        name = old_names.module(name) or name
        if root_of(name) is None:
            others.add(name.split(".")[0])
            continue
        for part in statement.names or ("",):
            inner = f"{name}.{part}"
            if part and file_of(inner):
                own.add(inner)
                continue
            own |= {name} if file_of(name) else set()
            own |= {_from_face(name)[part]} if part in _from_face(name) else set()
    return frozenset(own), frozenset(others)


def _absolute(statement: Import, module: str) -> str:
    if not statement.level:
        return statement.module
    path = file_of(module)
    package = module.split(".")
    package = package if path and path.name == "__init__.py" else package[:-1]
    package = package[: len(package) - statement.level + 1]
    return ".".join([*package, *([statement.module] if statement.module else [])])


def _above(module: str) -> set[str]:
    root = root_of(module)
    if root in (PACKAGE, None):
        return set()
    assert root is not None
    parts = module.split(".")
    above = (".".join(parts[:i]) for i in range(len(root.split(".")), len(parts)))
    return {name for name in above if file_of(name)}


@cache
def _from_face(package: str) -> dict[str, str]:
    """Return the modules behind the names of a lazy package, as its `__init__.pyi` says them."""
    path = file_of(package)
    stub = path.with_suffix(".pyi") if path else None
    if stub is None or not stub.is_file():
        return {}
    found: dict[str, str] = {}
    for statement in exact_imports(stub.read_bytes()):
        name = _absolute(statement, package)
        found |= dict.fromkeys(statement.names, name)
    return found
