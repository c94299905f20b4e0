"""Jobs of Grid Engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from spikesweep.sweep.compute.jobs import Jobs


@dataclass(frozen=True, kw_only=True)
class SGE(Jobs):
    """Jobs of Grid Engine: cores and memory are what its site calls them, so `directives` says them."""

    cluster: ClassVar[str] = "SGECluster"
    submit: ClassVar[str] = "qsub"
    listing: ClassVar[str] = "qstat -u {user}"

    def own(self) -> Mapping[str, Any]:
        """Return what only this queue is told."""
        return {"queue": self.queue, "project": self.account, "walltime": self.walltime}
