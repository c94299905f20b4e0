"""Jobs of a cluster's queue: what a script says, and what becomes of jobs that are refused, or end too early.

The queues are programs of `fake_queue`, which start jobs here at once; a real Slurm is in tests/slurm.
"""

import os
import re
import signal
import threading
from pathlib import Path

import fake_queue
import pytest
import schedulers
from omegaconf import OmegaConf
from schedulers import same_bits

import spikesweep as ss
from spikesweep.config.build import build
from spikesweep.errors import InputError
from spikesweep.store import Store
from spikesweep.sweep.compute import jobs, queue, tasks
from spikesweep.sweep.compute.base import Executor

THERE = "transfer_function/adexp-fs_rs.zarr"
WORDS = (
    "compute.interface=lo",
    "compute.cores=1",
    "compute.jobs=2",
    "compute.block_points=3",
    "compute.memory=1GB",
)
ASKED = (
    "compute.account=me",
    "compute.walltime=00:30:00",
    "compute.environment=['export HERE=1','touch $BEGUN']",
)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Return a function that puts a queue's commands on the path, and the folder that they keep things in."""
    folder = tmp_path / "queue"
    folder.mkdir()
    monkeypatch.setenv("QUEUE", str(folder))
    monkeypatch.setenv("BEGUN", str(folder / "begun"))

    def install(name):
        commands = fake_queue.install(folder / "commands", name)
        monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
        return folder

    yield install
    for job in (folder / "jobs").glob("*"):  # none is left, unless the test failed
        try:
            os.killpg(int(job.read_text()), signal.SIGKILL)
        except ProcessLookupError:
            continue


def scripts(folder):
    """Return the scripts that were submitted."""
    return [p.read_text() for p in sorted(folder.glob("script-*"))]


SAYS = {
    "slurm": ("#SBATCH -p fast", "#SBATCH -A me", "#SBATCH -t 00:30:00", "#SBATCH --mem=954M"),
    "pbs": ("#PBS -q fast", "#PBS -A me", "walltime=00:30:00", "ncpus=1"),
    "sge": ("#$ -q fast", "#$ -P me", "#$ -l h_rt=00:30:00"),
    "lsf": ("#BSUB -q fast", '#BSUB -P "me"', "#BSUB -W 30"),
    "oar": (),
    "htcondor": ("accounting_group = me", "MY.DaskWorkerCores = 1"),
}


@pytest.mark.parametrize(
    "name", ["slurm", *(pytest.param(n, marks=pytest.mark.slow) for n in SAYS if n != "slurm")]
)
def test_a_queue_gives_the_numbers_of_one_block_after_the_other(name, kept, small, tmp_path):
    folder = kept(name)
    more = () if name == "htcondor" else ("compute.queue=fast",)
    handler = signal.getsignal(signal.SIGINT)
    ss.run(small(f"compute={name}", *WORDS, *ASKED, *more))
    assert signal.getsignal(signal.SIGINT) is handler
    ss.run(small(f"outputs={tmp_path}/alone"))
    same_bits(tmp_path / THERE, tmp_path / "alone" / THERE)
    found = scripts(folder)
    assert len(found) == 2
    for text in SAYS[name]:
        assert text in found[0]
    for option in (
        "--lifetime 1500s",
        "--lifetime-stagger 100s",
        "--tls-ca-file",
        "--dashboard-address 127.0.0.1:0",
    ):
        assert option in found[0]
    assert (folder / "begun").exists()
    schedulers.wait_until(lambda: not alive(folder), "the jobs to end")


def alive(folder):
    """Return the jobs that run still."""
    left = []
    for job in (folder / "jobs").glob("*"):
        try:
            os.killpg(int(job.read_text()), 0)
        except ProcessLookupError:
            continue
        left.append(job.name)
    return left


def test_a_queue_that_refuses_is_quoted(kept, small, tmp_path):
    (kept("slurm") / "refuse").write_text("sbatch: error: Invalid account or account/partition combination")
    with pytest.raises(
        InputError, match="sbatch refused the job: sbatch: error: Invalid account or account/par"
    ):
        ss.run(small("compute=slurm", *WORDS))
    assert not Store(tmp_path / THERE).status().any()


def test_jobs_that_end_before_they_begin_are_replaced(kept, small, tmp_path, monkeypatch):
    monkeypatch.setattr(queue, "_ASK", 0.5)
    monkeypatch.setattr(tasks, "_LOOK", 0.5)
    folder = kept("slurm")
    (folder / "vanish").write_text("3")
    ss.run(small("compute=slurm", *WORDS))
    assert Store(tmp_path / THERE).status().all()
    assert len(scripts(folder)) >= 4


def test_jobs_that_never_begin_are_given_up(kept, small, tmp_path, monkeypatch):
    monkeypatch.setattr(queue, "_ASK", 0.5)
    monkeypatch.setattr(tasks, "_LOOK", 0.5)
    (kept("slurm") / "vanish").write_text("1000")
    with pytest.raises(
        InputError, match=r"\d jobs ended before their worker was there; what they say is in .*jobs"
    ):
        ss.run(small("compute=slurm", *WORDS))


def test_a_missing_command_is_told_before_anything_is_made(small, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        InputError, match="compute=slurm needs 'sbatch', which is not here; allowed: the login node"
    ):
        ss.run(small("compute=slurm"))
    assert not (tmp_path / THERE).exists()


def test_a_plan_needs_no_queue(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    cfg = small("compute=slurm", "compute.cores=4", "compute.jobs=5", "plan=true")
    with pytest.MonkeyPatch.context():
        from spikesweep.api.main import main

        main(cfg, {})
    assert "20 at a time" in capsys.readouterr().out


def test_works_beside_the_main_thread(kept, small, tmp_path):
    """Importing dask-jobqueue there raises by itself: it asks for a signal."""
    kept("slurm")
    failed = []

    def run():
        try:
            ss.run(small("compute=slurm", *WORDS))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failed
    assert Store(tmp_path / THERE).status().all()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("compute.memory=16", r"compute\.memory = .*16.* is refused; allowed: "),
        ("compute.memory=lots", r"compute\.memory = 'lots' is refused; allowed: a number and a unit"),
        ("compute.walltime=90", r"compute\.walltime .*allowed: "),
        ("compute.walltime=00:00:00", r"compute\.walltime = '00:00:00' is refused; allowed: '01:30:00'"),
        ("compute.processes=3", r"compute\.processes = 3 is refused; allowed: a divisor of cores = 8"),
        (
            "compute.adapt={minimum:4,maximum:2}",
            r"compute\.adapt\.minimum = 4 is refused; allowed: at most maximum = 2",
        ),
        ("compute.adapt={minimum:4}", r"compute\.adapt\.maximum"),
        ("compute.jobs=0", r"compute\.jobs = 0"),
        ("compute.queu=fast", r"compute\.queu .*did you mean"),
    ],
)
def test_what_no_queue_would_take_is_refused(small, words, said):
    with pytest.raises(InputError, match=said):
        ss.run(small("compute=slurm", words))


def test_a_line_for_a_script_is_one_line():
    node = OmegaConf.to_container(ss.load("compute=slurm").compute)
    for name in ("directives", "environment"):
        with pytest.raises(InputError, match=rf"compute\.{name} holds .* each line by itself"):
            build(node | {name: ["--a\n--b"]}, "compute", Executor)


def test_a_folder_that_no_script_can_name_is_refused(kept, small, tmp_path):
    kept("slurm")
    with pytest.raises(InputError, match="cannot be named in the script of a job; allowed: outputs=FOLDER"):
        ss.run(small("compute=slurm", *WORDS, f"outputs='{tmp_path}/my results'"))


def test_keys_of_a_driver_that_was_killed_are_removed(tmp_path):
    folder = tmp_path / "some.jobs"
    assert jobs._prepared(folder) == folder
    assert folder.stat().st_mode & 0o077 == 0
    (folder / ".dask-jobqueue.worker.key.abc").write_text("secret")
    jobs._prepared(folder)
    assert not list(folder.iterdir())


def test_the_file_of_the_page_works_after_changing_two_words(kept, tmp_path, monkeypatch, small):
    folder = kept("slurm")
    page = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text()
    (text,) = re.findall(r"```yaml\n(defaults: \[slurm\]\n.*?)```", page, re.DOTALL)
    assert text.count("CHANGE_ME") == 2
    models = tmp_path / "mine"
    (models / "conf" / "compute").mkdir(parents=True)
    (models / "__init__.py").write_text("")
    text = text.replace("CHANGE_ME", "fast", 1).replace("CHANGE_ME", "lab")
    (models / "conf" / "compute" / "mycluster.yaml").write_text(text)
    ss.run(small(f"models={models}", "compute=mycluster", *WORDS))
    assert Store(tmp_path / THERE).status().all()
    script = scripts(folder)[0]
    for line in ("#SBATCH -p fast", "#SBATCH -A lab", "#SBATCH -t 02:00:00"):
        assert line in script
