"""What file systems that are shared by hosts lack."""

import errno
import fcntl
import os

import pytest

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.store import Store, durable
from spikesweep.store.check import check


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_run_goes_on_where_there_are_no_locks(small, tmp_path, monkeypatch, code):
    def no_locks(descriptor, how):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    ss.run(small("grid.fe=[6]"))
    ss.run(small("grid.fe=[6,12]"))  # grows
    assert not check(Store.at(tmp_path / "transfer_function" / "adexp-fs_rs.zarr"))


def test_where_only_files_that_are_open_for_writing_are_locked(tmp_path, monkeypatch):
    """As on NFS, whose client makes a lock of the server of it."""
    flock = fcntl.flock

    def of_nfs(descriptor, how):
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", of_nfs)
    with durable.locked(tmp_path / "s"):
        with (
            pytest.raises(InputError, match=f"in use by process {os.getpid()}"),
            durable.locked(tmp_path / "s"),
        ):
            pass
    with durable.locked(tmp_path / "s"):
        pass


def test_other_failures_of_a_lock_are_told(tmp_path, monkeypatch):
    def broken(descriptor, how):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", broken)
    with pytest.raises(InputError, match="cannot be written"), durable.locked(tmp_path / "s"):
        pass
