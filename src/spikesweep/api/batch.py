"""Batch scripts for the driver of a sweep, so that no login node has to stay open.

The script runs one command, the same whenever the job starts: the store says what is missing, so a job that
was requeued, preempted or submitted again goes on where the last one was.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spikesweep.errors import InputError
from spikesweep.grid.texts import walltime_seconds

#: Seconds before the walltime at which a driver is asked to end, at most.
_MARGIN = 120
#: How often a job asks for another turn: one whose first block takes longer than the walltime would for ever.
_TURNS = 100
#: Control characters, what some take for the end of a line, and bytes that are no text.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_SLURM = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --output={name}-%j.out
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@{margin}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={cpus}
#SBATCH --mem={mem}
#SBATCH --time={time}
{directives}
{lines}export PYTHONUNBUFFERED=1  # what was said is there, however the job ends
cd -- {folder} || exit 1

# before the walltime Slurm sends USR1: the driver ends in good order, and the job takes another turn
ended=
stop() {{ ended=$1; kill -INT "$driver" 2>/dev/null; }}
trap 'stop walltime' USR1
trap 'stop cancelled' TERM INT
(trap - INT TERM USR1; exec {command}) &
driver=$!
wait "$driver"
while kill -0 "$driver" 2>/dev/null; do wait "$driver"; done  # a signal ends a wait, not the driver
wait "$driver"
code=$?
if [ "$ended" = walltime ] && [ "$code" = 130 ]; then
  if [ "${{SLURM_RESTART_COUNT:-0}}" -lt {turns} ]; then
    scontrol requeue "$SLURM_JOB_ID" || echo "not requeued: submit this script again, and it goes on" >&2
  else
    echo "{turns} turns are over: submit this script again, and it goes on" >&2
  fi
fi
exit "$code"
"""

_PBS = """\
#!/bin/bash
#PBS -N {name}
#PBS -j oe
#PBS -r y
#PBS -l select=1:ncpus={cpus}:mem={mem}b
#PBS -l walltime={time}
{directives}
{lines}export PYTHONUNBUFFERED=1  # what was said is there, however the job ends
cd -- {folder} || exit 1

# before the walltime the driver ends in good order
timeout --foreground --signal=INT {seconds} {command}
code=$?
[ "$code" = 124 ] && echo "the walltime is near: submit this script again, and it goes on" >&2
exit "$code"
"""


@dataclass(frozen=True)
class _Scheduler:
    """How a scheduler takes a script: from the standard input of a program."""

    text: str
    submit: tuple[str, ...]
    directive: str
    account: str
    queue: str


SCHEDULERS: Mapping[str, _Scheduler] = {
    "slurm": _Scheduler(_SLURM, ("sbatch", "--parsable"), "#SBATCH ", "--account=", "--partition="),
    "pbs": _Scheduler(_PBS, ("qsub",), "#PBS ", "-A ", "-q "),
}


@dataclass(frozen=True)
class Request:
    """What a job asks for: `time` as HH:MM:SS or D-HH:MM:SS, `mem` as 4G; `env_lines` of shell come first."""

    time: str = "24:00:00"
    mem: str = "4G"
    cpus: int = 2
    name: str = "spikesweep"
    account: str | None = None
    queue: str | None = None
    directives: Sequence[str] = ()
    env_lines: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse what would not be one line, or is no walltime or memory; raise InputError."""
        _allow("--time", self.time, r"(\d+-)?\d+:[0-5]\d:[0-5]\d", "HH:MM:SS or D-HH:MM:SS, as 24:00:00")
        _allow("--mem", self.mem, r"[1-9]\d*[KMGT]", "a number and K, M, G or T, as 4G")
        _allow("--name", self.name, r"[A-Za-z][\w.-]*", "letters, digits, . _ -")
        for key, value in (("--account", self.account), ("--queue", self.queue)):
            if value is not None:
                _allow(key, value, r"[\w.@:,+/-]+", "a name without blanks")
        if self.cpus < 1:
            raise InputError(f"--cpus {self.cpus} is refused; allowed: at least 1")
        if self.seconds < 60:
            raise InputError(f"--time {self.time} is refused; allowed: at least a minute")
        for key, lines in (("--directive", self.directives), ("--env-line", self.env_lines)):
            for line in lines:
                refuse_lines(key, line)

    @property
    def seconds(self) -> int:
        """The walltime."""
        return walltime_seconds(self.time)


def script(scheduler: str, request: Request, command: Sequence[str], folder: Path) -> str:
    """Return the batch script that runs a command in a folder; raise InputError."""
    for word in (*command, str(folder)):
        refuse_lines("a word of the command", word)
    how = SCHEDULERS[scheduler]
    named = ((how.account, request.account), (how.queue, request.queue))
    extra = [flag + value for flag, value in named if value is not None]
    hours, seconds = divmod(request.seconds, 3600)
    margin = min(_MARGIN, request.seconds // 4)
    return how.text.format(
        name=request.name,
        cpus=request.cpus,
        mem=request.mem if scheduler == "slurm" else request.mem.lower(),
        time=request.time if scheduler == "slurm" else f"{hours}:{seconds // 60:02}:{seconds % 60:02}",
        margin=margin,
        seconds=request.seconds - margin,
        turns=_TURNS,
        directives="".join(f"{how.directive}{value}\n" for value in (*extra, *request.directives)),
        lines="".join(f"{line}\n" for line in request.env_lines),
        folder=shlex.quote(str(folder)),
        command=shlex.join(command),
    )


def _allow(key: str, value: str, pattern: str, allowed: str) -> None:
    if not re.fullmatch(pattern, value, re.ASCII):
        raise InputError(f"{key} {value!r} is refused; allowed: {allowed}")


def refuse_lines(what: str, text: str) -> None:
    """Refuse what is not one line of text; raise InputError."""
    if _CONTROL.search(text):
        raise InputError(f"{what} {text!r} is refused; allowed: one line, without control characters")
