"""The Slurm of these tests is a Slurm: what they rely on."""

import pytest
from waiting import wait_until

pytestmark = pytest.mark.slow

WAITS = "#!/bin/bash\necho start $SLURM_RESTART_COUNT >> said\nsleep 3600\n"


def test_a_job_runs_and_leaves_its_output(slurm, tmp_path):
    job = slurm.submit("#!/bin/bash\necho $SLURM_JOB_ID of $PWD\n", "--output=out", cwd=tmp_path)
    assert slurm.wait_state(job, "COMPLETED", "FAILED") == "COMPLETED"
    assert (tmp_path / "out").read_text() == f"{job} of {tmp_path}\n"


def test_a_job_that_fails_says_so(slurm):
    job = slurm.submit("#!/bin/bash\nexit 3\n")
    assert slurm.wait_state(job, "COMPLETED", "FAILED") == "FAILED"
    assert slurm.shown(job)["ExitCode"] == "3:0"


def test_four_nodes_claim_more_processors_than_there_are(slurm):
    jobs = [slurm.submit(WAITS, "--cpus-per-task=4", "--mem=8G") for _ in range(5)]
    wait_until(lambda: len(slurm.jobs("RUNNING")) == 4, "four jobs at a time")
    assert {slurm.shown(job)["NodeList"] for job in jobs[:4]} == set(slurm.nodes)
    assert slurm.jobs("PENDING") == {jobs[4]: "PENDING"}


def test_nothing_listens_beyond_loopback(slurm):
    slurm.wait_state(slurm.submit(WAITS), "RUNNING")
    assert slurm.listening() == {"0100007F"}  # 127.0.0.1


def test_what_a_job_started_ends_with_it(slurm, tmp_path):
    script = "#!/bin/bash\nbash -c 'trap \"\" TERM; touch there; while :; do sleep 1; done'\n"
    job = slurm.submit(script, cwd=tmp_path)
    wait_until((tmp_path / "there").exists, "the job's child")
    slurm.cancel([job])
    assert slurm.wait_state(job, "CANCELLED") == "CANCELLED"
    assert not [p for p in slurm.processes() if p.environ().get("SLURM_JOB_ID") == str(job)]


def test_a_requeued_job_starts_again(slurm, tmp_path):
    job = slurm.submit(WAITS, cwd=tmp_path)
    wait_until((tmp_path / "said").exists, "the first start")
    slurm.command("scontrol", "requeue", str(job))
    wait_until(lambda: (tmp_path / "said").read_text() == "start\nstart 1\n", "the second start")
    assert slurm.active() == [job]


def test_a_job_ends_at_its_walltime(slurm):
    job = slurm.submit(WAITS, "--time=1")  # looked at every 30 s
    assert slurm.wait_state(job, "TIMEOUT", patience=300) == "TIMEOUT"
