"""A real Slurm on this machine's loopback: a controller, and nodes that claim more processors than there are.

Everything that it writes is in one temporary folder; nothing of the machine's own Slurm, if any, is touched.
"""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import listening
import psutil
from waiting import PATIENCE, wait_until

#: What has to be installed: the packages `slurm-wlm` and `munge` of Debian and Ubuntu.
PROGRAMS = (
    *("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo"),
    "setpriv",  # of util-linux
)
#: Daemons are in folders that are not on everybody's PATH.
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/sbin"])
#: Job states after which nothing more happens.
OVER = ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT")

_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/pgid  # linuxproc loses what a job's shell leaves behind
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
JobRequeue=1
KillWait=3
OverTimeLimit=0
ReturnToService=2
MinJobAge=86400
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=60 State=UP
"""


def missing() -> list[str]:
    """Return which programs of Slurm are not installed."""
    return [program for program in PROGRAMS if shutil.which(program, path=_PATH) is None]


class Cluster:
    """A Slurm of `n_nodes` nodes with `cpus` processors each; `with Cluster(...) as slurm` takes it down."""

    def __init__(self, n_nodes: int = 4, cpus: int = 4) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short: a socket's path has 107 bytes at most
        self.nodes = [f"n{i + 1}" for i in range(n_nodes)]
        self.conf = self.folder / "slurm.conf"
        self.env = {**os.environ, "PATH": _PATH, "SLURM_CONF": str(self.conf)}
        self.daemons: list[subprocess.Popen[bytes]] = []
        self._cpus = cpus

    def __enter__(self) -> "Cluster":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the daemons and wait until every node is idle."""
        ports = _free_ports(len(self.nodes) + 1)
        host = socket.gethostname().partition(".")[0]
        size = f"CPUs={self._cpus} RealMemory=65536 State=UNKNOWN"
        nodes = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} {size}"
            for name, port in zip(self.nodes, ports[1:], strict=True)
        ]
        user = getpass.getuser()
        text = _CONF.format(folder=self.folder, host=host, user=user, ports=ports, nodes="\n".join(nodes))
        self.conf.write_text(text)
        (self.folder / "state").mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        files = {"key-file": key.name, "socket": "munge.socket", "pid-file": "munged.pid"}
        files |= {"log-file": "munged.log", "seed-file": "munge.seed"}
        self._daemon(
            "munged", "-F", "--force", *(f"--{name}={self.folder / file}" for name, file in files.items())
        )
        wait_until((self.folder / "munge.socket").exists, "munged")
        self._daemon("slurmctld", "-D", "-c")
        for name in self.nodes:
            self._daemon("slurmd", "-D", "-N", name)
        wait_until(self._all_idle, f"nodes; see {self.folder}/*.log")

    def _daemon(self, program: str, *words: str) -> None:
        path = shutil.which(program, path=_PATH)
        # it ends with these tests, even where nobody is left to take it down
        command = ["setpriv", "--pdeathsig", "TERM", "--", str(path), *words]
        with (self.folder / "said.txt").open("ab") as said:
            self.daemons.append(
                subprocess.Popen(
                    command, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said
                )
            )

    def _all_idle(self) -> bool:
        for daemon in self.daemons:
            assert daemon.poll() is None, (self.folder / "said.txt").read_text()
        asked = subprocess.run(
            ["sinfo", "-h", "-N", "-o", "%t"], env=self.env, capture_output=True, text=True, timeout=PATIENCE
        )
        return asked.returncode == 0 and asked.stdout.split() == ["idle"] * len(self.nodes)

    def stop(self) -> None:
        """Cancel all jobs, end every process and remove the folder."""
        with suppress(AssertionError, OSError, subprocess.SubprocessError):
            self.cancel_all()
        for signal in ("terminate", "kill"):
            for daemon in reversed(self.daemons):
                getattr(daemon, signal)()
            for daemon in self.daemons:
                with suppress(subprocess.TimeoutExpired):
                    daemon.wait(timeout=10)
        for process in self.processes():  # steps of jobs outlive their slurmd
            with suppress(psutil.Error):
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self) -> list[psutil.Process]:
        """Return every process that belongs to this Slurm: daemons, steps, jobs, what was started beside."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get("SLURM_CONF") == str(self.conf) and process.pid != os.getpid():
                    found.append(process)
        return found

    def listening(self) -> set[str]:
        """Return the addresses at which its processes listen, as /proc/net/tcp and tcp6 write them."""
        return listening.addresses(process.pid for process in self.processes())

    def command(self, *words: str | os.PathLike[str]) -> str:
        """Return what a command of Slurm prints; fail with what it says when it fails."""
        done = subprocess.run(words, env=self.env, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def submit(self, script: str, *options: str, cwd: Path | None = None) -> int:
        """Submit a script, with its options of sbatch, from a folder; return the job's number."""
        file = self.folder / "script.sh"
        file.write_text(script)
        return int(self.command("sbatch", "--parsable", f"--chdir={cwd or self.folder}", *options, file))

    def jobs(self, *states: str) -> dict[int, str]:
        """Return the state of each job by its number, of those in these states if some are given."""
        lines = self.command("squeue", "-h", "-t", "all", "-o", "%i %T").splitlines()
        found = {int(number): state for number, state in map(str.split, lines)}
        return {number: state for number, state in found.items() if not states or state in states}

    def active(self) -> list[int]:
        """Return the numbers of the jobs that wait, run or end."""
        return [number for number, state in self.jobs().items() if state not in OVER]

    def shown(self, job: int) -> dict[str, str]:
        """Return what `scontrol show job` says of a job."""
        words = self.command("scontrol", "-o", "show", "job", str(job)).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def wait_state(self, job: int, *states: str, patience: float = PATIENCE) -> str:
        """Wait until a job is in one of these states, and return it."""
        seen: list[str] = []

        def there() -> bool:
            seen.append(self.jobs().get(job, "GONE"))
            return seen[-1] in states

        try:
            wait_until(there, "state", patience)
        except AssertionError:
            raise AssertionError(f"job {job} is {seen[-1]}, not {states}") from None
        return seen[-1]

    def cancel(self, jobs: Sequence[int], *options: str) -> None:
        """Cancel jobs; those that are over already are no error."""
        if jobs:
            self.command("scancel", *options, *map(str, jobs))

    def cancel_all(self) -> None:
        """Cancel every job and wait until none is left."""
        self.cancel(self.active())
        wait_until(lambda: not self.active(), "jobs to end")


def _free_ports(n: int) -> list[int]:
    """Return ports of loopback that nobody uses: those that the system picks."""
    sockets = [socket.socket() for _ in range(n)]
    try:
        for held in sockets:
            held.bind(("127.0.0.1", 0))
        return [held.getsockname()[1] for held in sockets]
    finally:
        for held in sockets:
            held.close()
