"""Jobs of Slurm."""

from dataclasses import dataclass
from typing import ClassVar

from spikesweep.sweep.compute.jobs import Jobs


@dataclass(frozen=True, kw_only=True)
class Slurm(Jobs):
    """Jobs of Slurm."""

    cluster: ClassVar[str] = "SLURMCluster"
    submit: ClassVar[str] = "sbatch"
    listing: ClassVar[str] = "squeue --me --noheader --format=%A"
