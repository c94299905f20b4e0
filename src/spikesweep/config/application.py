"""Hydra's command line: the same words, options and completion for `run.py` and `spikesweep run`."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig

from spikesweep.config.words import CONFIG_DIR, MODELS_ALLOWED, command_words, is_completion
from spikesweep.errors import InputError
from spikesweep.trust import named_words

_FULL = "HYDRA_FULL_ERROR"


def run(task: Callable[[DictConfig, Mapping[str, Any]], Any], words: Sequence[str]) -> None:
    """Call `task(configuration, choices)` for each job of a command line; raise InputError.

    Hydra reads `sys.argv`, prints its help and completion, and exits with what a task exits with.
    """
    if is_completion(words):
        _complete_without_models()
    words = command_words(named_words(words))
    own = any(word.partition("=")[0].lstrip("+~") == "hydra.searchpath" for word in words)

    def one(cfg: DictConfig) -> Any:
        found = HydraConfig.get()
        if found.searchpath and not own:
            where = f"hydra.searchpath = {found.searchpath} in a YAML"
            print(f"refused: {where} is refused; {MODELS_ALLOWED}", file=sys.stderr)
            sys.exit(2)  # an exception would be dressed up by Hydra under -m
        return task(cfg, found.runtime.choices)

    # Hydra then raises what it would print before it exits with 1, which means something else here
    told = os.environ.setdefault(_FULL, "")
    os.environ[_FULL] = told or "1"
    sys.argv[1:] = words
    try:
        hydra.main(version_base="1.3", config_path=str(CONFIG_DIR.resolve()), config_name="config")(one)()
    except HydraException as error:
        if told:
            raise
        from spikesweep.config.compose import refusal  # late: a help needs none of it

        raise refusal(error) from error


def _complete_without_models() -> None:
    """Let the shell complete behind `models=...`, which Hydra does not know."""
    line = os.environ.get("COMP_LINE", "")
    if "models=" in line:
        try:
            rest = named_words(line.split(" "))
        except InputError:  # perhaps typed in half
            rest = [word for word in line.split(" ") if not word.startswith("models=")]
        os.environ["COMP_LINE"] = " ".join(rest)
