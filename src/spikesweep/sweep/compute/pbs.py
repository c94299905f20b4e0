"""Jobs of PBS and of Torque."""

from dataclasses import dataclass
from typing import ClassVar

from spikesweep.sweep.compute.jobs import Jobs


@dataclass(frozen=True, kw_only=True)
class PBS(Jobs):
    """Jobs of PBS and of Torque."""

    cluster: ClassVar[str] = "PBSCluster"
    submit: ClassVar[str] = "qsub"
    listing: ClassVar[str] = "qselect -u {user}"
