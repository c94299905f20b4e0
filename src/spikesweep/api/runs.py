"""The command `run`."""

from typing import Any

from spikesweep.config import application


def run(parsed: Any) -> int:
    """Run the sweeps of Hydra's words."""
    application.run(_task, parsed.words)
    return 0


def plan(parsed: Any) -> int:
    """Say what the run of Hydra's words would do."""
    application.run(_task, [*parsed.words, "plan=true"])
    return 0


def _task(cfg: Any, choices: Any) -> Any:
    from spikesweep.api.main import main  # late: the help of Hydra needs none of it

    return main(cfg, choices)
