"""Jobs of HTCondor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from spikesweep.errors import InputError
from spikesweep.sweep.compute.jobs import Jobs


@dataclass(frozen=True, kw_only=True)
class HTCondor(Jobs):
    """Jobs of HTCondor, which has no queues and no walltime: workers leave at the time that is given here."""

    cluster: ClassVar[str] = "HTCondorCluster"
    submit: ClassVar[str] = "condor_submit"
    listing: ClassVar[str] = "condor_q -autoformat ClusterId"

    disk: str  #: that a job may use

    def own(self) -> Mapping[str, Any]:
        """Return what only this queue is told; raise InputError for a directive that is no assignment."""
        pairs = [line.partition("=") for line in self.directives]
        if wrong := [line for line, (_, equals, _) in zip(self.directives, pairs, strict=True) if not equals]:
            raise InputError(f"compute.directives holds {wrong[0]!r}; allowed: 'name = value'")
        account = {"accounting_group": self.account} if self.account else {}
        return {
            "disk": self.disk,
            "job_extra_directives": account | {name.strip(): value.strip() for name, _, value in pairs},
        }
