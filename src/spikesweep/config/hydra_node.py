"""Hydra's own node, `hydra:`: what a configuration may set there, and from where Hydra reads.

Hydra imports, calls, writes and searches whatever its node names, and configurations come from other people.
So every configuration that it composes is looked at before it acts on it, the words of a command line
before, and files are read from the folders of options alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from spikesweep.errors import InputError, one_line

#: Where folders of models can be named, of which Hydra never hears.
MODELS_ALLOWED = "allowed: models=FOLDER on the command line or in ss.load, or a spikesweep.toml of yours"
#: What a configuration, or a word, may set: nothing here names a class or a place.
_MAY = ("hydra.mode", "hydra.sweeper.params")
_ALLOWED = f"allowed: {', '.join(_MAY)}"
_QUIET = {"version": 1, "root": None, "disable_existing_loggers": False}
#: What each key is here.
_OURS: dict[str, Any] = {
    "searchpath": [],
    "callbacks": {},
    "env": {},
    "launcher._target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "sweeper._target_": "hydra_plugins.spikesweep_sweeper.SpikesweepSweeper",
    "hydra_logging": _QUIET,
    "job_logging": _QUIET,
    "run.dir": ".",
    "sweep.dir": ".",
    "sweep.subdir": ".",
    "output_subdir": None,
    "verbose": False,
    "job.chdir": None,
    "job.env_set": {},
    "job.env_copy": [],
    "job.config": {"override_dirname": {"kv_sep": "=", "item_sep": ",", "exclude_keys": []}},
}
#: What is looked at apart, texts that Hydra shows, and what it fills in.
_FREE = (
    *("mode", "sweeper.params", "sweeper.zips", "help", "hydra_help", "runtime", "overrides"),
    *("job.name", "job.override_dirname", "job.id", "job.num", "job.config_name"),
)
#: Of which the keys below are told one by one.
_SECTIONS = ("launcher", "sweeper", "run", "sweep", "job")


def refuse_word(override: Override, word: str) -> None:
    """Refuse a word that changes more of Hydra's own than `_MAY`; raise InputError."""
    for key in filter(None, (override.key_or_group, override.package)):
        dotted = key.replace("/", ".").removeprefix("_global_.")
        if dotted.split(".")[0] == "hydra" and not any(f"{dotted}.".startswith(f"{may}.") for may in _MAY):
            allowed = MODELS_ALLOWED if dotted == "hydra.searchpath" else _ALLOWED
            raise InputError(f"{word} is refused: {dotted} is Hydra's own; {allowed}")


def _refuse_node(cfg: DictConfig, words: Sequence[str]) -> None:
    """Refuse a composed configuration that lets Hydra do anything but compose; raise InputError."""
    plain = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(plain, dict)
    node = plain["hydra"]
    for key, value in _parts(node):
        if key not in _FREE and (key not in _OURS or value != _OURS[key]):
            allowed = MODELS_ALLOWED if key == "searchpath" else _ALLOWED
            raise InputError(f"hydra.{key} = {value!r} in a YAML is refused; {allowed}")
    told = node["overrides"]
    if sorted([*told["hydra"], *told["task"]]) != sorted(words):
        raise InputError(f"hydra.overrides = {told!r} in a YAML is refused; {_ALLOWED}")
    for name in ("params", "zips"):
        _refuse_calls(cfg, f"hydra.sweeper.{name}")


def _parts(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of Hydra's node by their keys."""
    for name, value in node.items():
        if name in _SECTIONS and isinstance(value, dict):
            yield from ((f"{name}.{part}", one) for part, one in value.items())
        else:
            yield str(name), value


def _refuse_calls(cfg: DictConfig, where: str) -> None:
    """Refuse sweeps that are more than words: Hydra would call what they name; raise InputError."""
    try:
        sweeps = OmegaConf.select(cfg, where)
        sweeps = OmegaConf.to_container(sweeps, resolve=True) if OmegaConf.is_config(sweeps) else sweeps
    except (OmegaConfBaseException, ValueError) as error:
        raise InputError(f"{where} cannot be resolved: {str(error).splitlines()[0]}") from error
    for key, value in sweeps.items() if isinstance(sweeps, dict) else [("", sweeps)]:
        rows = value if isinstance(value, list) else [value]
        cells = [one for row in rows for one in (row if isinstance(row, list) else [row])]
        if not str(key) or str(key).startswith("_") or any(isinstance(one, (dict, list)) for one in cells):
            text = f"{where}.{key} = {value!r}" if key else f"{where} = {value!r}"
            raise InputError(f"{text} is refused; allowed: the words of a sweep, as {{neuron: 'adexp,lif'}}")


@contextmanager
def _readable(words: list[str]) -> Iterator[None]:
    """Turn what Python raises inside Hydra, over configurations of another shape, into InputError."""
    try:
        yield
    except (InputError, HydraException, OmegaConfBaseException):
        raise
    except (ValueError, TypeError, AttributeError, KeyError, AssertionError, RecursionError) as error:
        said = one_line(str(error)) or type(error).__name__
        for word in words:
            word = word.lstrip("+")
            whole, _, part = word.partition("=")[0].rpartition(".")
            if said == f"invalid literal for int() with base 10: {part!r}":  # OmegaConf's, of a list
                raise InputError(
                    f"{word} is refused: {whole} is a list here, without a part {part}; "
                    f"allowed: {whole} as a whole, for example '{whole}={{start:0,stop:4,num:5}}'"
                ) from error
        raise InputError(f"the configuration cannot be composed: {said}; allowed: Hydra's YAML") from error


class _Inside(ConfigRepository):
    """Options and configurations of the folders of options, none of elsewhere."""

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Return what a file holds, None where there is none; raise InputError for a path."""
        parts = config_path.replace("\\", "/").split("/")
        if not {"", ".", ".."}.isdisjoint(parts):
            group, _, option = config_path.partition("/")
            text = f"{group} = {option!r}" if option and group not in ("", ".", "..") else repr(config_path)
            raise InputError(f"{text} is refused; allowed: the name of an option, no path")
        return super().load_config(config_path)


class _Loader(ConfigLoaderImpl):
    """Hydra's loader, which hands on no configuration that `_refuse_node` refuses."""

    def __init__(self, config_search_path: Any) -> None:
        super().__init__(config_search_path)
        self.repository = _Inside(config_search_path)

    def load_configuration(
        self, config_name: str | None, overrides: list[str], *args: Any, **kwargs: Any
    ) -> DictConfig:
        """Return a composed configuration; raise InputError."""
        with _readable(overrides):
            if config_name is not None:
                self._refuse_searchpath(config_name)
            cfg = super().load_configuration(config_name, overrides, *args, **kwargs)
        if config_name is not None:  # else it is Hydra's own alone, for its help
            _refuse_node(cfg, overrides)
        return cfg

    def _refuse_searchpath(self, config_name: str) -> None:
        """Refuse it before Hydra looks there: to look into a package runs it."""
        loaded = self.repository.load_config(config_name)
        try:
            value = loaded and OmegaConf.select(loaded.config, "hydra.searchpath")
        except OmegaConfBaseException as error:
            value = str(error).splitlines()[0]
        if value is not None and value != []:
            raise InputError(f"hydra.searchpath = {value!r} in a YAML is refused; {MODELS_ALLOWED}")


@contextmanager
def guarded() -> Iterator[None]:
    """Let Hydra compose nothing unseen that is started in this context."""
    with patch("hydra._internal.hydra.ConfigLoaderImpl", _Loader):
        yield


def guard() -> None:
    """Let Hydra, which is initialised, compose nothing unseen."""
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    hydra.config_loader = _Loader(hydra.config_loader.get_search_path())
