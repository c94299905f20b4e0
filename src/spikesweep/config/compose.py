"""Configurations: composed by Hydra, checked, and turned into a sweep. The one module that knows Hydra."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from spikesweep.config.alone import composed
from spikesweep.config.hydra_node import MODELS_ALLOWED
from spikesweep.config.interpolations import refuse_endless, refuse_unprintable
from spikesweep.config.values import plain_value
from spikesweep.config.words import CONFIG_DIR, number_words
from spikesweep.config.zips import GROUPS, ROOT_KEYS
from spikesweep.errors import InputError, nearest, shown
from spikesweep.trust import named_words

#: What Hydra composes: interpolations are kept as text.
Configuration = DictConfig
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
#: Names of cells: they depend on the choice of the neuron, on no value of it.
_CELLS = re.compile(r"\$\{cells:[\w, ]*\}")


def load(*overrides: str, values: Mapping[str, Any] | None = None) -> DictConfig:
    """Return the composed configuration of the same words as on the command line, `models=...` too.

    `values` are others by their keys, as Python has them, in place of what stands there: arrays (`{"grid.fe":
    np.linspace(0, 30, 61)}`) and models (`{"network.drives.external.shape": Table(times, factors)}`). Raises
    InputError for words and values that no configuration can hold.
    """
    words = named_words(overrides)
    try:
        cfg = composed(str(CONFIG_DIR.resolve()), "config", number_words(words))
    except HydraException as error:
        raise refusal(error) from error
    cfg = with_choices(cfg, cfg.hydra.runtime.choices)
    for key, value in (values or {}).items():
        _put(cfg, key, plain_value(key, value))
    return cfg


def _put(cfg: DictConfig, key: str, value: Any) -> None:
    """Put a plain value into a configuration, in place of another; raise InputError."""
    group = str(key).partition(".")[0]
    if key in (*GROUPS, "models") or group not in ROOT_KEYS:
        known = f"allowed: a word for {key}" if key in (*GROUPS, "models") else nearest(group, ROOT_KEYS)
        raise InputError(f"values: {shown(key)} is refused; {known}")
    try:
        with open_dict(cfg):
            OmegaConf.update(cfg, key, value, merge=False, force_add=True)
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        raise InputError(f"{key} = {shown(value)} is refused: {str(error).splitlines()[0]}") from error


def refusal(error: Exception) -> InputError:
    """Return what Hydra says of words that it cannot carry out, without where it searched."""
    lines = [line.strip() for line in str(error).split("Config search path")[0].splitlines()]
    text = " ".join(lines[: 2 if lines and lines[0].endswith(":") else 1])
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, option = str(error.missing_cfg_file).rpartition("/")
        known = nearest(option, error.options)
        return InputError(f"{group}={option} is refused: there is no {group}/{option}; {known}")
    if found := re.search(r"Ambiguous value for argument '(.*)'", text):
        return InputError(f"{found[1]} is a sweep over names; allowed: one of them, or run.py -m")
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
    refuse_endless(OmegaConf.to_container(cfg, resolve=False))
    try:
        values = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except (OmegaConfBaseException, RecursionError) as error:
        where, said = str(getattr(error, "full_key", "") or "the configuration"), str(error).splitlines()[0]
        if absent := re.search(r"Interpolation key '([\w.]+)' not found", said):
            said = (
                f"there is no {absent[1]} here; allowed: values of its own, or a choice that has {absent[1]}"
            )
        raise InputError(f"{where} cannot be resolved: {said}") from error
    assert isinstance(values, dict)
    known = {str(key): value for key, value in values.items()}
    refuse_unprintable(known)
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
    elif "${" in str(node) and not _CELLS.fullmatch(str(node)):
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
