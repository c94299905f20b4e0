"""Configurations: composed by Hydra, checked, and turned into a sweep. The one module that knows Hydra."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from spikesweep.errors import InputError, nearest

CONFIG_DIR = Path(__file__).parent / "conf"
_KEYS = (
    "neuron",
    "network",
    "protocol",
    "grid",
    "compute",
    "name",
    "outputs",
    "overwrite",
    "retry",
    "choices",
)


def load(*overrides: str) -> DictConfig:
    """Return the composed configuration of the same words as on the command line."""
    with initialize_config_dir(str(CONFIG_DIR.resolve()), version_base="1.3"):
        try:
            cfg = compose("config", command_words(overrides), return_hydra_config=True)
        except HydraException as error:
            text = str(error).split("Config search path")[0].strip()
            cause = f": {error.__cause__}" if error.__cause__ else ""
            raise InputError(f"{text}{cause}") from error
    choices = cfg.hydra.runtime.choices
    with open_dict(cfg):
        del cfg["hydra"]
    return with_choices(cfg, choices)


def with_choices(cfg: DictConfig, choices: Mapping[str, Any]) -> DictConfig:
    """Return a configuration that also says which option of each group was chosen."""
    cfg = cfg.copy()
    names = {k: str(v) for k, v in choices.items() if k in ("neuron", "network", "protocol")}
    with open_dict(cfg):
        cfg["choices"] = names
    return cfg


def command_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command line in the form that Hydra can carry out.

    Hydra merges, and cannot merge a list into the {start, stop, num} that it replaces, or the reverse: an
    axis that is given whole (`grid.fe=[2,6]`, `grid.fe=4`, `grid.fe={start:0,stop:2,num:3}`) is emptied
    first; the values of a sweep, `grid.fe=0,5,10`, become the axis; `grid.fe.num=61` is merged. A key
    that no group file has passes Hydra and is refused by `build`, which knows the nearest one.
    """
    parser = OverridesParser.create()
    words_out: list[str] = []
    for word in words:
        try:
            override = parser.parse_override(word)
        except HydraException:  # an option, or a slip that Hydra itself explains
            words_out.append(word)
            continue
        key = override.key_or_group
        if override.type != OverrideType.CHANGE or "." not in key or key.startswith("hydra."):
            words_out.append(word)
        elif key.startswith("grid.") and key.count(".") == 1 and _is_whole_axis(override):
            words_out += [f"++{key}=null", f"++{key}={_axis_text(override, word)}"]
        else:
            words_out.append(f"++{word}")
    return words_out


def _is_whole_axis(override: Override) -> bool:
    value = override.value()
    return override.is_sweep_override() or not isinstance(value, dict) or "start" in value


def _axis_text(override: Override, word: str) -> str:
    if override.is_sweep_override():
        return f"[{','.join(override.sweep_string_iterator())}]"
    return word.split("=", 1)[1]


def plain(cfg: DictConfig) -> dict[str, Any]:
    """Return a configuration as plain, resolved values; raise InputError for what cannot be resolved."""
    try:
        values = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise InputError(f"the configuration cannot be resolved: {error}") from error
    assert isinstance(values, dict)
    known = {str(key): value for key, value in values.items()}
    for key in known:
        if key not in _KEYS:
            raise InputError(f"{key} is not known; {nearest(key, _KEYS)}")
    return known
