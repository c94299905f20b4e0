"""Dask schedulers and workers as other programs, of which tests end some."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np
import waiting

from spikesweep.grid.grid import Block
from spikesweep.grid.ragged import Ragged
from spikesweep.store import Store
from spikesweep.store.check import check

#: Where a worker of a test puts down what it does not keep in memory, and listens.
_HERE = ("--dashboard-address", "127.0.0.1:0", "--no-dashboard")
#: Seconds for what takes a few, on a machine that is busy with other tests.
PATIENCE = 300.0


wait_until = partial(waiting.wait_until, patience=PATIENCE)


def certificates(folder):
    """Write the certificates of one authority; return the words of programs, and those of a driver."""
    from distributed import Security

    folder.mkdir()
    made = Security.temporary()
    files = {"ca": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
    for name, text in files.items():
        (folder / f"{name}.pem").write_text(text)
        (folder / f"{name}.pem").chmod(0o600)
    words = [
        x
        for n, w in (("ca", "ca-file"), ("cert", "cert"), ("key", "key"))
        for x in (f"--tls-{w}", str(folder / f"{n}.pem"))
    ]
    return words, [f"compute.tls={{{','.join(f'{n}:{folder / n}.pem' for n in files)}}}"]


def same_bits(a, b):
    """Assert that two stores hold the same bits, spikes too, and are whole."""
    found, expected = (
        {**store.read_block(everything(store))[0], "status": store.status()} for store in map(Store, (a, b))
    )
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        parts = (lambda x: (x.sizes, x.values)) if isinstance(value, Ragged) else (lambda x: (x,))
        for here, there in zip(parts(found[name]), parts(value), strict=True):
            np.testing.assert_array_equal(here, there, err_msg=name)
    assert expected["status"].all()
    assert not check(Store(a))


def everything(store):
    """Return the block of all points."""
    shape = store.status().shape
    return Block((0,) * len(shape), shape)


class Scheduler:
    """A scheduler and its workers, each a process of its own in a folder of its own."""

    def __init__(self, folder, words=()):
        self.folder, self.words = folder, list(words)
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"scheduler-{time.monotonic_ns()}.json"
        protocol = ["--protocol", "tls"] if words else []
        self.process = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", *protocol, "--scheduler-file", str(self._file),
            "--dashboard-address", "127.0.0.1:0", *self.words,
        )  # fmt: skip
        wait_until(self._file.exists, f"the scheduler: {self.said()}")
        wait_until(lambda: self._file.read_text().endswith("}"), "its file")
        self.address = json.loads(self._file.read_text())["address"]
        self.workers = []

    def _start(self, program, *words, path=None, nth=0):
        cwd = self.folder / f"{program}-{nth}"
        cwd.mkdir(exist_ok=True)
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | (
            {"PYTHONPATH": path} if path else {}
        )
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *words]
        with (self.folder / "said.txt").open("ab") as said:
            return subprocess.Popen(
                command, cwd=cwd, stdout=said, stderr=said, env=env, start_new_session=True
            )

    def said(self):
        """Return what the programs have written."""
        return (self.folder / "said.txt").read_text()[-3000:]

    def add_worker(self, *, nanny=False, path=None):
        """Start a worker of one thread; `path` comes before where it would find its packages."""
        words = [self.address, "--nthreads", "1", "--nanny" if nanny else "--no-nanny", "--host", "127.0.0.1"]
        words += [*_HERE, "--death-timeout", "60", *self.words]
        worker = self._start("worker", *words, path=path, nth=len(self.workers) + 1)
        self.workers.append(worker)
        return worker

    def stop(self):
        """End everything."""
        for process in (*self.workers, self.process):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait(timeout=PATIENCE)


@contextmanager
def scheduler(folder, *, workers=2, words=(), **more):
    """Yield a scheduler with some workers, which end with the context."""
    made = Scheduler(Path(folder), words)
    try:
        for _ in range(workers):
            made.add_worker(**more)
        yield made
    finally:
        made.stop()
