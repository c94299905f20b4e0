"""Jobs of LSF."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from spikesweep.sweep.compute.jobs import Jobs


@dataclass(frozen=True, kw_only=True)
class LSF(Jobs):
    """Jobs of LSF."""

    cluster: ClassVar[str] = "LSFCluster"
    submit: ClassVar[str] = "bsub"
    listing: ClassVar[str] = "bjobs -noheader -o jobid"
    charged: ClassVar[str] = "project"

    def own(self) -> Mapping[str, Any]:
        """Return what only this queue is told."""
        return {**super().own(), "walltime": f"{self.seconds // 60:.0f}"}
