"""Jobs of OAR."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from spikesweep.sweep.compute.jobs import Jobs


@dataclass(frozen=True, kw_only=True)
class OAR(Jobs):
    """Jobs of OAR."""

    cluster: ClassVar[str] = "OARCluster"
    submit: ClassVar[str] = "oarsub"
    listing: ClassVar[str] = "oarstat -u {user}"
    charged: ClassVar[str] = "project"

    memory_property: str | None  #: what a site calls the memory of a core; None where it does not know it

    def own(self) -> Mapping[str, Any]:
        """Return what only this queue is told."""
        return {
            **super().own(),
            "memory_per_core_property_name": self.memory_property or "not_applicable",
        }
