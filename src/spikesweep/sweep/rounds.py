"""Sweeps that go on by what came out: each round asks for more than the one before, in the same store.

What a round asks for follows from the results of the earlier ones alone, which the store holds. So a run that
was killed, or one that is given more to do, goes through the same rounds again, computes nothing that is
there, and goes on where it was.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spikesweep.analysis.replicates import interval, repetitions
from spikesweep.config.options import Options
from spikesweep.config.rounds import Replicate, Round
from spikesweep.grid.schema import DONE

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Next:
    """What comes after a round."""

    round: Round | None  #: none after the last
    text: str  #: how far it is


def after(options: Options, ds: "xr.Dataset") -> Next:
    """Return what comes after a round, given all that it asked for."""
    assert options.replicate
    return _more_seeds(options.replicate, ds)


def _more_seeds(replicate: Replicate, ds: "xr.Dataset") -> Next:
    n, name = ds.sizes["seed"], replicate.variable
    values = ds[name].where(ds["status"].isin(DONE)).load()
    measured = interval(values)
    worst, units = float(measured["sem"].max()), ds[name].attrs.get("units", "1")
    unknown = int(measured["sem"].isnull().sum())
    more = f"; {unknown} have fewer than two results" if unknown else ""
    where = f"{name}: SEM up to {worst:.3g} {units} at {measured['sem'].size} points with {n} seeds{more}"
    missed = int((measured["sem"] > replicate.sem).sum())
    if not missed:
        return Next(None, where)
    if n >= replicate.most:
        return Next(None, f"{where}; {missed} above {replicate.sem:g}: replicate.most = {replicate.most}")
    wanted = max(n + replicate.batch, repetitions(measured, replicate.sem))
    return Next(Round(seeds=min(wanted, replicate.most)), where)
