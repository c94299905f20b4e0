"""A process that has imported everything and runs each request in a child of its own: quick, and alone.

`Warm` starts it; a request is `(kind, payload)`: `run` and `command` are words of a command line, `load`
those of `ss.load`, `python` is a program. A child may use so much processor time and memory and no more, and
nothing is simulated: what would be run counts as accepted. Run as a program it answers requests, a line each.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ACCEPTED = 77
#: Limits of a child: processor seconds, and bytes beyond what it began with.
SECONDS, MEMORY = 20, 1_500_000_000


class Warm:
    """The process, as its tests see it."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, kind, payload, cwd):
        """Return what a request led to: code, out, err, seconds of processor, bytes of memory."""
        print(json.dumps([kind, payload, str(cwd)]), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.communicate(timeout=60)


def _serve():
    _import_all()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        kind, payload, cwd = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                _child(kind, payload, cwd, out.fileno(), err.fileno())
            _, status, usage = os.wait4(child, 0)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read(100_000).decode(errors="replace"))
        code = os.waitstatus_to_exitcode(status)
        spent = usage.ru_utime + usage.ru_stime
        answer = {
            "code": code,
            "out": texts[0],
            "err": texts[1],
            "seconds": spent,
            "memory": usage.ru_maxrss * 1024,
        }
        print(json.dumps(answer), file=answers, flush=True)


def _import_all():
    import spikesweep as ss
    from spikesweep.api import commands, fit, main, runs, store_commands
    from spikesweep.sweep import plan, run
    from spikesweep.sweep.job import make_job

    del commands, fit, runs, store_commands
    import scipy.stats.qmc  # a second that no child should pay

    del scipy

    def accepted(*_, **__):
        raise SystemExit(ACCEPTED)

    run.run = plan._pilot = accepted
    main.run_job.__globals__["_draw"] = accepted
    make_job(ss.load("neuron=adexp"))


def _child(kind, payload, cwd, out, err):
    code = 1
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(cwd)
        with open("/proc/self/statm") as file:
            begun = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (begun + MEMORY,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(120)  # something that waits uses no processor
        code = _carry_out(kind, payload)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _carry_out(kind, payload):
    import spikesweep as ss
    from spikesweep.errors import InputError
    from spikesweep.sweep.job import make_job

    if kind in ("run", "command"):
        from spikesweep.api.commands import main

        main([*(["run"] if kind == "run" else []), *payload])
        return 0
    try:
        if kind == "load":
            make_job(ss.load(*payload))
        else:
            exec(payload, {"ss": ss, "make_job": make_job, "Path": Path})
    except InputError as error:
        print(f"refused: {error}", file=sys.stderr)
        return 2
    return ACCEPTED


if __name__ == "__main__":
    _serve()
