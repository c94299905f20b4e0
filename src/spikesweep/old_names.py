"""Names of earlier versions that still work: of modules that people import, of classes that YAML names.

`spikesweep.neurons.AdExp` in a `_target_`, also of a store, means `spikesweep.models.AdExp`;
`from spikesweep.plots import figure` finds `spikesweep.analysis.plots`.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

#: Modules as they were called, and as they are.
MODULES = {
    "spikesweep.plots": "spikesweep.analysis.plots",
    "spikesweep.neurons": "spikesweep.models",
    "spikesweep.inputs": "spikesweep.models",
}
#: Modules whose classes a `_target_` could name, and the face that has these classes now.
TARGETS = {
    **dict.fromkeys(
        (f"spikesweep.{name}" for name in ("neurons", "inputs", "networks", "rate_networks")),
        "spikesweep.models",
    ),
    **dict.fromkeys(
        (f"spikesweep.{name}" for name in ("spiking_networks", "many_to_one", "afferents")),
        "spikesweep.models",
    ),
    "spikesweep.execute": "spikesweep.sweep.compute",
}


def target(name: str) -> str:
    """Return today's name of the class that a `_target_` names."""
    module, _, cls = name.rpartition(".")
    for old, new in TARGETS.items():
        if module == old or module.startswith(f"{old}."):
            return f"{new}.{cls}"
    return name


def module(name: str) -> str | None:
    """Return today's name of a module that has another now."""
    for old, new in MODULES.items():
        if name == old:
            return new
        if name.startswith(f"{old}."):
            rest = name.removeprefix(old)
            return f"{new}.neurons{rest}" if old == "spikesweep.neurons" else f"{new}{rest}"
    return None


class _OldNames:
    """Finds a module by its old name: the very same module.

    A finder and a loader by its methods: importlib.abc takes 40 ms to import.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load an old name, None for any other."""
        loader: Any = self
        return ModuleSpec(fullname, loader) if module(fullname) else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Let the import system make the module that `exec_module` puts another in the place of."""

    def exec_module(self, module_: ModuleType) -> None:
        """Put the module of today's name in the place of the old one."""
        new = module(module_.__name__)
        assert new is not None
        sys.modules[module_.__name__] = import_module(new)


def install() -> None:
    """Let old names be imported."""
    if not any(isinstance(finder, _OldNames) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OldNames())  # before a path finder takes the new parent for the old one
