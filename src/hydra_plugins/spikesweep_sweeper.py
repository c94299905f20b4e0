"""Hydra's `-m` for spikesweep: names become stores, one job each; numbers become axes of one grid.

Thin on purpose: Hydra imports its plug-ins whenever any Hydra application starts.
"""

import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

_INTERRUPTED = 130


class SpikesweepSweeper(Sweeper):
    """Run the combinations of swept group choices one after the other in this process."""

    def __init__(self, params: Mapping[str, Any], zips: Mapping[str, Sequence[Sequence[str]]]) -> None:
        """Keep the sweeps that stand in a configuration, and the group choices that move together."""
        self.params, self.zips = dict(params), dict(zips)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what a launcher needs."""
        from hydra.core.plugins import Plugins

        self.context, self.master = hydra_context, config
        self.launcher: Any = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run every job even if one fails, and exit with the worst code; none if one is refused."""
        from hydra.errors import HydraException

        from spikesweep.config.compose import refusal
        from spikesweep.errors import InputError

        try:
            jobs = self._jobs(arguments)
        except InputError as error:
            print(f"refused: {error}", file=sys.stderr)
            sys.exit(2)
        worst, plans = 0, []
        for number, job in enumerate(jobs):
            try:
                result = self.launcher.launch([job], initial_job_idx=number)[0]
                plans.append(result.return_value)  # raises what the job raised
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else 1
                if code == _INTERRUPTED:
                    raise
                worst = max(worst, code)
            except (InputError, HydraException) as error:
                print(
                    f"refused: {error if isinstance(error, InputError) else refusal(error)}", file=sys.stderr
                )
                worst = max(worst, 2)
            except Exception:  # of one job: the others go on
                traceback.print_exc()
                worst = max(worst, 1)
        if worst:
            sys.exit(worst)
        if len(jobs) > 1 and all(plans):
            from spikesweep.sweep.plan import total

            print(total(plans))
        return None

    def _jobs(self, arguments: list[str]) -> list[list[str]]:
        """Return the words of each job, after all of them were checked."""
        from spikesweep.config.words import command_words, multirun_jobs
        from spikesweep.config.zips import STORE_GROUPS, zipped_groups
        from spikesweep.errors import InputError

        loader = self.context.config_loader
        given = {argument.split("=", 1)[0].lstrip("+~") for argument in arguments}
        own = [f"{key}={value}" for key, value in self.params.items() if key.lstrip("+~") not in given]
        words = [*command_words(own), *arguments]
        zips = {**self.zips, **zipped_groups(words)}
        for row in [row for rows in zips.values() for row in rows]:
            command_words(row)  # refuses what no word may be
        whole: Any = OmegaConf.to_container(self.master, resolve=False)
        name = whole["name"]  # as it is typed: of each job it may be another
        jobs = multirun_jobs(words, zips, loader, name)
        if len(jobs) > 1:
            from spikesweep.api.main import check

            for job in jobs:
                cfg = loader.load_sweep_config(self.master, job)
                try:
                    check(cfg, cfg.hydra.runtime.choices)
                except InputError as error:
                    names = [word for word in job if word.split("=", 1)[0] in STORE_GROUPS]
                    raise InputError(f"{' '.join(names)}: {error}") from error
        return jobs


@dataclass
class SweeperConfig:
    """The sweeper's node in Hydra's own configuration."""

    _target_: str = "hydra_plugins.spikesweep_sweeper.SpikesweepSweeper"
    params: dict[str, Any] = field(default_factory=dict)  #: sweeps, as words of the command line
    zips: dict[str, Any] = field(default_factory=dict)  #: rows of group choices that move together


ConfigStore.instance().store(
    group="hydra/sweeper", name="spikesweep", node=SweeperConfig, provider="spikesweep"
)
