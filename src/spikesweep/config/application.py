"""Hydra's command line: the same words, options and completion for `run.py` and `spikesweep run`."""

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from spikesweep.config.alone import VERSION_BASE, application
from spikesweep.config.chosen import name_folder
from spikesweep.config.hydra_node import guarded
from spikesweep.config.ranges import refuse_twice
from spikesweep.config.words import CONFIG_DIR, WITH_VALUE, axes_of_numbers, command_words, is_completion
from spikesweep.errors import InputError, nearest, shown
from spikesweep.trust import named_words

_FULL = "HYDRA_FULL_ERROR"
#: The recorded sweeps of this package, and the folder of a checkout that has them.
RECORDED_DIR = CONFIG_DIR.parent / "recorded"
RECORDED_HERE = "sweeps"


def run(task: Callable[[DictConfig, Mapping[str, Any]], Any], words: Sequence[str]) -> None:
    """Call `task(configuration, choices)` for each job of a command line; raise InputError.

    Hydra reads `sys.argv`, prints its help and completion, and exits with what a task exits with.
    """
    if is_completion(words):
        _complete_without_models()
    else:
        refuse_twice(words)
    words, options = _with_recorded(*_options_first(command_words(named_words(words))))
    if not options.multirun and "hydra.mode=MULTIRUN" not in words:
        words = axes_of_numbers(words)
    # Hydra then raises what it would print before it exits with 1, which means something else here
    told, typed = os.environ.get(_FULL), sys.argv[1:]
    os.environ[_FULL] = told or "1"
    sys.argv[1:] = words
    where = {"config_path": str(CONFIG_DIR.resolve()), "config_name": "config"}
    try:
        with application(), guarded():
            start = hydra.main(version_base=VERSION_BASE, **where)
            _refuse_options(options)
            name_folder(options.config_dir)
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


def _options_first(words: Sequence[str]) -> tuple[list[str], Namespace]:
    """Return words as Hydra's parser wants them, and what it finds; raise InputError where it would exit."""
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
    return ordered, parser.parse_args(ordered)


def _with_recorded(words: list[str], options: Namespace) -> tuple[list[str], Namespace]:
    """Return words that find the recorded sweeps of this package, where there are none of that name here.

    So `-cd sweeps -cn NAME`, and `-cn NAME` alone, are the same with a checkout and without.
    """
    if options.config_dir is None and (RECORDED_DIR / f"{options.config_name}.yaml").is_file():
        return _options_first(["--config-dir", str(RECORDED_DIR.resolve()), *words])
    if options.config_dir == RECORDED_HERE and not Path(RECORDED_HERE).is_dir():
        folder, own = str(RECORDED_DIR.resolve()), (RECORDED_HERE, f"-cd={RECORDED_HERE}")
        words = [word.replace(RECORDED_HERE, folder) if word in own else word for word in words]
        return _options_first(words)
    return words, options


def _refuse_options(args: Namespace) -> None:
    """Refuse options that name what Hydra would run, or where it would read; raise InputError."""
    if args.config_path is not None:
        raise InputError(f"--config-path {args.config_path} is refused; allowed: --config-dir FOLDER (-cd)")
    if args.experimental_rerun is not None:  # a pickle
        raise InputError(
            f"--experimental-rerun {args.experimental_rerun} is refused; allowed: the same words"
        )
    if args.config_dir is not None and not Path(args.config_dir).absolute().is_dir():
        raise InputError(f"--config-dir {args.config_dir} is no folder; allowed: one of recorded sweeps")
    if args.config_name is not None and "/" not in args.config_name:
        folders = (Path(args.config_dir or RECORDED_DIR), CONFIG_DIR)
        known = sorted(path.stem for folder in folders for path in folder.glob("*.yaml"))
        if (name := args.config_name.removesuffix(".yaml")) not in known:
            raise InputError(f"--config-name {shown(name)} is not known; {nearest(name, known)}")


def _complete_without_models() -> None:
    """Let the shell complete behind `models=...`, which Hydra does not know."""
    line = os.environ.get("COMP_LINE", "")
    if "models=" in line:
        try:
            rest = named_words(line.split(" "))
        except InputError:  # perhaps typed in half
            rest = [word for word in line.split(" ") if not word.startswith("models=")]
        os.environ["COMP_LINE"] = " ".join(rest)
