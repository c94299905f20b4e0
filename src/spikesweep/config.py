"""Configurations: composed by Hydra, checked, and turned into a sweep. The one module that knows Hydra."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, ValueType
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from spikesweep.errors import InputError, nearest

CONFIG_DIR = Path(__file__).parent / "conf"
_KEYS = ("neuron", "network", "protocol", "grid", "compute", "name", "outputs", "overwrite", "choices")


def load(*overrides: str) -> DictConfig:
    """Return the composed configuration of the same words as on the command line."""
    with initialize_config_dir(str(CONFIG_DIR.resolve()), version_base="1.3"):
        words = axis_overrides(overrides)
        cfg = compose("config", words, return_hydra_config=True)
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


def axis_overrides(words: Sequence[str]) -> list[str]:
    """Return the command line with overrides of whole axes in the form that Hydra can carry out.

    Hydra merges, and cannot merge a list into the {start, stop, num} that it replaces, or the reverse.
    `grid.fe=[2,6]`, `grid.fe=4`, `grid.fe='{start:0,stop:2,num:3}'` become a deletion and an addition;
    the values of a sweep, `grid.fe=0,5,10`, become the axis; `grid.fe.num=61` stays as it is.
    """
    parser = OverridesParser.create()
    words_out: list[str] = []
    for word in words:
        try:
            override = parser.parse_override(word) if word.startswith("grid.") else None
        except Exception:  # not an override, or a wrong one: Hydra itself says so
            override = None
        new = _axis_value(override) if override is not None else None
        key = override.key_or_group if override is not None else ""
        words_out += [word] if new is None else [f"~{key}", f"+{key}={new}"]
    return words_out


def _axis_value(override: Override) -> str | None:
    if override.type != OverrideType.CHANGE or override.key_or_group.count(".") != 1:
        return None
    if override.is_sweep_override():
        values = override.sweep_string_iterator()
        return "[" + ",".join(values) + "]"
    value = override.value()
    text = override.input_line.split("=", 1)[1] if override.input_line else ""
    if override.value_type == ValueType.ELEMENT and isinstance(value, dict) and "start" not in value:
        return None
    return text


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
