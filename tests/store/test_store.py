"""Crashes, damage, growth, failures: what the store promises."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import xarray as xr
from conftest import LONG, n_done

import spikesweep as ss
from spikesweep.api.progress import Terminal
from spikesweep.errors import InputError
from spikesweep.store import Store, durable
from spikesweep.store.check import check, repair
from spikesweep.sweep import identity
from spikesweep.sweep import run as sweep
from spikesweep.sweep.compute import Serial
from spikesweep.sweep.identity import code_of
from spikesweep.sweep.job import make_job

AXES = {"fe": [0.0, 4.0, 8.0, 12.0], "fi": [0.0, 2.0, 6.0], "seed": [0, 1, 2], "pop_size": [1, 2, 5]}


def words(folder, name="s", **axes):
    grid = {"fe": [8], "fi": [2], "seed": [0, 1], "pop_size": [1], **axes}
    return [
        *(f"grid.{axis}={list(values)}".replace(" ", "") for axis, values in grid.items()),
        "protocol.duration=100.0",
        "compute=serial",
        f"outputs={folder}",
        f"name={name}",
    ]


def run(folder, *more, name="s", retry=False, **axes):
    job, compute, _ = make_job(ss.load(*words(folder, name, **axes), *more))
    return job, sweep.run(job, compute, Terminal(), retry=retry)


def same(a, b):
    xr.testing.assert_equal(a.load(), b.load())
    if "spike_size" in a:
        assert a.sweep.to_pandas().equals(b.sweep.to_pandas())


@pytest.mark.parametrize(
    ("axis", "values", "new_points"),
    [
        ("fe", [4, 8], 2),
        ("fe", [8, 12], 2),
        ("fe", [0, 8, 12], 4),
        ("fi", [0, 2, 6], 4),
        ("seed", [0, 1, 2, 3], 2),
        ("pop_size", [1, 3], 2),
    ],
)
def test_growth_computes_only_what_is_new(tmp_path, axis, values, new_points):
    _, first = run(tmp_path)
    assert first.computed == 2
    old = first.dataset.load()
    _, second = run(tmp_path, **{axis: values})
    assert second.computed == new_points
    same(second.dataset.sel(fe=old.fe, fi=old.fi, seed=old.seed, pop_size=old.pop_size), old)
    same(second.dataset, run(tmp_path, name="scratch", **{axis: values})[1].dataset)
    assert not check(Store.at(tmp_path / "s" / "adexp-fs_rs.zarr"))


def test_old_points_are_not_simulated_again(tmp_path, monkeypatch):
    job, _ = run(tmp_path, fe=[4, 8])
    cls = type(job.protocol)
    original, seen = cls.__call__, []

    def counting(self, network, points, whole):
        seen.extend(points["fe"].tolist())
        return original(self, network, points, whole)

    monkeypatch.setattr(cls, "__call__", counting)
    run(tmp_path, fe=[4, 6, 8])
    assert seen == [6.0, 6.0]


def test_a_smaller_request_is_a_view_and_loses_nothing(tmp_path):
    _, large = run(tmp_path, fe=[4, 8, 12], fi=[0, 2])
    _, small = run(tmp_path, fe=[8], fi=[0, 2])
    assert small.computed == 0
    assert small.dataset.fe.values.tolist() == [8.0]
    same(small.dataset, large.dataset.sel(fe=[8.0]))
    assert Store.at(tmp_path / "s" / "adexp-fs_rs.zarr").status().shape == (3, 2, 2, 1)


def test_points_that_nobody_asked_for_are_told_apart(tmp_path):
    run(tmp_path, fe=[4, 8], fi=[0])
    _, other = run(tmp_path, fe=[12], fi=[2])
    assert other.computed == 2
    assert other.missing == 0
    status = Store.at(tmp_path / "s" / "adexp-fs_rs.zarr").open().status
    assert (status.sel(fe=12, fi=2) == 1).all()
    assert (status.sel(fe=12, fi=0) == 5).all()
    assert (status.sel(fe=8, fi=2) == 5).all()
    _, rest = run(tmp_path, fe=[4, 8, 12], fi=[0, 2])
    assert rest.computed == 6


def store_files(path):
    return sorted(p for p in path.rglob("*") if p.is_file())


def damaged(path, how):
    data = path.read_bytes()
    if how == "deleted":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif how == "emptied":
        path.write_bytes(b"")
    else:
        place = len(data) * 2 // 3
        path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])


@pytest.fixture(scope="module")
def small_store(tmp_path_factory):
    """Return the path of a store with spikes, growth and a failed point, what runs it, and what it holds."""
    folder = tmp_path_factory.mktemp("damage")
    spikes = ("protocol.record_spikes=true", "compute.block_points=2")
    axes = {"fe": [8, 20], "seed": [0], "pop_size": [1, 2]}
    job, _ = run(folder, *spikes, **{**axes, "fe": [8]})
    cls = type(job.protocol)
    original = cls.__call__

    def poisoned(self, network, points, whole):
        if (points["fe"] == 20.0).any():
            raise RuntimeError("poison")
        return original(self, network, points, whole)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cls, "__call__", poisoned)
        run(folder, *spikes, **{**axes, "fe": [8, 20, 30]})
    whole = run(folder, *spikes, name="whole", **{**axes, "fe": [8, 20, 30]})[1].dataset.load()
    path = folder / "s" / "adexp-fs_rs.zarr"
    assert not check(Store(path))
    assert (whole.spike_size > 0).any()
    return path, lambda: run(folder, *spikes, retry=True, **{**axes, "fe": [8, 20, 30]})[1].dataset, whole


_SLOW = [pytest.param(how, marks=pytest.mark.slow) for how in ("deleted", "truncated", "emptied")]


@pytest.mark.parametrize("how", ["flipped", *_SLOW])
@pytest.mark.usefixtures("nobody_writes")
def test_damage_to_any_file_is_found(small_store, how):
    path, _, _ = small_store
    files = store_files(path)
    assert len(files) > 40
    assert any("failures" in str(f) for f in files)
    assert any("ragged" in str(f) and "template" not in str(f) for f in files)
    for file in files:
        data = file.read_bytes()
        damaged(file, how)
        assert check(Store(path)), file
        file.write_bytes(data)
    assert not check(Store(path))


@pytest.mark.usefixtures("nobody_writes")
@pytest.mark.slow
def test_damage_is_repaired(small_store, tmp_path):
    """One file of each kind; the points of its block are computed again, and no others."""
    path, again, whole = small_store
    kept = tmp_path / "kept"
    shutil.copytree(path, kept)
    kinds = {}
    for file in store_files(path):
        name = file.relative_to(path)
        kinds.setdefault((*name.parts[:1], *name.parts[-3 if "ragged" in name.parts else 1 :][:1]), file)
    repaired = 0
    for file in kinds.values():
        shutil.rmtree(path)
        shutil.copytree(kept, path)
        damaged(file, "flipped")
        problems = check(store := Store(path))
        if all(problem.block for problem in problems):
            assert repair(store, problems) <= 2
            assert not check(store)
            same(again(), whole)
            repaired += 1
    assert repaired >= 6
    shutil.rmtree(path)
    shutil.copytree(kept, path)


def test_two_chunks_that_were_exchanged_are_found(tmp_path):
    run(tmp_path, "compute.block_points=2", fe=[8, 12])
    path = tmp_path / "s" / "adexp-fs_rs.zarr"
    chunks = sorted((path / "rate").glob("c.*"))
    assert len(chunks) == 2
    a, b = (c.read_bytes() for c in chunks)
    assert a != b
    chunks[0].write_bytes(b)
    chunks[1].write_bytes(a)
    assert len(check(Store(path))) == 2


def test_every_file_and_every_folder_is_synchronised(tmp_path, monkeypatch):
    synchronised = []
    monkeypatch.setattr(os, "fsync", lambda fd: synchronised.append(os.readlink(f"/proc/self/fd/{fd}")))
    run(tmp_path, "protocol.record_spikes=true", "compute.block_points=1")
    path = tmp_path / "s" / "adexp-fs_rs.zarr"
    prepared = str(path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp"))
    names = {re.sub(r"\.[0-9a-f]{32}\.partial$", "", n).replace(prepared, str(path)) for n in synchronised}
    assert len(store_files(path)) > 30
    for file in store_files(path):
        assert {str(file), *map(str, file.parents[: len(file.relative_to(path).parts)])} <= names, file
    assert str(path.parent) in names


@pytest.mark.parametrize("fallback", [False, True])
def test_folders_are_exchanged(tmp_path, fallback, monkeypatch):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    if fallback:
        monkeypatch.setattr(durable, "_RENAME_EXCHANGE", 1 << 30)
    durable.put_in_place(tmp_path / "a", tmp_path / "b", replace=True)
    assert [p.name for p in tmp_path.iterdir()] == ["b"]
    assert (tmp_path / "b" / "file").read_text() == "a"
    (tmp_path / "b").rename(tmp_path / ".b.old")
    durable.recover(tmp_path / "b")
    assert (tmp_path / "b" / "file").read_text() == "a"


def test_a_writer_stops_where_its_store_was_replaced(tmp_path):
    """Where a file system has no locks, another driver may have grown the store meanwhile."""
    job, _ = run(tmp_path)
    store = Store.at(job.path).held()
    block = next(iter(job.grid.blocks(store.chunks)))
    results, status = store.read_block(block)
    store.write_block(block, results, status)
    run(tmp_path, seed=[0, 1, 2])
    with pytest.raises(OSError, match="another process has replaced the store"):
        store.write_block(block, results, status)


def test_a_folder_is_replaced_only_on_purpose(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    with pytest.raises(InputError, match="has just been made by another process"):
        durable.put_in_place(tmp_path / "a", tmp_path / "b", replace=False)
    assert (tmp_path / "b" / "file").read_text() == "b"


START = """
import json, os, sys, time
import numpy as np
import spikesweep as ss
from spikesweep.errors import InputError

rounds, folder, words = json.loads(sys.argv[1])
ss.run(ss.load(*words, f"outputs={folder}/before"))  # all is imported
for k in range(rounds):
    start, ends = time.time() + 0.2, []
    for b in (10.0, 20.0, 20.0):
        read, said = os.pipe()
        if not os.fork():
            cfg = ss.load(*words, f"outputs={folder}/{k}", f"neuron.RS.b={b}")
            while time.time() < start:
                pass
            try:
                ds = ss.run(cfg)
                done = ds.status.values.tolist(), bool(np.isfinite(ds.rate).all())
                os.write(said, json.dumps([ds.sweep.configuration["neuron"]["RS"]["b"] == b, done]).encode())
            except InputError as error:
                os.write(said, json.dumps([None, str(error)]).encode())
            os._exit(0)
        os.close(said)
        ends.append(read)
    print(json.dumps([json.loads(os.read(read, 9999)) for read in ends]), flush=True)
"""


@pytest.mark.slow
def test_of_drivers_that_start_together_one_goes_on(tmp_path):
    """Three forks at one moment, two of them with the same parameters; none gets another's results."""
    words = ("neuron=adexp", "network=fs_rs", "grid.fe=[4,8]", "grid.fi=[2]", "grid.seed=[0]")
    words += ("grid.pop_size=[1]", "protocol.duration=20.0", "protocol.discard=0.0", "compute=serial")
    done = subprocess.run(
        [sys.executable, "-c", START, json.dumps([8, str(tmp_path), words])],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) == 8
    for k, ends in enumerate(rounds):
        winners = [what for own, what in ends if own is not None]
        assert winners
        assert all(own for own, _ in ends if own is not None)
        assert all(finite and not np.ravel(np.array(status) != 1).any() for status, finite in winners)
        for own, what in ends:
            assert own or "in use by" in what or "holds another sweep" in what
        paths = list((tmp_path / str(k)).rglob("*.zarr"))
        assert len(paths) in (1, 2)  # two sweeps were asked for
        for path in paths:
            assert not check(Store(path))
            assert not list(path.parent.glob(".*"))  # neither a lock nor anything temporary
    assert any("in use by" in str(what) for ends in rounds for _, what in ends)


CRASH = """
import functools, json, os, sys
import spikesweep as ss
import spikesweep.api.sweeps
from spikesweep.store import durable

write = durable.write
loaded = functools.cache(ss.load)

def run(at, moment, cfg):
    count = 0

    def crashing(path, data):
        nonlocal count
        count += 1
        if count == at:
            if moment == "before":
                os._exit(9)
            partial = path.with_name(path.name + ".x" + durable.PARTIAL)
            if moment == "half":
                path.parent.mkdir(parents=True, exist_ok=True)
                partial.write_bytes(data[: len(data) // 2])
                os._exit(9)
            write(path, data)
            os._exit(9)
        write(path, data)

    durable.write = crashing
    os.fsync = lambda descriptor: None  # no power is lost here
    ss.run(cfg)
    return count

for line in sys.stdin:  # each run is a process of its own, all of which have imported and composed at once
    at, moment, words = json.loads(line)
    cfg = loaded(*words)
    read, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(said, str(run(at, moment, cfg)).encode())
        os._exit(0)
    os.close(said)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    count = os.read(read, 16).decode()
    os.close(read)
    print(json.dumps([code, count]), flush=True)
"""


MOMENTS = ("before", "half", "after")


@pytest.fixture
def crash_run(tmp_path):
    """Return a function that runs a sweep until the write of a number, and says how many writes there were.

    It says None where the run died. Pure Python kernels: nothing is compiled in any of the processes.
    """
    with (tmp_path / "stderr").open("w+") as errors:
        server = subprocess.Popen(
            [sys.executable, "-c", CRASH],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "NUMBA_DISABLE_JIT": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

        def call(at, moment, *words):
            server.stdin.write(json.dumps([at, moment, words]) + "\n")
            server.stdin.flush()
            code, count = json.loads(server.stdout.readline())
            assert code in (0, 9), (tmp_path / "stderr").read_text()
            return int(count) if code == 0 else None

        yield call
        server.communicate(timeout=900)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("moments", [("before",), ("half",), ("after",)] if LONG else [MOMENTS])
def test_a_crash_at_every_write_of_create_block_and_growth_breaks_nothing(tmp_path, crash_run, moments):
    """Each write in turn is the last: what is on the disk then is whole, and the next run completes it."""
    axes = {"fe": [20], "fi": [0], "seed": [0, 1], "pop_size": [1]}
    short = ("protocol.duration=20.0", "network.populations=[RS]", "compute.block_points=1")
    short = (*short, "protocol.record_spikes=true")
    first = [*words(tmp_path, **axes), *short]
    larger = [*words(tmp_path, **{**axes, "fe": [20, 30]}), *short]
    reference = ss.run(ss.load(*larger, "name=reference")).load()
    path = tmp_path / "s" / "adexp-fs_rs.zarr"
    n_first = crash_run(0, "never", *first)
    started = tmp_path / "started"
    shutil.copytree(path, started)
    n_growth = crash_run(0, "never", *larger)
    assert n_first > 10
    assert n_growth > 10
    again = ss.load(*larger)
    same(ss.run(again), reference)
    crashes = 0
    for stage, n in (("create", n_first), ("growth", n_growth)):
        for at in range(1, n + 1):
            shutil.rmtree(tmp_path / "s", ignore_errors=True)
            if stage == "growth":
                shutil.copytree(started, path)
            moment = moments[at % len(moments)]
            crashes += crash_run(at, moment, *(first if stage == "create" else larger)) is None
            if path.exists():
                status = xr.open_zarr(path).load().status
                assert stage == "create" or (status.sel(fe=20) == 1).all()
                assert not check(Store(path))
            same(ss.run(again), reference)
            assert not check(Store(path))
            assert sorted(p.name for p in path.parent.iterdir()) == [
                path.stem + ".seconds",
                path.name,
                "run.log",
            ]
    assert crashes == n_first + n_growth


POISON = """
import os, sys, time
from spikesweep.api import sweeps as api
from spikesweep.sweep import run as sweep
from spikesweep.protocols import TransferFunction
original = TransferFunction.__call__

kinds = KINDS

def poisoned(self, network, points, whole):
    for fe, fi, seed in zip(points["fe"], points["fi"], points["seed"]):
        kind = kinds.get((fe, seed)) if fi == 2.0 else None
        if kind == "segfault":
            os.kill(os.getpid(), 11)
        if kind == "memory":
            bytearray(1 << 50)
        while kind == "loop":
            time.sleep(0.1)
        if kind == "raise":
            raise ValueError("poison")
    return original(self, network, points, whole)

TransferFunction.__call__ = poisoned
"""


REASONS = {
    "segfault": "SIGSEGV",
    "memory": "MemoryError",
    "loop": "no result within 20 s",
    "raise": "ValueError: poison",
}


@pytest.mark.parametrize(
    ("n_seeds", "kinds"),
    [
        (3, {(4.0, 1): "segfault", (8.0, 2): "memory", (12.0, 0): "loop", (12.0, 2): "raise"}),
        (125, {(4.0 * i, 6 * j): kind for i, kind in enumerate(REASONS) for j in range(5)}),
    ][: 2 if LONG else 1],
)
@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_poison_points_fail_alone_and_with_the_reason(tmp_path, monkeypatch, n_seeds, kinds):
    """A crash, an endless loop, too much memory and an exception: four of 24 points, or 2 % of 1000."""
    (tmp_path / "sitecustomize.py").write_text(POISON.replace("KINDS", repr(kinds)))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    axes = {"fe": AXES["fe"], "fi": [0, 2], "seed": list(range(n_seeds))}
    limits = ("compute=processes", "compute.workers=2", "compute.block_points=6", "compute.time_limit=20")
    job, compute, _ = make_job(ss.load(*words(tmp_path, **axes), *limits))
    outcome = sweep.run(job, compute, Terminal())
    ds = outcome.dataset.load()
    poison = xr.zeros_like(ds.status.isel(pop_size=0, drop=True), bool)
    for fe, seed in kinds:
        poison.loc[{"fe": fe, "fi": 2.0, "seed": seed}] = True
    assert ds.status.isel(pop_size=0).size == 8 * n_seeds
    assert outcome.missing == 0
    assert outcome.failed == len(kinds)
    assert (ds.status.isel(pop_size=0) == xr.where(poison, 3, 1)).all()
    clean = run(tmp_path, name="clean", **axes)[1].dataset
    same(ds.rate.where(~poison), clean.rate.where(~poison))
    reasons = {(f["point"]["fe"], f["point"]["seed"]): f["reason"] for f in Store(job.path).failures()}
    assert reasons.keys() == kinds.keys()
    assert all(REASONS[kind] in reasons[point] for point, kind in kinds.items())


UNHURRIED = """
import time
from spikesweep.protocols import TransferFunction
original = TransferFunction.__call__

def unhurried(self, network, points, whole):
    time.sleep(0.2)
    return original(self, network, points, whole)

TransferFunction.__call__ = unhurried
"""


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_random_kills_of_workers_and_drivers_lose_nothing(tmp_path, monkeypatch):
    """kill -9 of random workers and drivers (scheduler and nannies with them) during one sweep.

    60 times, or 25 without SPIKESWEEP_LONG. Blocks take their time, so that there are enough of them.
    """
    n_kills = 60 if LONG else 25
    (tmp_path / "sitecustomize.py").write_text(UNHURRIED)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    rng = np.random.default_rng(0)
    sizes = {"fe": [2, 6, 10, 14], "fi": [0, 4], "seed": list(range(4 * n_kills))}
    more = ["protocol.duration=1000.0", "compute=processes", "compute.workers=2", "compute.block_points=4"]
    more += ["protocol.record_spikes=true", "retry=failed"]  # a quarantined point may be killed too
    command = [sys.executable, "-c", "import sys, spikesweep as ss; ss.run(ss.load(*sys.argv[1:]))"]
    command += [*words(tmp_path, **sizes), *more]
    kills = {"worker": 0, "driver": 0}
    path = tmp_path / "s" / "adexp-fs_rs.zarr"
    began = time.monotonic()
    driver = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while sum(kills.values()) < n_kills:
            done, patience = n_done(path), time.monotonic() + rng.uniform(0.5, 5.0)
            while time.monotonic() < patience and n_done(path) == done:
                time.sleep(0.05)  # a process that has just started gets some work done
            time.sleep(rng.uniform(0.0, 0.3))
            if driver.poll() == 0:
                break
            if driver.poll() is not None:
                driver = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            elif sum(kills.values()) % 5 == 4:
                kills["driver"] += _killed(driver.pid)
                driver.wait()
            elif pids := [child.pid for child in psutil.Process(driver.pid).children()]:
                kills["worker"] += _killed(int(rng.choice(pids)))
        print(kills, f"in {time.monotonic() - began:.0f} s, {n_done(path)} blocks done")
        driver.wait()
    finally:
        driver.kill()
        driver.wait()
    assert sum(kills.values()) == n_kills
    for _ in range(3):
        if subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0:
            break
    monkeypatch.delenv("PYTHONPATH")
    reference = ss.run(ss.load(*command[3:], "compute=threads", "name=reference"))
    same(ss.open(path), reference)
    assert not check(Store(path))


def _killed(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def test_a_full_disk_stops_the_sweep_and_breaks_nothing(tmp_path, monkeypatch):
    """Every third write of the blocks finds no space; what is recorded is whole, the rest follows later."""
    cfg = ss.load(*words(tmp_path, fe=[4, 8, 12]), "compute.block_points=1")
    job, compute, _ = make_job(cfg)
    original, count = durable.write, [0]

    def full(path, data):
        if "rate" in path.parts or "status" in path.parts:
            count[0] += 1
            if count[0] % 3 == 0 and "zarr.json" not in path.name:
                raise OSError(28, "No space left on device", str(path))
        original(path, data)

    stopped = []
    monkeypatch.setattr(durable, "write", full)
    outcome = None
    while outcome is None and len(stopped) < 40:
        try:
            outcome = sweep.run(job, compute, Terminal())
        except (OSError, InputError) as error:
            stopped.append(str(error))
    assert len(stopped) > 2
    assert all("No space left" in text and str(job.path) in text for text in stopped)
    assert outcome is not None
    monkeypatch.setattr(durable, "write", original)
    assert outcome.missing == 0
    same(outcome.dataset, run(tmp_path, name="reference", fe=[4, 8, 12])[1].dataset)
    assert not list(job.path.rglob("*.partial"))


def test_another_version_of_the_compiler_is_refused(tmp_path):
    job, _ = run(tmp_path)
    versions = {**job.attrs["versions"], "numba": "0.1.0"}
    other = sweep.replace(job, attrs={**job.attrs, "versions": versions})
    with pytest.raises(InputError, match=r"numba: version .* there, 0\.1\.0 here"):
        sweep.run(other, Serial(None), Terminal())


def test_other_code_is_refused_by_its_name(tmp_path, monkeypatch):
    job, _ = run(tmp_path)
    code = {**code_of(job), "spikesweep.models.neurons.adexp": "another"}
    monkeypatch.setattr(identity, "fingerprint", lambda classes: code)
    with pytest.raises(
        InputError,
        match=r"by other code: code of spikesweep\.models\.neurons\.adexp: \w{16} there, another here; ",
    ):
        run(tmp_path)


def test_a_comment_changes_no_fingerprint_and_a_constant_does(monkeypatch):
    """In what kernels call and in what makes parameters of swept values."""
    from spikesweep import sources

    job = make_job(ss.load())[0]
    source, before = sources.source, code_of(job)

    def with_edit(name, old, new):
        def edited(module):
            text = source(module)
            if not module.endswith(name):
                return text
            assert text.count(old.encode()) == 1
            return text.replace(old.encode(), new.encode())

        monkeypatch.setattr(sources, "source", edited)
        return code_of(job)

    assert with_edit("vector_math", "import numpy as np", "import numpy as np  # a comment") == before
    assert with_edit("vector_math", "-707.0", "-706.0") != before
    assert with_edit("swept", "np.nan, labels", "0.0, labels") != before
