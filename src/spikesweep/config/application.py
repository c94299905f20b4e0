"""Hydra's command line: the same words, options and completion for `run.py` and `spikesweep run`."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from spikesweep.config.alone import VERSION_BASE, application, readable
from spikesweep.config.words import CONFIG_DIR, MODELS_ALLOWED, WITH_VALUE, command_words, is_completion
from spikesweep.errors import InputError
from spikesweep.trust import named_words

_FULL = "HYDRA_FULL_ERROR"
_QUIET = {"version": 1, "root": None, "disable_existing_loggers": False}
#: What Hydra would import, call or search for a YAML, and what it is here; more has to be typed.
_OURS = {
    "searchpath": [],
    "callbacks": {},
    "launcher._target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "sweeper._target_": "hydra_plugins.spikesweep_sweeper.SpikesweepSweeper",
    "hydra_logging": _QUIET,
    "job_logging": _QUIET,
    "job.env_set": {},
}


def run(task: Callable[[DictConfig, Mapping[str, Any]], Any], words: Sequence[str]) -> None:
    """Call `task(configuration, choices)` for each job of a command line; raise InputError.

    Hydra reads `sys.argv`, prints its help and completion, and exits with what a task exits with.
    """
    if is_completion(words):
        _complete_without_models()
    words = _options_first(command_words(named_words(words)))
    # Hydra then raises what it would print before it exits with 1, which means something else here
    told, typed = os.environ.get(_FULL), sys.argv[1:]
    os.environ[_FULL] = told or "1"
    sys.argv[1:] = words
    where = {"config_path": str(CONFIG_DIR.resolve()), "config_name": "config"}
    try:
        with application():
            start = hydra.main(version_base=VERSION_BASE, **where)
            with readable():
                _refuse_foreign(words)
            start(lambda cfg: task(cfg, HydraConfig.get().runtime.choices))()
    except (HydraException, OmegaConfBaseException, RecursionError) as error:
        if told:
            raise
        from spikesweep.config.compose import refusal  # late: a help needs none of it

        raise refusal(error) from error
    finally:
        sys.argv[1:] = typed
        if told is None:  # what this process calls next would be told everything
            del os.environ[_FULL]


def _options_first(words: Sequence[str]) -> list[str]:
    """Return words as Hydra's parser wants them; raise InputError where it would print its usage."""
    parser = get_args_parser()

    def error(message: str) -> NoReturn:
        raise InputError(f"{message}; allowed: KEY=VALUE, and the options that --help lists")

    parser.error = error  # type: ignore[method-assign]
    options: list[str] = []
    rest: list[str] = []
    for word in words:
        its = word.startswith("-") or (options and options[-1] in WITH_VALUE)
        (options if its else rest).append(word)
    ordered = [*options, *rest]
    parser.parse_args(ordered)
    return ordered


def _refuse_foreign(words: Sequence[str]) -> None:
    """Refuse a recorded sweep that would let Hydra run other code, before Hydra does; raise InputError."""
    if not any(word.startswith(("-cd", "-cn", "-cp", "--config-")) for word in words):
        return
    args = get_args_parser().parse_args(list(words))
    if args.config_path is not None:
        raise InputError(f"--config-path {args.config_path} is refused; allowed: --config-dir FOLDER (-cd)")
    path = create_config_search_path(str(CONFIG_DIR.resolve()))
    if args.config_dir is not None:
        folder = Path(args.config_dir).absolute()
        if not folder.is_dir():
            raise InputError(f"--config-dir {args.config_dir} is no folder; allowed: one of recorded sweeps")
        path.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="schema"))
    mode = RunMode.MULTIRUN if args.multirun else RunMode.RUN
    loader = ConfigLoaderImpl(config_search_path=path)
    cfg = loader.load_configuration(args.config_name or "config", args.overrides, run_mode=mode).hydra
    own = tuple(word.lstrip("+~").replace("/", ".") for word in args.overrides)
    for key, expected in _OURS.items():
        value = OmegaConf.select(cfg, key)
        value = OmegaConf.to_container(value, resolve=False) if OmegaConf.is_config(value) else value
        if value != expected and not any(word.startswith(f"hydra.{key.split('.')[0]}") for word in own):
            allowed = MODELS_ALLOWED if key == "searchpath" else "allowed: hydra.sweeper.params"
            raise InputError(f"hydra.{key} = {value!r} in a YAML is refused; {allowed}")


def _complete_without_models() -> None:
    """Let the shell complete behind `models=...`, which Hydra does not know."""
    line = os.environ.get("COMP_LINE", "")
    if "models=" in line:
        try:
            rest = named_words(line.split(" "))
        except InputError:  # perhaps typed in half
            rest = [word for word in line.split(" ") if not word.startswith("models=")]
        os.environ["COMP_LINE"] = " ".join(rest)
