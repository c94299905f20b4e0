"""Hydra for one caller at a time: it keeps its state in the process, and a user's own program may have some.

`ss.load` inside a function of `@hydra.main`, behind `initialize_config_dir` or in several threads finds Hydra
in use. Here that is put aside, and is back afterwards as it was.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.version import VersionBase
from omegaconf import DictConfig

from spikesweep.config.files import guarded_files
from spikesweep.config.hydra_node import guard

#: The version of Hydra whose behaviour is meant.
VERSION_BASE = "1.3"
_turn = threading.RLock()


@contextmanager
def alone(*more: type) -> Iterator[None]:
    """Put what Hydra knows of this process aside, and look at YAML files before they are read."""
    kinds = (GlobalHydra, VersionBase, *more)
    theirs = {kind: Singleton._instances.pop(kind, None) for kind in kinds}
    try:
        with guarded_files():
            yield
    finally:
        for kind, instance in theirs.items():
            Singleton._instances.pop(kind, None)
            if instance is not None:
                Singleton._instances[kind] = instance


@contextmanager
def application() -> Iterator[None]:
    """Let a command line be Hydra's application, whatever is one already."""
    with alone(HydraConfig):
        yield


def composed(folder: str, name: str, words: list[str]) -> DictConfig:
    """Return what Hydra composes of a folder's configuration and words, Hydra's own part included."""
    with _turn, alone(), initialize_config_dir(folder, version_base=VERSION_BASE):
        guard()
        return compose(name, words, return_hydra_config=True)
