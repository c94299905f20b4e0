"""YAML files are looked at before they are read: plain, of a bounded size, with no more in them than is seen.

An alias stands for all that its anchor has, and is read as a copy: ten lines can mean ten thousand million
values. How many a file means is counted before any of them is made.

The same text is parsed once in a process: it takes half of the time of composing a configuration.
"""

import io
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import yaml
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from omegaconf import OmegaConf

from spikesweep.errors import InputError, one_line
from spikesweep.plain_files import read_bounded

#: Bytes of a file, values that it means, and levels of them.
MOST_BYTES, MOST_VALUES, DEEPEST = 4_000_000, 100_000, 40
#: Characters at the start of a file that say where Hydra puts it (`# @package ...`).
_HEADER = 512
#: What Hydra's own package holds, pickled, by where it is: it does not change.
_packaged: dict[tuple[str, str, str], bytes] = {}
_HASTY = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@contextmanager
def guarded_files() -> Iterator[None]:
    """Let Hydra read no file inside the context that `held_in` refuses."""
    Plugins.instance()  # Hydra's own classes of sources are copies that its plug-ins make
    files, packages = (cast(Any, SourcesRegistry.instance().resolve(kind)) for kind in ("file", "pkg"))
    of_files, of_packages = files.load_config, packages.load_config

    def load_file(self: Any, config_path: str) -> Any:
        path = Path(self.path, self._normalize_file_name(config_path))
        if not path.exists():
            return of_files(self, config_path)  # which says so
        text = _text(path)
        try:
            config = pickle.loads(_parsed(path, text))
            header = self._get_header_dict(text[:_HEADER])
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise InputError(f"{path} cannot be read: {_said(error)}") from error
        return ConfigResult(self.provider, f"{self.scheme()}://{self.path}", config, header)

    def load_packaged(self: Any, config_path: str) -> Any:
        key = self.provider, self.path, config_path
        if key not in _packaged:
            _packaged[key] = pickle.dumps(of_packages(self, config_path))
        return pickle.loads(_packaged[key])

    with patch.object(files, "load_config", load_file), patch.object(packages, "load_config", load_packaged):
        yield


def held_in(path: Path) -> Any:
    """Return what a YAML file holds, interpolations as text, for all to read and none to change.

    Raises InputError for one that is none, or means more than a configuration can be.
    """
    return _held(path, _text(path))


def text_of(path: Path) -> str:
    """Return the text of a YAML file; raise InputError as `held_in` does."""
    text = _text(path)
    _refuse_boundless(path, text)
    return text


def _text(path: Path) -> str:
    try:
        return read_bounded(path, MOST_BYTES, str(path)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(path, error) from error


@lru_cache(maxsize=128)
def _parsed(path: Path, text: str) -> bytes:
    """Return the configuration of a text, from `path`, as bytes: each caller makes one of its own of them."""
    _refuse_boundless(path, text)
    return pickle.dumps(OmegaConf.load(io.StringIO(text)))


@lru_cache(maxsize=128)
def _held(path: Path, text: str) -> Any:
    return OmegaConf.to_container(pickle.loads(_parsed(path, text)), resolve=False)


def _refuse_boundless(path: Path, text: str) -> None:
    try:
        n = _meant(path, text)
    except yaml.YAMLError as error:
        raise _unreadable(path, error) from error
    if n > MOST_VALUES:
        raise InputError(f"{path} means {n:,} values; allowed: at most {MOST_VALUES:,} in a file")


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read: {_said(error)}; allowed: YAML in UTF-8")


def _meant(path: Path, text: str) -> int:
    """Return how many values a text has once its aliases are written out."""
    named: dict[str, int] = {}
    around: list[tuple[str | None, int]] = [(None, 0)]  # what is open: its anchor, and what it has so far
    for event in yaml.parse(text, Loader=_HASTY):
        if isinstance(event, yaml.CollectionStartEvent):
            around.append((event.anchor, 1))
            if len(around) > DEEPEST:
                line = event.start_mark.line + 1
                raise InputError(f"{path}, line {line}: more than {DEEPEST} levels; allowed: fewer")
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, n = around.pop()
        elif isinstance(event, yaml.AliasEvent):
            anchor, n = None, named.get(event.anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            anchor, n = event.anchor, 1
        else:
            continue
        if anchor:
            named[anchor] = n
        around[-1] = around[-1][0], around[-1][1] + n
    return around[0][1]


def _said(error: Exception) -> str:
    """Return in one line what is wrong, and where."""
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return one_line(f"{problem}{where}" if problem else str(error).splitlines()[0] if str(error) else "")
