"""Packages outside this one whose models may be run, and how they are imported.

A folder of Python files with a `conf/` beside them becomes the package of its name when its user names it:
on the command line (`models=./mymodels`), in `ss.load`, or in a `spikesweep.toml` of the user's own with
`models = ["./mymodels"]`, in the working directory or in the user's configuration folder. Installed packages
say it with an entry point of group `spikesweep.models`. Nothing that a store or a YAML says is trusted.
"""

import importlib.util
import os
import sys
from collections.abc import Iterable
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path

from spikesweep import folder_packages
from spikesweep.errors import InputError, nearest, shown

PACKAGE = "spikesweep"
#: The entry points of installed packages.
GROUP = "spikesweep.models"
#: The user's own file.
FILE = "spikesweep.toml"
_HOME = Path(__file__).parent
_ALLOWED = "models=FOLDER with Python files and a conf/ beside them"

#: Folders that their user named, by the name of the package.
_folders = folder_packages.FOLDERS


def named_words(words: Iterable[str]) -> list[str]:
    """Return the words of a command line without `models=...`, whose folders are trusted from now on.

    So are those of the user's `spikesweep.toml`, and that of a file that `function=` or `summary=` names, of
    which a word for the protocol that calls it is left, or the dotted name. Raises InputError.
    """
    rest: list[str] = []
    folders: list[str] = []
    words = list(words)
    for word in words:
        if not isinstance(word, str):
            raise InputError(f"{shown(word)} is refused; allowed: words as text, KEY=VALUE, one each")
        key, is_pair, value = word.partition("=")
        if not is_pair:  # of -cn models
            rest.append(word)
        elif key == "models":
            folders += _split(value)
        elif key == "summary" and ".py" in value:
            each = [_function(part, key) for part in _split(value, key)]
            folders += [folder for found, _ in each for folder in found]
            rest.append(f"summary=[{','.join(name for _, name in each)}]")
        elif key == "function":
            folder, name = _function(value)
            folders += folder
            chosen = any(other.startswith("protocol=") for other in words)
            rest += [*(() if chosen else ("protocol=function",)), f"protocol.function={name}"]
        else:
            rest.append(word)
    trust([*folders, *_of_files()])
    return rest


def _function(value: str, key: str = "function") -> tuple[list[str], str]:
    """Return the folder that is to be trusted for a function, if a file is named, and the dotted name."""
    path, _, name = value.strip("'\"").partition(":")
    if not path.endswith(".py"):
        return [], value
    file = Path(os.path.abspath(Path(path).expanduser()))
    if not file.is_file():
        raise InputError(f"{key} = {value} is refused: there is no file {path}; allowed: {key}=FILE.py:NAME")
    if not file.stem.isidentifier() or not (name or file.stem).isidentifier():
        raise InputError(f"{key} = {value} is refused; allowed: {key}=FILE.py:NAME, both names of Python")
    return [str(file.parent)], f"{file.parent.name}.{file.stem}.{name or file.stem}"


def _split(value: str, key: str = "models") -> list[str]:
    whole = value.strip()
    listed = whole.startswith("[") and whole.endswith("]")
    found = [part.strip().strip("'\"") for part in (whole[1:-1].split(",") if listed else [whole])]
    if not all(found) or (not listed and "," in whole):
        one = "FOLDER" if key == "models" else "FILE.py:NAME"
        raise InputError(f"{key} = {value!r} is refused; allowed: {key}={one}, {key}=[{one},{one}]")
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
        folder_packages.add(name, folder)


def _refuse_edited(name: str) -> None:
    for file in folder_packages.edited(name):
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
        if not isinstance(finder, folder_packages.Finder) and (spec := finder.find_spec(name, None)):
            return spec
    return None


def _refuse_options(folder: Path, given: str) -> None:
    """Refuse options that have the names of ours, or of another folder's: which is meant would be unclear."""
    for path in sorted((folder / "conf").rglob("*.yaml")):
        option = path.relative_to(folder / "conf")
        for other in (_HOME, *_folders.values(), *installed().values()):
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


def trusted_folders() -> list[Path]:
    """Return the folders that their user named."""
    return list(_folders.values())


def conf_folders() -> list[Path]:
    """Return the folders of options beside ours."""
    return [path / "conf" for path in (*_folders.values(), *installed().values()) if (path / "conf").is_dir()]


def fault_in(error: BaseException, name: str) -> str:
    """Return what an import of a package raised, with the file and line where that is in the package."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {error.msg}"
    where, trace = "", error.__traceback__
    folder = str(roots().get(name, ""))
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        where = f"{file}, line {trace.tb_lineno}: " if folder and file.startswith(folder) else where
        trace = trace.tb_next
    return f"{where}{type(error).__name__}: {error}"
