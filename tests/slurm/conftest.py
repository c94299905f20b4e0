"""The real Slurm of these tests, one for all of them."""

import os

import pytest

from slurm.cluster import Cluster, missing

#: Set by .ci/run: there a missing Slurm is a failure.
NEEDED = "SPIKESWEEP_NEEDS_SLURM"


@pytest.fixture(scope="session")
def whole_slurm():
    """Start a Slurm of four nodes, and take it down after the last test, whatever happened."""
    lacking = missing()
    if lacking and not os.environ.get(NEEDED):
        pytest.skip(f"no {', '.join(lacking)} here: apt-get install slurm-wlm munge")
    assert not lacking, f"{NEEDED} is set, and {lacking} are not installed"
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def slurm(whole_slurm, monkeypatch):
    """Return the Slurm, which is also that of commands this process starts; its jobs end with the test."""
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, whole_slurm.env[name])
    yield whole_slurm
    whole_slurm.cancel_all()
