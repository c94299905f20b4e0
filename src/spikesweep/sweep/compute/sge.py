"""Jobs of Grid Engine."""

from dataclasses import dataclass
from typing import ClassVar

from spikesweep.sweep.compute.jobs import Jobs


@dataclass(frozen=True, kw_only=True)
class SGE(Jobs):
    """Jobs of Grid Engine: cores and memory are what its site calls them, so `directives` says them."""

    cluster: ClassVar[str] = "SGECluster"
    submit: ClassVar[str] = "qsub"
    listing: ClassVar[str] = "qstat -u {user}"
    charged: ClassVar[str] = "project"
