"""The command `job`: prints, or submits, a batch script for the driver of a sweep (`batch`).

The sweep's words are checked first: a slip is found now, not after the job has waited in the queue.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spikesweep.api.batch import SCHEDULERS, Request, refuse_lines, script
from spikesweep.api.exits import exit_codes
from spikesweep.config import application
from spikesweep.errors import InputError

#: The options of Hydra that a sweep may have; others print something and run nothing.
_HYDRAS = ("-m", "--multirun", "-cd", "--config-dir", "-cn", "--config-name")
#: What makes a script one that runs the words of a sweep, as our run.py.
_OURS = re.compile(r"^\s*from spikesweep\.api\.commands import main\b", re.MULTILINE)


def command(parsed: argparse.Namespace) -> int:
    """Print the script of a driver, or submit it."""
    request = Request(
        time=parsed.time,
        mem=parsed.mem,
        cpus=parsed.cpus,
        name=parsed.name,
        account=parsed.account,
        queue=parsed.queue,
        directives=parsed.directive,
        env_lines=parsed.env_line,
    )
    text = script(parsed.scheduler, request, driver_command(parsed.words), Path.cwd())
    if not parsed.submit:
        print(text, end="")
        return 0
    print(f"submitted as job {submit(parsed.scheduler, text)}")
    return 0


def driver_command(words: Sequence[str]) -> list[str]:
    """Return the command of a driver in this interpreter, after its sweep was checked; raise InputError.

    `words` are `run` or a script (run.py), and what follows it. Nobody is there to confirm a long run: a
    sweep gets `confirm=true` unless it says `confirm` or `ask_above` itself.
    """
    if not words:
        raise InputError("no command; allowed after --: run.py or run, and the words of a sweep")
    for word in words:
        refuse_lines("a word of the command", word)
    first, rest = words[0], list(words[1:])
    if first == "run":
        start = ["-m", "spikesweep", "run"]
    elif first.endswith(".py") and Path(first).is_file():
        start = [first]
        if not _OURS.search(Path(first).read_text()):
            print(f"{first} is not looked into: it must go on by itself when it runs again", file=sys.stderr)
            return [sys.executable, *start, *rest]
    else:
        raise InputError(f"{first!r} is refused; allowed after --: a script that is here (run.py), or run")
    _check_sweep(rest)
    if not any(word.startswith(("confirm=", "ask_above=")) for word in rest):
        rest.append("confirm=true")
    return [sys.executable, *start, *rest]


def _check_sweep(words: Sequence[str]) -> None:
    """Refuse now what the driver would refuse after it has waited in the queue; simulate nothing."""
    for word in words:
        if word.startswith("-") and word.split("=")[0] not in _HYDRAS:
            raise InputError(f"{word} is refused in a job; allowed: {', '.join(_HYDRAS)}")
    application.run(_refuse, words)


def _refuse(cfg: Any, choices: Mapping[str, Any]) -> None:
    from spikesweep.config import compose  # late: the script of anything else needs none of it
    from spikesweep.sweep.job import make_job
    from spikesweep.sweep.run import stored_status

    with exit_codes():
        job, compute, options = make_job(compose.with_choices(cfg, choices))
        if options.overwrite:
            raise InputError("overwrite=true is refused: the job would begin anew each time it is requeued")
        stored_status(job, compute, overwrite=False)


def submit(scheduler: str, text: str) -> str:
    """Submit a script, and return what the scheduler says of it: the job's number; raise InputError."""
    program, *options = SCHEDULERS[scheduler].submit
    if shutil.which(program) is None:
        raise InputError(
            f"--submit: {program} is not here; allowed: a host that submits jobs, or no --submit"
        )
    done = subprocess.run([program, *options], input=text, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"{program} refused the job: {done.stderr.strip() or done.returncode}")
    return done.stdout.strip()
