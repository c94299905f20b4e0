"""Real faults of file systems: no space, read-only, no permission."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

import spikesweep as ss
from spikesweep import store as stores
from spikesweep.api import main as api_main
from spikesweep.store import Store
from spikesweep.store.check import check

WORDS = (
    "grid.fe=[4,20]",
    "grid.fi=[0,2]",
    "grid.seed=[0,1,2]",
    "grid.pop_size=[1]",
    "protocol.duration=60.0",
    "protocol.record_spikes=true",
    "compute=serial",
    "compute.block_points=2",
)


def mount(*words):
    return subprocess.run(["mount", *map(str, words)], capture_output=True, text=True)


@pytest.fixture
def disk(tmp_path):
    """Return a function that makes a small disk, or changes it, and returns where it is mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def make(options):
        again = ("-o", f"remount,{options}") if os.path.ismount(folder) else ("-o", options)
        done = mount("-t", "tmpfs", *again, "tmpfs", folder)
        if done.returncode:
            pytest.skip(f"mounting is refused here: {done.stderr.strip()}")
        return folder

    yield make
    if os.path.ismount(folder):
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def reference(tmp_path):
    ds = ss.run(ss.load(*WORDS, f"outputs={tmp_path / 'reference'}")).load()
    assert float(ds.rate.max()) > 20
    return ds


def run(folder, capsys, *words):
    """Run what the command line runs; return its exit code and what it said of errors."""
    capsys.readouterr()
    try:
        api_main.main(cfg := ss.load(*WORDS, *words, f"outputs={folder}"), cfg.choices)
    except SystemExit as end:
        return int(end.code), capsys.readouterr().err
    return 0, ""


def kilobytes(path):
    """Return what the files below a path take on a tmpfs."""
    return sum(-(-p.stat().st_size // 4096) * 4 for p in path.rglob("*") if p.is_file())


def nothing_is_wrong(path, reference):
    """Say how many points are done; they are the right ones."""
    found = Store(path).open().load()
    done = found.status == 1
    assert ((found.status == 0) | done).all()
    at = {name: found[name] for name in ("fe", "fi", "seed", "pop_size")}
    xr.testing.assert_equal(found.rate.where(done), reference.rate.sel(at).where(done))
    for problem in check(Store(path)):
        assert "recorded" in problem.what or "record" in problem.what
    return int(done.sum())


def same(path, reference):
    found = ss.open(path)
    xr.testing.assert_equal(found.load(), reference)
    assert found.sweep.to_pandas().equals(reference.sweep.to_pandas())
    assert not check(Store(path))
    assert not [p for p in path.parent.rglob("*") if p.suffix in (".partial", ".tmp")]


def test_a_full_disk(disk, reference, capsys, tmp_path):
    """No room for the store; for its blocks; to grow. Each time there is more afterwards."""
    few = ss.run(ss.load(*WORDS, f"outputs={tmp_path}", "grid.seed=[0,1]"))
    needed = kilobytes(Path(few.encoding["source"]))
    folder = disk("size=60k")
    path = folder / "transfer_function" / "adexp-fs_rs.zarr"
    code, said = run(folder, capsys, "grid.seed=[0,1]")
    assert code == 2
    assert "No space left on device" in said
    assert str(path) in said
    assert not path.exists()
    disk(f"size={needed * 0.8:.0f}k")
    code, said = run(folder, capsys, "grid.seed=[0,1]")
    assert code == 1
    assert "No space left on device" in said
    assert str(path) in said
    assert 0 < nothing_is_wrong(path, reference) < 8
    disk(f"size={needed + 150}k")  # the figure too
    assert run(folder, capsys, "grid.seed=[0,1]")[0] == 0
    assert nothing_is_wrong(path, reference) == 8
    code, said = run(folder, capsys)
    assert code in (1, 2)
    assert "No space left on device" in said
    assert nothing_is_wrong(path, reference) == 8
    disk("size=8m")
    assert run(folder, capsys)[0] == 0
    same(path, reference)


def test_a_disk_that_becomes_read_only(disk, reference, capsys, monkeypatch):
    folder = disk("size=8m")
    path = folder / "transfer_function" / "adexp-fs_rs.zarr"
    disk("ro")
    code, said = run(folder, capsys)
    assert code == 2
    assert "Read-only file system" in said
    assert str(folder) in said
    disk("rw")
    written = []
    write = stores.arrays.durable.write

    def counting(file, data):
        written.append(file)
        if len(written) == 60:
            disk("ro")
        write(file, data)

    monkeypatch.setattr("spikesweep.store.durable.write", counting)
    code, said = run(folder, capsys)
    monkeypatch.setattr("spikesweep.store.durable.write", write)
    assert code == 1
    assert "Read-only file system" in said
    assert str(path) in said
    done = nothing_is_wrong(path, reference)
    assert 0 < done < 12
    assert run(folder, capsys)[0] == 1  # read-only still
    assert nothing_is_wrong(path, reference) == done
    disk("rw")
    assert run(folder, capsys)[0] == 0
    same(path, reference)
    disk("ro")
    ss.replay(path, fe=20, fi=2, seed=1, population="RS")  # what only reads goes on
    assert len(ss.open(path).sweep.spikes(fe=20, fi=2, seed=1).spike_times) > 2


_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1
RUN = """
import sys
from spikesweep import load
from spikesweep.api import main as api_main
for more in ("grid.fe=[4,12,20]", "name=new"):
    cfg = load(*sys.argv[1:], more)
    try:
        api_main.main(cfg, cfg.choices)
    except SystemExit as end:
        print(more, end.code)
"""


def without_override():
    """Give up root's right to write where nobody may."""
    if os.getuid() == 0 and ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0):
        os._exit(77)


@pytest.mark.slow
def test_no_permission(reference, tmp_path, capsys):
    folder = tmp_path / "outputs"
    path = folder / "transfer_function" / "adexp-fs_rs.zarr"
    assert run(folder, capsys, "grid.seed=[0,1]")[0] == 0
    folders = [p for p in (folder, *folder.rglob("*")) if p.is_dir()]
    for p in folders:
        p.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", RUN, *WORDS, "grid.seed=[0,1]", f"outputs={folder}"],
        preexec_fn=without_override,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    if done.returncode == 77:
        pytest.skip("rights cannot be given up here")
    assert done.stdout.splitlines() == ["grid.fe=[4,12,20] 2", "name=new 2"], done.stderr
    assert done.stderr.count("Permission denied") == 2
    assert done.stderr.count(str(folder)) >= 2
    assert nothing_is_wrong(path, reference) == 8
    for p in folders:
        p.chmod(0o755)
    assert run(folder, capsys)[0] == 0
    same(path, reference)
