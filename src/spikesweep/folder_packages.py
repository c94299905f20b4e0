"""Folders of models as packages: a finder maps each name to its folder, and `sys.path` stays as it is.

The loader keeps what it ran, so that what is recorded of a model is what this process imported, also where
the file was edited since. Which folders these are is decided in `trust`.
"""

import hashlib
import importlib.util
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from spikesweep.errors import InputError

#: By the name of the package.
FOLDERS: dict[str, Path] = {}
#: Source of each module as this process imported it, and its file.
_imported: dict[str, bytes] = {}
_files: dict[str, Path] = {}
#: Hashes that a worker expects of modules that it has yet to import.
_expected: dict[str, str] = {}


def add(name: str, folder: Path) -> None:
    """Let a folder be imported under a name."""
    FOLDERS[name] = folder
    _install()


def imported_source(module: str) -> bytes | None:
    """Return the source of a module of a folder as this process imported it, None where it did not."""
    return _imported.get(module)


def edited(name: str) -> Iterator[Path]:
    """Yield the files of a package that are not what this process imported."""
    for module, source in _imported.items():
        file = _files[module]
        if module.split(".")[0] == name and not (file.is_file() and file.read_bytes() == source):
            yield file


def _install() -> None:
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())


class Finder(MetaPathFinder):
    """Finds the packages of folders that their user named, and no others."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to import a module of such a folder."""
        top, _, rest = fullname.partition(".")
        if top not in FOLDERS:
            return None
        if rest:
            finders = (FileFinder(place, (_Loader, [".py"])) for place in path or ())
            return next((spec for finder in finders if (spec := finder.find_spec(fullname))), None)
        init = FOLDERS[top] / "__init__.py"
        loader = _Loader(fullname, str(init)) if init.exists() else None
        spec = ModuleSpec(fullname, loader, origin=str(init) if loader else None, is_package=True)
        spec.submodule_search_locations = [str(FOLDERS[top])]
        spec.has_location = loader is not None
        return spec


class _Loader(InspectLoader):
    """Runs a source file and keeps it. Without bytecode: an edit within its second would not be seen."""

    def __init__(self, fullname: str, path: str) -> None:
        self._path = path

    def is_package(self, fullname: str) -> bool:
        """Return whether this is the file of a package."""
        return Path(self._path).name == "__init__.py"

    def get_source(self, fullname: str) -> str:
        """Return the text."""
        return importlib.util.decode_source(Path(self._path).read_bytes())

    def get_code(self, fullname: str) -> CodeType:
        """Return the compiled text; raise InputError where it is not what the driver of a sweep ran."""
        source = Path(self._path).read_bytes()
        expected = _expected.get(fullname)
        if expected is not None and hashlib.sha256(source).hexdigest() != expected:
            raise InputError(f"{self._path} was edited while a sweep runs; allowed: the same command again")
        code = compile(source, self._path, "exec", dont_inherit=True)
        _imported[fullname], _files[fullname] = source, Path(self._path)
        return code


def with_models(value: Any, protocol: Any) -> tuple[Any, ...]:
    """Return what `__reduce_ex__` of an object may return that holds models: its folders, then the object.

    Another process trusts the folders before it makes the object, and refuses to run other code than this
    one did.
    """
    if not FOLDERS:
        return tuple(object.__reduce_ex__(value, protocol))
    hashes = {module: hashlib.sha256(source).hexdigest() for module, source in _imported.items()}
    state = pickle.dumps(value.__dict__, protocol)
    return _restored, ({name: str(f) for name, f in FOLDERS.items()}, hashes, type(value), state)


def _restored(folders: Mapping[str, str], hashes: Mapping[str, str], cls: Any, state: bytes) -> Any:
    for name, folder in folders.items():
        FOLDERS.setdefault(name, Path(folder))
    _expected.update(hashes)
    _install()
    value = cls.__new__(cls)
    value.__dict__.update(pickle.loads(state))
    return value
