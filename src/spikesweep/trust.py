"""Packages outside this one whose models may be run, and how they are imported.

A folder of Python files with a `conf/` beside them becomes the package of its name when its user names it:
on the command line (`models=./mymodels`), in `ss.load`, or in a `spikesweep.toml` of the user's own with
`models = ["./mymodels"]`, in the working directory or in the user's configuration folder. Installed packages
say it with an entry point of group `spikesweep.models`. Nothing that a store or a YAML says is trusted.

A finder maps each name to its folder; `sys.path` stays as it is. The loader keeps what it ran, so that what
is recorded of a model is what this process imported, also where the file was edited since.
"""

import hashlib
import importlib.util
import os
import pickle
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from spikesweep.errors import InputError, nearest

PACKAGE = "spikesweep"
#: The entry points of installed packages.
GROUP = "spikesweep.models"
#: The user's own file.
FILE = "spikesweep.toml"
_HOME = Path(__file__).parent
_ALLOWED = "models=FOLDER with Python files and a conf/ beside them"

#: Folders that their user named, by the name of the package.
_folders: dict[str, Path] = {}
#: Source of each module of them as this process imported it.
_imported: dict[str, bytes] = {}
#: Hashes that a worker expects of modules that it has yet to import.
_expected: dict[str, str] = {}


def named_words(words: Iterable[str]) -> list[str]:
    """Return the words of a command line without `models=...`, whose folders are trusted from now on.

    So are those of the user's `spikesweep.toml`. Raises InputError.
    """
    rest, folders = [], []
    for word in words:
        key, _, value = word.partition("=")
        if key == "models":
            folders += _split(value)
        else:
            rest.append(word)
    trust([*folders, *_of_files()])
    return rest


def _split(value: str) -> list[str]:
    whole = value.strip()
    listed = whole.startswith("[") and whole.endswith("]")
    found = [part.strip().strip("'\"") for part in (whole[1:-1].split(",") if listed else [whole])]
    if not all(found) or (not listed and "," in whole):
        raise InputError(f"models = {value!r} is refused; allowed: models=FOLDER, models=[FOLDER,FOLDER]")
    return found


def _of_files() -> list[str]:
    """Return the folders that the user's own files name; raise InputError for a file of someone else."""
    from platformdirs import user_config_path  # late: `ls` needs none of it

    found = []
    for path in (Path(FILE).absolute(), user_config_path(PACKAGE) / FILE):
        if path.exists():
            import tomllib

            try:
                values = tomllib.loads(path.read_text())
            except (OSError, ValueError) as error:
                raise InputError(f"{path} cannot be read: {error}") from error
            for key in values:
                if key != "models":
                    raise InputError(f"{path}: {key} is not known; {nearest(key, ['models'])}")
            models = values.get("models", [])
            if not isinstance(models, list) or not all(isinstance(m, str) and m for m in models):
                raise InputError(f"{path}: models = {models!r} is refused; allowed: a list of folders")
            if models and not _is_own(path):
                raise InputError(
                    f"{path} names models and belongs to another user, or others can write to it; "
                    f"allowed: a file of your own, {_ALLOWED}"
                )
            found += [str(path.parent / Path(m).expanduser()) for m in models]
    return found


def _is_own(path: Path) -> bool:
    each = (path.lstat(), path.stat())
    return all(s.st_uid == os.getuid() for s in each) and not path.stat().st_mode & 0o022


def trust(folders: Iterable[str | Path]) -> None:
    """Let models of folders be run from now on, each as the package of its name; raise InputError."""
    for given in folders:
        path = Path(os.path.abspath(Path(given).expanduser()))
        if not path.is_dir():
            raise InputError(f"models = {given} is refused: there is no such folder; allowed: {_ALLOWED}")
        name, folder = path.name, path.resolve()
        if name in _folders:
            if _folders[name] != folder:
                raise InputError(
                    f"models = {given} is refused: in this process {name} is {_folders[name]}; "
                    "allowed: one folder a name, or another process"
                )
            _refuse_edited(name)
            continue
        refuse_name(name, folder, str(given))
        if not any(folder.rglob("*.py")) and not (folder / "conf").is_dir():
            raise InputError(f"models = {given} is refused: it holds no Python files; allowed: {_ALLOWED}")
        _refuse_options(folder, str(given))
        _folders[name] = folder
        _install()


def _refuse_edited(name: str) -> None:
    for module, source in _imported.items():
        file = spec.origin if (spec := sys.modules[module].__spec__) else None
        if module.split(".")[0] == name and file and Path(file).exists() and Path(file).read_bytes() != source:
            raise InputError(
                f"{file} was edited after this process imported it; allowed: a new process "
                "(of a notebook: restart its kernel)"
            )


def refuse_name(name: str, folder: Path, given: str) -> None:
    """Refuse what could not be imported, or would be in the place of another module; raise InputError."""
    if not name.isidentifier():
        raise InputError(
            f"models = {given} is refused: {name!r} is no name of a package; "
            "allowed: letters, digits and _, no digit first"
        )
    other = "a module of Python" if name in sys.stdlib_module_names else ""
    if not other and (spec := _spec_of_others(name)):
        places = [Path(p).resolve() for p in spec.submodule_search_locations or ()]
        other = "" if folder in places else str(spec.origin or next(iter(places), "a module"))
    if other:
        raise InputError(f"models = {given} is refused: {name} is {other}; allowed: another name")


def _spec_of_others(name: str) -> ModuleSpec | None:
    """Return what the name would mean without us."""
    if name in sys.modules:
        return sys.modules[name].__spec__ or ModuleSpec(name, None, origin="a module of this process")
    for finder in sys.meta_path:
        if not isinstance(finder, _Models) and (spec := finder.find_spec(name, None)):
            return spec
    return None


def _refuse_options(folder: Path, given: str) -> None:
    """Refuse options that have the names of ours, or of another folder: which one is meant would be unclear."""
    for path in sorted((folder / "conf").rglob("*.yaml")):
        option = path.relative_to(folder / "conf")
        for other in (_HOME, *_folders.values()):
            if (other / "conf" / option).exists():
                raise InputError(
                    f"models = {given} is refused: conf/{option} is also one of {other.name}; "
                    "allowed: another name"
                )


@cache
def installed() -> dict[str, Path]:
    """Return the folder of each package that its entry point of group `spikesweep.models` names."""
    if not any(_mentions(entry) for entry in map(Path, sys.path) if entry.is_dir()):
        return {}  # most often; importlib.metadata would take 50 ms to say so
    from importlib.metadata import entry_points

    found = {}
    for point in entry_points(group=GROUP):
        spec = importlib.util.find_spec(point.value.split(".")[0])
        if spec and spec.submodule_search_locations:
            rest = point.value.split(".")[1:]
            found[point.value] = Path(next(iter(spec.submodule_search_locations))).joinpath(*rest)
    return found


def _mentions(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        names = [e.path for e in entries if e.name.endswith((".dist-info", ".egg-info"))]
    for name in names:
        try:
            with open(os.path.join(name, "entry_points.txt"), "rb") as file:
                if GROUP.encode() in file.read():
                    return True
        except OSError:
            continue
    return False


def roots() -> dict[str, Path]:
    """Return the folder of every package whose models may be run, ours first."""
    return {PACKAGE: _HOME, **_folders, **installed()}


def root_of(module: str) -> str | None:
    """Return the trusted package that a module is of, None where there is none."""
    if module.split(".")[0] in (PACKAGE, *_folders):
        return module.split(".")[0]
    found = (name for name in installed() if f"{module}.".startswith(f"{name}."))
    return next(found, None)


def conf_folders() -> list[Path]:
    """Return the folders of options beside ours."""
    return [path / "conf" for path in (*_folders.values(), *installed().values()) if (path / "conf").is_dir()]


def imported_source(module: str) -> bytes | None:
    """Return the source of a module of a folder as this process imported it, None where it did not."""
    return _imported.get(module)


def with_models(value: Any, protocol: Any) -> tuple[Any, ...]:
    """Return what `__reduce_ex__` of an object may return that holds models: its folders, then the object.

    Another process trusts the folders before it makes the object, and refuses to run other code than this
    one did.
    """
    if not _folders:
        return tuple(object.__reduce_ex__(value, protocol))
    hashes = {module: hashlib.sha256(source).hexdigest() for module, source in _imported.items()}
    state = pickle.dumps(value.__dict__, protocol)
    return _restored, ({name: str(f) for name, f in _folders.items()}, hashes, type(value), state)


def _restored(folders: Mapping[str, str], hashes: Mapping[str, str], cls: type, state: bytes) -> Any:
    for name, folder in folders.items():
        _folders.setdefault(name, Path(folder))
    _expected.update(hashes)
    _install()
    value = cls.__new__(cls)
    value.__dict__.update(pickle.loads(state))
    return value


def _install() -> None:
    if not any(isinstance(finder, _Models) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Models())


class _Models(MetaPathFinder):
    """Finds the packages of folders that their user named, and no others."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to import a module of such a folder."""
        top, _, rest = fullname.partition(".")
        if top not in _folders:
            return None
        if rest:
            finders = (FileFinder(place, (_Loader, [".py"])) for place in path or ())
            return next((spec for finder in finders if (spec := finder.find_spec(fullname))), None)
        init = _folders[top] / "__init__.py"
        loader = _Loader(fullname, str(init)) if init.exists() else None
        spec = ModuleSpec(fullname, loader, origin=str(init) if loader else None, is_package=True)
        spec.submodule_search_locations = [str(_folders[top])]
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
        _imported[fullname] = source
        return code  # type: ignore[no-any-return]


def fault_in(error: BaseException, name: str) -> str:
    """Return what an import of a package raised, with the file and line of it where that is in the package."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {error.msg}"
    where, trace = "", error.__traceback__
    folder = str(roots().get(name, ""))
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        where = f"{file}, line {trace.tb_lineno}: " if folder and file.startswith(folder) else where
        trace = trace.tb_next
    return f"{where}{type(error).__name__}: {error}"
