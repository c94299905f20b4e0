"""What the option of a group says by itself: what a configuration has beside that was given by its user."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from spikesweep.config.files import held_in
from spikesweep.config.words import CONFIG_DIR
from spikesweep.trust import conf_folders

#: Folders of the command line that may have options of their own (`--config-dir`).
_named: list[Path] = []


def name_folder(folder: str | None) -> None:
    """Let a folder's options be found, too."""
    if folder is not None and (path := Path(folder).absolute()) not in _named:
        _named.append(path)


def given(cfg: DictConfig, group: str) -> Iterator[tuple[str, Any]]:
    """Yield the values below a group that are not those of its chosen option, by key; interpolations as text.

    What the option does not have, a whole part for example, is one value. Nothing where there is no option.
    """
    option = (cfg.get("choices") or {}).get(group)
    if option is None or not isinstance(cfg.get(group), DictConfig):
        return
    there = _option(group, str(option))
    if there:
        yield from _beside(there, OmegaConf.to_container(cfg[group], resolve=False), group)


def beside_option(values: Mapping[str, Any], group: str) -> Iterator[tuple[str, Any]]:
    """Yield the plain values of a group that are not those of its chosen option, by key.

    What an option interpolates is left out, and so are parts that it does not have.
    """
    option = (values.get("choices") or {}).get(group)
    there = _option(group, str(option)) if option is not None else {}
    if there and isinstance(here := values.get(group), dict):
        for key, value in _beside(there, here, group):
            node: Any = there
            for name in key.split(".")[1:]:
                node = node.get(name, "${") if isinstance(node, dict) else "${"
            if not isinstance(value, (dict, list)) and "${" not in str(node):
                yield key, value


def _option(group: str, name: str) -> dict[str, Any]:
    """Return what the file of an option holds, and those that it begins with."""
    folders = (*reversed(_named), CONFIG_DIR, *conf_folders())
    path = next((p for folder in folders if (p := folder / group / f"{name}.yaml").is_file()), None)
    found: dict[str, Any] = {}
    with suppress(OmegaConfBaseException, OSError):
        if path is None:
            return {}
        held = _mapping(held_in(path))
        own = {key: value for key, value in held.items() if key != "defaults"}
        for part in held.get("defaults", ["_self_"]):
            if isinstance(part, str):
                more = own if part == "_self_" else _option(group, part)
                found = _merged(found, more) if found else more
    return found


def _mapping(held: Any) -> dict[str, Any]:
    return held if isinstance(held, dict) else {}


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = OmegaConf.merge(OmegaConf.create(below), OmegaConf.create(above))
    return dict(OmegaConf.to_container(both, resolve=False))  # type: ignore[arg-type]


def _beside(there: dict[str, Any], here: Any, where: str) -> Iterator[tuple[str, Any]]:
    for name, value in here.items():
        key = f"{where}.{name}"
        if isinstance(value, dict) and isinstance(there.get(name), dict):
            yield from _beside(there[name], value, key)
        elif name not in there or there[name] != value:
            yield key, value
