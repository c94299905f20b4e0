"""Commands of Slurm, PBS, Grid Engine, LSF, OAR and HTCondor that start jobs on this machine, for tests.

`install` puts them into a folder; each is this file under its name. What they keep is in the folder QUEUE.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

#: What submits, what cancels, what lists.
COMMANDS = {
    "slurm": ("sbatch", "scancel", "squeue"),
    "pbs": ("qsub", "qdel", "qselect"),
    "sge": ("qsub", "qdel", "qstat"),
    "lsf": ("bsub", "bkill", "bjobs"),
    "oar": ("oarsub", "oardel", "oarstat"),
    "htcondor": ("condor_submit", "condor_rm", "condor_q"),
}
_ANSWERS = {
    "sbatch": "Submitted batch job {}",
    "qsub": "{}.server",
    "bsub": "Job <{}> is submitted to default queue <normal>.",
    "oarsub": "OAR_JOB_ID={}",
    "condor_submit": "1 job(s) submitted to cluster {}.",
}


def install(folder, queue):
    """Put the commands of a queue into a new folder; return it."""
    folder.mkdir(parents=True)
    for name in COMMANDS[queue]:
        command = folder / name
        command.write_text(f"#!{sys.executable}\n{Path(__file__).read_text()}")
        command.chmod(0o755)
    return folder


def main(name, words, kept):
    """Carry out a command."""
    jobs = kept / "jobs"
    jobs.mkdir(exist_ok=True)
    if name in _ANSWERS:
        refusal = kept / "refuse"
        if refusal.exists():
            sys.exit(refusal.read_text())
        number = len(list(kept.glob("script-*"))) + 1
        script = kept / f"script-{number}"
        script.write_text(_script(name, words))
        vanish = kept / "vanish"  # so many jobs end before they begin
        if not vanish.exists() or number > int(vanish.read_text()):
            said = (kept / f"said-{number}").open("wb")
            command = ["/bin/bash", _runnable(script)]
            job = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
            (jobs / str(number)).write_text(str(job.pid))
        print(_ANSWERS[name].format(number))
    elif any(name == commands[1] for commands in COMMANDS.values()):
        for number in words:
            with suppress(OSError, ValueError):
                os.killpg(int((jobs / number.split(".")[0]).read_text()), signal.SIGTERM)
    else:
        for job in jobs.iterdir():
            with suppress(OSError):
                os.killpg(int(job.read_text()), 0)
                print(job.name, "root", "R")


def _script(name, words):
    if name == "bsub":
        return sys.stdin.read()
    return words[-1] if name == "oarsub" else Path(words[-1]).read_text()


def _runnable(script):
    """Return a script of bash: HTCondor's says its arguments."""
    found = re.search(r'^Arguments = "(.*)"$', script.read_text(), re.MULTILINE)
    if found is None:
        return script
    words = shlex.split(found[1].replace("''", "'\"'\"'"))
    plain = script.with_name(f"bash-{script.name}")
    plain.write_text(words[-1])
    return plain


if __name__ == "__main__":
    main(Path(sys.argv[0]).name, sys.argv[1:], Path(os.environ["QUEUE"]))
