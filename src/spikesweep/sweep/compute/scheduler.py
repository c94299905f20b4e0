"""A Dask scheduler that is there already: of a Kubernetes operator, a Gateway, Coiled, SSH, or hand-made."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from logging import CRITICAL
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from spikesweep.errors import InputError
from spikesweep.sweep.compute.base import Running
from spikesweep.sweep.compute.tasks import Tasks, looked_after
from spikesweep.sweep.compute.threads import Threads
from spikesweep.sweep.compute.told import told


@dataclass(frozen=True)
class TLS:
    """Files in PEM format: whom to believe, and who this is."""

    ca: str
    cert: str
    key: str


@dataclass(frozen=True)
class Dask:
    """The workers of a scheduler, which see the store at the same path and have the same code."""

    in_process: ClassVar[bool] = False

    address: str | None
    tls: TLS | None
    workers: Annotated[int, Ge(1)] | None
    block_points: Annotated[int, Ge(1)] | None
    time_limit: Annotated[float, "s", Gt(0)] | None

    def __post_init__(self) -> None:
        """Refuse an address that leads nowhere; raise InputError."""
        if self.address is None or "://" not in self.address:
            raise InputError(
                f"compute.address = {self.address!r} is refused; allowed: that of a Dask scheduler, as "
                "tcp://host:8786, tls://host:8786"
            )

    @property
    def n_workers(self) -> int:
        """Return how many blocks run at a time: what is told, one where that is asked of the scheduler."""
        return self.workers or 1

    @property
    def pilot(self) -> Threads:
        """Return who is asked how long tasks take: this machine."""
        return Threads(None, self.block_points)

    def check(self) -> None:
        """Raise InputError where a file of certificates is not there."""
        for name, file in vars(self.tls).items() if self.tls else ():
            if not Path(file).is_file():
                raise InputError(f"compute.tls.{name} = {file!r} is no file; allowed: one in PEM format")

    @contextmanager
    def started(self, folder: Path) -> Iterator[Running]:
        """Yield what runs tasks; raise InputError where the scheduler does not answer."""
        from distributed import Client
        from distributed.utils import silence_logging_cmgr

        # a scheduler that is gone is told in one line
        with told(), silence_logging_cmgr(CRITICAL):
            try:
                client = Client(self.address, security=self._security())
            except (OSError, TypeError, ValueError) as error:
                raise InputError(
                    f"compute.address = {self.address!r}: {error or type(error).__name__}; "
                    "allowed: that of a scheduler that runs, with compute.tls={ca:...,cert:...,key:...} if "
                    "it asks for certificates"
                ) from error
            there = _Workers(client, self.workers)
            with client, looked_after(there.look):
                tasks = Tasks(client, there.wanted)
                about = f"the scheduler at {self.address} has {there.n} threads"
                yield Running(tasks.map, client.dashboard_link, lambda: there.n, about)

    def _security(self) -> Any:
        from distributed import Security

        if self.tls is None:
            return None
        return Security(
            tls_ca_file=self.tls.ca,
            tls_client_cert=self.tls.cert,
            tls_client_key=self.tls.key,
            require_encryption=True,
        )


class _Workers:
    """How many threads the workers of a scheduler have, asked now and then."""

    def __init__(self, client: Any, most: int | None) -> None:
        self._client, self._most = client, most
        self.n = 0
        self.look()

    def look(self) -> None:
        """Ask the scheduler."""
        with suppress(OSError):  # told where results are waited for
            self.n = sum(self._client.nthreads().values())

    def wanted(self) -> int:
        """Return how many tasks are to run at a time."""
        return min(self.n, self._most or self.n)
