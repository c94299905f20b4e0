"""Writers of a block take turns: threads, processes, and a driver that wants all of a store."""

import subprocess
import sys
import threading

import pytest

from spikesweep.errors import InputError
from spikesweep.store import turns

HOLDER = """
import sys
from pathlib import Path
from spikesweep.store import turns
place = None if sys.argv[2] == "all" else int(sys.argv[2])
with turns.alone(Path(sys.argv[1]), place):
    print("inside", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Return a function that lets another process hold a place until it is let go."""
    started = []

    def hold(place):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path / "s.zarr"), str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "inside\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def entered(path, place):
    """Return a thread that enters a place, and what tells that it did."""
    inside = threading.Event()

    def run():
        with turns.alone(path, place):
            inside.set()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, inside


def test_threads_take_turns_at_a_place_and_not_at_two(tmp_path):
    path = tmp_path / "s.zarr"
    with turns.alone(path, 3):
        other, inside = entered(path, 4)
        other.join()
        assert inside.is_set()
        same, inside = entered(path, 3)
        same.join(0.2)
        assert not inside.is_set()
    same.join()
    assert inside.is_set()


def test_a_process_that_is_killed_frees_its_place(tmp_path, holder):
    process = holder(3)
    thread, inside = entered(tmp_path / "s.zarr", 3)
    thread.join(0.2)
    assert not inside.is_set()
    process.kill()
    thread.join()
    assert inside.is_set()


def test_who_wants_all_waits_for_each_and_says_so(tmp_path, holder, monkeypatch):
    path = tmp_path / "s.zarr"
    process = holder(5)
    monkeypatch.setattr(turns, "_PATIENCE", 0.0)
    with pytest.raises(InputError, match=r"s\.zarr: a worker of an earlier run still writes; allowed: when"):
        with turns.alone(path):
            pass
    turns.forget(path)
    assert turns._file(path).exists()  # somebody is at work
    monkeypatch.undo()
    thread, inside = entered(path, None)
    process.kill()
    thread.join()
    assert inside.is_set()
    assert not turns._file(path).exists()


def test_who_waited_for_a_file_that_is_gone_takes_the_new_one(tmp_path, holder):
    """The driver had all of the store, and removed the file when it was done."""
    path = tmp_path / "s.zarr"
    process = holder("all")
    thread, inside = entered(path, 3)
    thread.join(0.2)
    assert not inside.is_set()
    process.communicate("")
    thread.join()
    assert inside.is_set()
    turns.forget(path)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["ENOLCK", "ENOTSUP", "ENOSYS"])
def test_a_file_system_without_locks_locks_nothing(tmp_path, monkeypatch, name):
    import errno

    def none(*_):
        raise OSError(getattr(errno, name), "no locks")

    monkeypatch.setattr(turns.fcntl, "fcntl", none)
    with (
        turns.alone(tmp_path / "s.zarr", 1),
        turns.alone(tmp_path / "s.zarr", 1),
        turns.alone(tmp_path / "s.zarr"),
    ):
        pass


def test_a_system_without_locks_of_places_locks_all(tmp_path, monkeypatch):
    monkeypatch.delattr(turns.fcntl, "F_OFD_SETLK", raising=False)
    monkeypatch.delattr(turns.fcntl, "F_OFD_SETLKW", raising=False)
    path = tmp_path / "s.zarr"
    with turns.alone(path, 3):
        other, inside = entered(path, 4)
        other.join(0.2)
        assert not inside.is_set()
    other.join()
    assert inside.is_set()
