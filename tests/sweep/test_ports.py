"""Whoever else is on this machine, or in its browser, gets nothing from the ports of a run."""

import http.client
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import listening
import psutil
import pytest
from test_executors import HERE, executor

LOOPBACK = "0100007F"
#: What a stranger would do: run code, as the user, in whatever answers as a part of Dask. It becomes another
#: user once its modules are there: those of this environment may be for their owner alone.
STRANGER = """
import asyncio, encodings.idna, os, sys
from distributed import Client, Security
from distributed.core import rpc
from distributed.protocol.pickle import dumps

os.setgroups([])
os.setgid(65534)
os.setuid(65534)

def touch():
    open(sys.argv[1], "w").close()

async def ask(address):
    arguments = Security.temporary().get_connection_args("client") if address.startswith("tls") else None
    async with rpc(address, connection_args=arguments, timeout=10) as server:
        return await server.run(function=dumps(touch), args=dumps(()), wait=True)

async def asked(address):
    try:
        return address, "ANSWERED", await asyncio.wait_for(ask(address), 15)
    except Exception as error:
        return address, type(error).__name__

async def everywhere():
    places = [f"{protocol}://127.0.0.1:{port}" for port in sys.argv[2:] for protocol in ("tcp", "tls")]
    for said in await asyncio.gather(*map(asked, places)):
        print(*said)

asyncio.run(everywhere())
"""


def family():
    own = psutil.Process()
    return [own.pid, *(child.pid for child in own.children(recursive=True))]


@contextmanager
def started(option, tmp_path):
    """Start an executor, and yield it and the sockets at which it listens, not those of other tests."""
    before = listening.sockets(family())
    with executor(option, **({"workers": 2} if option != "serial" else {})).started(tmp_path) as running:
        assert sorted(running.map(abs, range(-8, 0))) == list(range(1, 9))
        yield running, listening.sockets(family()) - before


@pytest.mark.parametrize("option", HERE)
def test_a_run_listens_to_this_machine_alone(option, tmp_path):
    with started(option, tmp_path) as (_, sockets):
        assert {address for address, _ in sockets} <= {LOOPBACK}
        # pages of the scheduler and of a worker; of processes the scheduler, of each worker three
        assert len(sockets) == {"serial": 0, "threads": 2, "processes": 2 + 2 * 3}[option]


def answer(port, host, path="/status", method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Host": host, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        return connection.getresponse().status
    finally:
        connection.close()


PAGES = ("/status", "/health", "/info/main/workers.html", "/json/identity.json", "/metrics", "/sitemap.json")


@pytest.mark.parametrize("option", ["threads", "processes"])
@pytest.mark.slow
def test_a_page_of_the_browser_reads_nothing_under_a_name_of_its_own(option, tmp_path, capfd):
    with started(option, tmp_path) as (running, sockets):
        port = int(running.dashboard.rsplit(":", 1)[1].split("/")[0])
        for host in ("127.0.0.1", "localhost"):
            assert answer(port, f"{host}:{port}") == 200
        assert answer(port, f"127.0.0.1:{port}", "/proxy/80/example.org/") == 404
        others = sorted(p for _, p in sockets if p != port)
        for host in (f"evil.example:{port}", "evil.example", f"localhost.evil.example:{port}", "0.0.0.0", ""):
            assert {answer(port, host, page) for page in PAGES} == {403}
            upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
            upgrade |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Origin": f"http://{host}"}
            assert answer(port, host, "/status/ws", **upgrade) == 403
        if option == "threads":  # the worker's own
            (other,) = others
            assert answer(other, "evil.example", "/health") == 403
            assert answer(other, f"localhost:{other}", "/health") == 404


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_another_user_of_this_machine_runs_no_code(tmp_path):
    left = tmp_path / "left"
    tmp_path.chmod(0o777)
    for folder in (tmp_path.parent, tmp_path.parent.parent):  # let the stranger find what it would write
        folder.chmod(folder.stat().st_mode | 0o011)
    with started("processes", tmp_path) as (_, sockets):
        ports = sorted(str(port) for _, port in sockets)
        done = subprocess.run(
            [sys.executable, "-c", STRANGER, str(left), *ports],
            capture_output=True,
            text=True,
            timeout=600,
            cwd="/",
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2 * len(ports)
    assert "ANSWERED" not in done.stdout
    assert not left.exists()


def test_workers_import_from_no_folder_that_others_may_have_made(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    planted = tmp_path / f"spikesweep-{os.getuid()}"
    (tmp_path / "elsewhere").mkdir()
    for make in (planted.mkdir, lambda: planted.symlink_to(tmp_path / "elsewhere")):
        make()
        if not planted.is_symlink():
            planted.chmod(0o777)
        with executor("threads").started(tmp_path) as running:
            (folders,) = running.map(paths, [tmp_path])
        assert folders
        for folder, mode in folders:
            assert planted not in Path(folder).parents
            assert mode & 0o077 == 0
        planted.unlink() if planted.is_symlink() else shutil.rmtree(planted)


def paths(below):
    """Return the folders below one from which this process imports, and who may write above them."""
    found = [Path(folder) for folder in sys.path if str(below) in folder]
    top = [folder.parents[folder.parts[::-1].index(below.name) - 2] for folder in found]
    return [(str(f), t.stat().st_mode) for f, t in zip(found, top, strict=True)]
