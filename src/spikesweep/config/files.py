"""YAML files are looked at before they are read: plain, of a bounded size, with no more in them than is seen.

An alias stands for all that its anchor has, and is read as a copy: ten lines can mean ten thousand million
values. How many a file means is counted before any of them is made.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins

from spikesweep.errors import InputError, one_line
from spikesweep.plain_files import read_bounded

#: Bytes of a file, values that it means, and levels of them.
MOST_BYTES, MOST_VALUES, DEEPEST = 4_000_000, 100_000, 40
_HASTY = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@contextmanager
def guarded_files() -> Iterator[None]:
    """Let Hydra read no file inside the context that `refuse_boundless` refuses."""
    Plugins.instance()  # Hydra's own class of file sources is a copy that its plug-ins make
    source: Any = SourcesRegistry.instance().resolve("file")
    original = source.load_config

    def load_config(self: Any, config_path: str) -> Any:
        path = Path(self.path, self._normalize_file_name(config_path))
        if path.exists():
            refuse_boundless(path)
        try:
            return original(self, config_path)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise InputError(f"{path} cannot be read: {_said(error)}") from error

    source.load_config = load_config
    try:
        yield
    finally:
        source.load_config = original


def refuse_boundless(path: Path) -> None:
    """Refuse a YAML file that is none, or means more than a configuration can be; raise InputError."""
    raw = read_bounded(path, MOST_BYTES, str(path))
    try:
        text = raw.decode("utf-8")
        n = _meant(path, text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {_said(error)}; allowed: YAML in UTF-8") from error
    if n > MOST_VALUES:
        raise InputError(f"{path} means {n:,} values; allowed: at most {MOST_VALUES:,} in a file")


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
