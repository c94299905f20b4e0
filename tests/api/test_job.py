"""`job` writes a script that runs the words it was given, and refuses a slip before it waits in a queue."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesweep.api import batch, commands
from spikesweep.api.batch import Request, script
from spikesweep.errors import InputError

ROOT = Path(__file__).parents[2]
SMALL = ("neuron=adexp", "network=fs_rs", "grid.fe=[4]")
#: One line of text: what a person can type between two quotes.
LINE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")))


@pytest.fixture(autouse=True)
def one_call_a_process(monkeypatch):
    """Forget what Hydra was told by the call before: a command is called once in a process."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "")


def ended(capsys, *words):
    with pytest.raises(SystemExit) as end:
        commands.main(["job", *words])
    return end.value.code, *capsys.readouterr()


def bash(text, *options, **how):
    return subprocess.run(["bash", *options], input=text, capture_output=True, text=True, timeout=300, **how)


def test_the_script_of_slurm(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    options = ("--time", "1-02:30:00", "--mem", "8G", "--cpus", "3", "--account", "lab", "--queue", "long")
    more = ("--name", "tf", "--directive=--qos=low", "--env-line", "module load x", "--env-line", "y='1 2'")
    code, said, _ = ended(capsys, "slurm", *options, *more, "--", "run", "-m", *SMALL, "name='a b'")
    assert code == 0
    lines = said.splitlines()
    assert [line for line in lines if line.startswith(("#!", "#S"))] == [
        "#!/bin/bash",
        "#SBATCH --job-name=tf",
        "#SBATCH --output=tf-%j.out",
        "#SBATCH --open-mode=append",
        "#SBATCH --requeue",
        "#SBATCH --signal=B:USR1@120",
        "#SBATCH --ntasks=1",
        "#SBATCH --cpus-per-task=3",
        "#SBATCH --mem=8G",
        "#SBATCH --time=1-02:30:00",
        "#SBATCH --account=lab",
        "#SBATCH --partition=long",
        "#SBATCH --qos=low",
    ]
    assert lines.index("module load x") + 1 == lines.index("y='1 2'")
    assert f"cd -- {tmp_path} || exit 1" in lines
    run = [sys.executable, "-m", "spikesweep", "run", "-m", *SMALL, "name='a b'", "confirm=true"]
    assert f"exec {shlex.join(run)}) &" in said
    assert bash(said, "-n").returncode == 0


def test_the_script_of_pbs(capsys):
    code, said, _ = ended(capsys, "pbs", "--time", "1-02:00:30", "--account", "lab", "--", "run", *SMALL)
    assert code == 0
    assert "#PBS -l select=1:ncpus=2:mem=4gb\n#PBS -l walltime=26:00:30\n#PBS -A lab\n" in said
    assert "timeout --foreground --signal=INT 93510 " in said
    assert bash(said, "-n").returncode == 0


@pytest.mark.parametrize("scheduler", batch.SCHEDULERS)
@settings(max_examples=30)
@given(words=st.lists(LINE, max_size=4), folder=LINE)
def test_words_and_folders_survive_the_shell(tmp_path_factory, scheduler, words, folder):
    home = tmp_path_factory.mktemp("job") / ("x" + folder.replace("/", "_")[:30])
    home.mkdir()
    code = "import json, os, sys; print(json.dumps([os.getcwd(), *sys.argv[1:]]))"
    text = script(scheduler, Request(), [sys.executable, "-c", code, *words], home)
    assert bash(text, "-n").returncode == 0
    done = bash(text, env={**os.environ, "PYTHONUTF8": "1"})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [str(home), *words]


@pytest.mark.parametrize("scheduler", batch.SCHEDULERS)
def test_the_script_ends_with_the_code_of_the_driver(scheduler, tmp_path):
    text = script(scheduler, Request(), [sys.executable, "-c", "raise SystemExit(3)"], tmp_path)
    assert bash(text).returncode == 3


#: A driver that takes as many interrupts as it is told before it ends.
WAITS = """
import sys, time
for n in range(int(sys.argv[1])):
    try:
        print("there", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        print("asked", flush=True)
sys.exit(130)
"""
OVER = "100 turns are over: submit this script again, and it goes on\n"


@pytest.mark.parametrize(
    ("sent", "turn", "last"),
    [
        ((signal.SIGUSR1,), "", "requeue 17\n"),
        ((signal.SIGUSR1,), "99", "requeue 17\n"),
        ((signal.SIGUSR1,), "100", OVER),
        ((signal.SIGTERM,), "", ""),
        ((signal.SIGUSR1, signal.SIGTERM, signal.SIGTERM), "", ""),
    ],
)
def test_a_signal_reaches_the_driver_and_a_walltime_asks_for_another_turn(tmp_path, sent, turn, last):
    (tmp_path / "scontrol").write_text("#!/bin/sh\necho $*\n")
    (tmp_path / "scontrol").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "17", "SLURM_RESTART_COUNT": turn}
    (tmp_path / "waits.py").write_text(WAITS)
    file = tmp_path / "job.sh"
    file.write_text(script("slurm", Request(), [sys.executable, "waits.py", str(len(sent))], tmp_path))
    out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(["bash", file], env=os.environ | env, **out) as job:
        for number in sent:
            assert job.stdout.readline() == "there\n"
            job.send_signal(number)
            assert job.stdout.readline() == "asked\n"
        assert job.stdout.read() == last
    assert job.returncode == 130


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("slurm",), "no command; allowed after --: run.py or run"),
        (("slurm", "--"), "no command; allowed after --: run.py or run"),
        (("slurm", "--", "nothere.py"), "'nothere.py' is refused; allowed after --: a script that is here"),
        (("slurm", "--", "fit", "neuron=adexp"), "'fit' is refused"),
        (("slurm", "--", "run", "neuron=adxp"), "there is no neuron/adxp; did you mean 'adexp'"),
        (("slurm", "--", "run", "-m", "neuron=adexp,adxp"), "adxp"),
        (("slurm", "--", "run", "protocol.duraton=3"), "did you mean 'duration'"),
        (("slurm", "--", "run", "--help"), "--help is refused in a job"),
        (("slurm", "--", "run", "overwrite=true"), "overwrite=true is refused"),
        (("slurm", "--", "run", "name=a\nb"), "a word of the command 'name=a\\nb' is refused"),
        (("slurm", "--env-line", "a\nb", "--", "run"), "--env-line 'a\\nb' is refused; allowed: one line"),
        (("slurm", "--directive", "a\rb", "--", "run"), "--directive 'a\\rb' is refused"),
        (("slurm", "--time", "1h", "--", "run"), "--time '1h' is refused; allowed: HH:MM:SS"),
        (("slurm", "--time", "00:00:59", "--", "run"), "--time 00:00:59 is refused"),
        (("slurm", "--mem", "4 GB", "--", "run"), "--mem '4 GB' is refused; allowed: a number and K, M, G"),
        (("slurm", "--cpus", "0", "--", "run"), "--cpus 0 is refused"),
        (("slurm", "--account", "a b", "--", "run"), "--account 'a b' is refused"),
        (("slurm", "--queue", "q\n", "--", "run"), "--queue 'q\\n' is refused"),
        (("slurm", "--name", "a/b", "--", "run"), "--name 'a/b' is refused"),
        (("cron", "--", "run"), "invalid choice: 'cron'"),
        (("slurm", "--nothing", "--", "run"), "unrecognized arguments: --nothing"),
    ],
)
def test_a_slip_is_refused_now(capsys, monkeypatch, tmp_path, words, message):
    monkeypatch.chdir(tmp_path)
    code, said, why = ended(capsys, *words)
    assert (code, said) == (2, "")
    assert message in why
    assert not [*tmp_path.iterdir()]


def test_a_store_that_would_refuse_the_words_refuses_them_now(capsys, monkeypatch, tmp_path, small):
    monkeypatch.chdir(tmp_path)
    import spikesweep as ss
    from spikesweep.sweep import identity

    ss.run(small("name=there", "protocol.duration=300"))
    real, other = identity.fingerprint, {"spikesweep.models.neurons.adexp": "x"}
    monkeypatch.setattr(identity, "fingerprint", lambda classes: {**real(classes), **other})
    words = ("neuron=adexp", "network=fs_rs", f"outputs={tmp_path}", "name=there", "protocol.duration=300")
    code, said, why = ended(capsys, "slurm", "--", "run", *words)
    assert (code, said) == (2, "")
    assert "holds this sweep by other code: code of spikesweep.models.neurons.adexp" in why


def test_a_script_of_the_user_is_run_as_it_is(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("import spikesweep\n")
    code, said, why = ended(capsys, "slurm", "--", "mine.py", "--fast", "-x", "--", "a b")
    assert code == 0
    assert f"exec {sys.executable} mine.py --fast -x -- 'a b')" in said
    assert "mine.py is not looked into" in why


def test_run_py_is_looked_into_and_long_runs_are_confirmed(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert "did you mean 'adexp'" in ended(capsys, "slurm", "--", "run.py", "neuron=adxp")[2]
    assert (
        " run.py neuron=lif 'network.populations=[LIF]' confirm=true)"
        in (ended(capsys, "slurm", "--", "run.py", "neuron=lif", "network.populations=[LIF]")[1])
    )
    assert "confirm=true" not in ended(capsys, "slurm", "--", "run.py", "ask_above=3")[1]


def test_submit_hands_the_script_over(capsys, monkeypatch, tmp_path):
    sbatch = tmp_path / "sbatch"
    monkeypatch.setenv("PATH", str(tmp_path))
    words = ("slurm", "--submit", "--", "run", *SMALL)
    assert "--submit: sbatch is not here; allowed:" in ended(capsys, *words)[2]
    sbatch.write_text(
        '#!/bin/sh\n[ "$*" = --parsable ] && echo 17 && while read -r x; do echo "$x" >&2; done\n'
    )
    sbatch.chmod(0o755)
    assert ended(capsys, *words)[:2] == (0, "submitted as job 17\n")
    sbatch.write_text("#!/bin/sh\necho no such partition >&2; exit 1\n")
    assert ended(capsys, *words) == (2, "", "refused: sbatch refused the job: no such partition\n")


def test_a_request_that_is_built_in_python_is_checked_too():
    with pytest.raises(InputError, match="--time"):
        Request(time="tomorrow")
