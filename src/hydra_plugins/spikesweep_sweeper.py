"""Hydra's `-m` for spikesweep: names become stores, one job each; numbers are the grid's business.

Thin on purpose: Hydra imports its plug-ins whenever any Hydra application starts.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

_INTERRUPTED = 130


class SpikesweepSweeper(Sweeper):
    """Run the combinations of swept group choices one after the other in this process."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what a launcher needs."""
        from hydra.core.plugins import Plugins

        self.context = hydra_context
        self.launcher: Any = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run every job even if one fails, and exit with the worst code."""
        worst = 0
        for number, job in enumerate(self._jobs(arguments)):
            try:
                result = self.launcher.launch([job], initial_job_idx=number)[0]
                _ = result.return_value  # raises what the job raised
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else 1
                if code == _INTERRUPTED:
                    raise
                worst = max(worst, code)
        if worst:
            sys.exit(worst)
        return None

    def _jobs(self, arguments: list[str]) -> list[Sequence[str]]:
        loader = self.context.config_loader
        choices = []
        for override in OverridesParser.create(config_loader=loader).parse_overrides(arguments):
            key = override.get_key_element()
            if not override.is_sweep_override():
                choices.append([str(override.input_line)])
            elif override.key_or_group in loader.list_groups(""):
                choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
            else:
                text = override.input_line
                sys.exit(f"refused: {text}: only grid.* axes and group choices can be swept")
        return list(product(*choices))


@dataclass
class SweeperConfig:
    """The sweeper's node in Hydra's own configuration."""

    _target_: str = "hydra_plugins.spikesweep_sweeper.SpikesweepSweeper"


ConfigStore.instance().store(
    group="hydra/sweeper", name="spikesweep", node=SweeperConfig, provider="spikesweep"
)
