"""Configurations: composed by Hydra, checked, and turned into a sweep. The one module that knows Hydra."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from spikesweep.config.hydra_node import MODELS_ALLOWED, guard
from spikesweep.config.words import CONFIG_DIR, number_words
from spikesweep.config.zips import GROUPS, ROOT_KEYS
from spikesweep.errors import InputError, nearest
from spikesweep.grid.labels import tidy
from spikesweep.trust import named_words

#: What Hydra composes: interpolations are kept as text.
Configuration = DictConfig
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


def load(*overrides: str) -> DictConfig:
    """Return the composed configuration of the same words as on the command line, `models=...` too."""
    words = named_words(overrides)
    with initialize_config_dir(str(CONFIG_DIR.resolve()), version_base="1.3"):
        guard()
        try:
            cfg = compose("config", number_words(words), return_hydra_config=True)
        except HydraException as error:
            raise refusal(error) from error
    return with_choices(cfg, cfg.hydra.runtime.choices)


def refusal(error: HydraException) -> InputError:
    """Return what Hydra says of words that it cannot carry out, without where it searched."""
    text = str(error).split("Config search path")[0].strip()
    return InputError(f"{text}{f': {error.__cause__}' if error.__cause__ else ''}")


def with_choices(cfg: DictConfig, choices: Mapping[str, Any]) -> DictConfig:
    """Return a configuration that says which option of each group was chosen, without Hydra's own part."""
    cfg = cfg.copy()
    names = {k: str(v) for k, v in choices.items() if k in ("neuron", "network", "protocol")}
    with open_dict(cfg):
        cfg.pop("hydra", None)
        cfg["choices"] = names
    return cfg


def plain(cfg: DictConfig) -> dict[str, Any]:
    """Return a configuration as plain, resolved values; raise InputError for what cannot be resolved."""
    try:
        values = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        where, said = str(error.full_key or "the configuration"), str(error).splitlines()[0]
        if absent := re.search(r"Interpolation key '([\w.]+)' not found", said):
            said = (
                f"there is no {absent[1]} here; allowed: values of its own, or a choice that has {absent[1]}"
            )
        raise InputError(f"{where} cannot be resolved: {said}") from error
    assert isinstance(values, dict)
    known = {str(key): value for key, value in values.items()}
    if "models" in known:
        raise InputError(f"models = {known['models']!r} in a YAML is refused; {MODELS_ALLOWED}")
    for key in known:
        if key not in (*ROOT_KEYS, "choices"):
            raise InputError(f"{key} is not known; {nearest(key, ROOT_KEYS)}")
    for group in GROUPS:
        if not isinstance(known[group], dict):
            raise InputError(
                f"{group} = {known[group]!r} is no option of this group; allowed: {group}=OPTION"
            )
    return known


def interpolations(cfg: DictConfig) -> dict[str, str]:
    """Return the text of every interpolation, by the key of its place."""
    return dict(_interpolations(OmegaConf.to_container(cfg, resolve=False), ""))


def _interpolations(node: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _interpolations(value, f"{where}.{name}" if where else str(name))
    elif "${" in str(node):
        yield where, str(node)


def swept_in(place: str, texts: Mapping[str, str], keys: Sequence[str]) -> list[str]:
    """Return those of `keys` that the interpolation at a place may depend on, itself or through others.

    References by full name are followed exactly; of anything else (resolvers, relative names) every
    word counts, which may find too many and costs only time.
    """
    found: set[str] = set()
    todo, done = [place], set()
    while todo:
        text = texts[here := todo.pop()]
        done.add(here)
        references = _REFERENCE.findall(text)
        words = set(re.findall(r"\w+", _REFERENCE.sub("", text)))
        for key in (*keys, *texts):
            named = any(f"{key}.".startswith(f"{r}.") or f"{r}.".startswith(f"{key}.") for r in references)
            if named or words & set(key.split(".")):
                if key in keys:
                    found.add(key)
                elif key not in done:
                    todo.append(key)
    return [key for key in keys if key in found]


def resolved(
    cfg: DictConfig, names: Sequence[str], rows: Iterable[Sequence[Any]], keys: Sequence[str]
) -> Iterator[list[Any]]:
    """Yield the values that some keys have for each row of values of `names`; raise InputError."""
    changed = cfg.copy()  # once: a copy costs more than all else
    for row in rows:
        try:
            for name, value in zip(names, row, strict=True):
                OmegaConf.update(changed, name, value)
            found = [OmegaConf.select(changed, key, throw_on_missing=True) for key in keys]
        except OmegaConfBaseException as error:
            changes = dict(zip(names, row, strict=True))
            raise InputError(f"{', '.join(keys)} cannot be resolved at {changes}: {error}") from error
        yield [OmegaConf.to_container(v, resolve=True) if OmegaConf.is_config(v) else v for v in found]


def interpolated(
    values: Mapping[str, Any], texts: Mapping[str, str], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what interpolations give in plain values, some of which are changed; raise InputError.

    `texts` are by the key of a value; that of a node above it stands for each of its values.
    """
    cfg = OmegaConf.create(dict(values))
    found = {}
    try:
        for key, value in {**texts, **changes}.items():
            OmegaConf.update(cfg, key, value, force_add=True)
        for key in texts:
            found[key] = OmegaConf.select(cfg, key, throw_on_missing=True)
            if OmegaConf.is_config(found[key]):
                names = key.split(".")
                ends = (".".join(names[i:]) for i in range(1, len(names)))
                found[key] = next(OmegaConf.select(found[key], e) for e in ends if e in found[key])
    except OmegaConfBaseException as error:
        raise InputError(f"the interpolations {dict(texts)} need more than is stored: {error}") from error
    return found


def _arange(start: float, stop: float, step: float = 1.0) -> list[float]:
    """Return start, start + step, ... below stop: how many is decided before anything is rounded."""
    n = max(0, math.ceil((stop - start) / step - 1e-9))
    return tidy(start + step * np.arange(n))


def _product(*factors: Any) -> float:
    """Return the product of numbers."""
    if not all(isinstance(f, (int, float)) and not isinstance(f, bool) for f in factors):
        raise InputError(f"product of {list(factors)} is refused; allowed: numbers")
    return float(math.prod(factors))


OmegaConf.register_new_resolver("linspace", lambda a, b, n: tidy(np.linspace(a, b, n)), replace=True)
OmegaConf.register_new_resolver(
    "logspace", lambda a, b, n: tidy(np.logspace(a, b, n), even=False), replace=True
)
OmegaConf.register_new_resolver("product", _product, replace=True)
OmegaConf.register_new_resolver("arange", _arange, replace=True)
