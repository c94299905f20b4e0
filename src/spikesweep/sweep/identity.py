"""What makes a store that of one sweep: configuration, code, compilers; what differs is told line by line."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from spikesweep.config.build import with_defaults
from spikesweep.contract import parts_of
from spikesweep.errors import InputError, OtherSweepError
from spikesweep.grid.grid import blocks_of
from spikesweep.grid.schema import DONE, FAILED, FAILURES, MISSING
from spikesweep.grid.trials import BY_RESULTS
from spikesweep.protocols.base import is_read
from spikesweep.store import Store, growth
from spikesweep.sweep.fingerprint import fingerprint, todays, uses, without_landed
from spikesweep.sweep.job import Job
from spikesweep.sweep.provenance import DECISIVE_VERSIONS, minor
from spikesweep.sweep.swept import Parameters

#: Differences in a refusal.
_TOLD = 12


def comparable(configuration: Mapping[str, Any]) -> Any:
    """Return a configuration with today's names of classes, and with what it leaves to defaults."""
    return with_defaults(todays(configuration))


def code_of(job: Job) -> dict[str, str]:
    """Return a hash of each module that results of a job depend on."""
    return fingerprint(_classes(job))


def _classes(job: Job) -> set[Any]:
    # Parameters also where nothing is swept: a sweep may get such an axis later
    parts = (part for whole in (job.protocol, job.network) for _, part in parts_of(whole, ""))
    summary = job.summary.made_of if job.summary else ()
    return {Parameters, *map(type, parts), *job.protocol.made_of, *summary}


def refuse_other_sweep(job: Job, store: Store) -> None:
    """Refuse a store whose sweep does not go on as a job, whatever code made it; raise OtherSweepError."""
    _refuse_other_values(job, store)
    there, here = store.attrs.get("sample") or {}, job.grid.sample or {}
    for key in BY_RESULTS:
        if key in {**there, **here} and there != here:
            raise OtherSweepError(f"{store.path} has points chosen by {key} = {there.get(key)}")
    old = growth.stored_grid(store, job.grid, job.defaults)
    if growth.union(old, job.grid).shape != old.shape:
        growth.all_labels(store, job.coordinates)


def holds_nothing(store: Store) -> bool:
    """Return whether nothing is lost with a store: no result, and no status, which may be of results."""
    status = store.status()
    gone = (store.status_is_gone(block) for block in blocks_of(status.shape, store.chunks))
    return not np.isin(status, (MISSING, FAILED), invert=True).any() and not any(gone)


def refuse_other(job: Job, store: Store, code: Mapping[str, str]) -> None:
    """Refuse to mix with a store of another configuration, code or compiler.

    Raises OtherSweepError for another configuration, InputError for other code.
    """
    _refuse_other_values(job, store)
    # SciPy, too, where a protocol or a component imports it
    names = (*DECISIVE_VERSIONS, *(("scipy",) if uses(_classes(job), "scipy") else ()))
    there = store.attrs["code"]
    found = _other_versions(store.attrs, job.attrs, names)
    found += differences(*without_landed(there, code), "code of ")
    if found:
        raise InputError(f"{store.path} holds this sweep by other code: {told(found)}; {_ways_on(store)}")


def _ways_on(store: Store) -> str:
    """Return what is allowed where a store is of other code: numbers of two codes never share a store."""
    status = store.status()
    ways = ["another name=... (this one stays)", "overwrite=true (what it holds is lost)"]
    done, failed = (int(np.isin(status, which).sum()) for which in (DONE, FAILURES))
    if not failed:
        return f"allowed: {', or '.join(ways)}"
    path = shlex.quote(str(store.path))
    ways.append(
        f"only what failed, by the code of now and beside the {done} points that have results: "
        f"spikesweep export {path} --failed --to failed.csv, then points=failed.csv in place of the axes and "
        "another name=... (docs/failures.md)"
    )
    return f"{failed} of its points failed and are not computed again here; allowed: {'; '.join(ways)}"


def _refuse_other_values(job: Job, store: Store) -> None:
    attrs = store.attrs
    there, here = comparable(attrs["configuration"]), comparable(dict(job.identity))
    # what an added axis alone lets others be interpolated from has the stored values at what is configured
    known, axes = there.get("interpolated", {}), {*store.axes, *store.columns()}
    derived = job.parameters.derived if job.parameters else {}
    new = {key for key, table in derived.items() if key not in known and axes.isdisjoint(table.names)}
    here["interpolated"] = {k: text for k, text in here.get("interpolated", {}).items() if k not in new}
    found = differences({**there, "interpolated": known}, here)
    found = [line for line in found if not _is_unread(line, job)]
    swept = [axis.key for axis in job.grid.swept if len(job.grid.coordinates[axis.name]) > 1]
    moved = [line.split(": ", 1) for line in found if line.partition(":")[0] in swept]
    ways = [f"{key}={value.partition(' there')[0]} 'grid.{key}=[...]'" for key, value in moved]
    if found:
        lines = (line.partition(": ")[::2] for line in found)
        others = [(key, values) for key, values in lines if key not in swept]
        raise OtherSweepError(
            f"{store.path} holds another sweep: {told(found)}"
            f"{'; one dataset of both: ' if ways else ''}{' '.join(ways)}",
            [(key, values.rpartition(" there, ")[2].removesuffix(" here")) for key, values in others],
        )


def unlike(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return a line for each difference between the attributes of stores that keeps them from being mixed."""
    found = differences(comparable(there["configuration"]), comparable(here["configuration"]))
    found += _other_versions(there, here, DECISIVE_VERSIONS)
    return found + differences(there["code"], here["code"], "code of ")


def _other_versions(there: Mapping[str, Any], here: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return a line for each package whose versions, in attributes, may give other numbers."""
    versions = ((name, *(attrs["versions"].get(name) for attrs in (there, here))) for name in names)
    return [f"{n}: version {a} there, {b} here" for n, a, b in versions if minor(a) != minor(b)]


def _is_unread(line: str, job: Job) -> bool:
    """Return whether a difference is that of a value which is new, and which the protocol does not read."""
    key, _, values = line.partition(": ")
    if key.partition(".")[0] in ("summary", "gate"):
        return False
    return values.startswith("nothing there,") and not is_read(job.protocol, key)


def differences(there: Mapping[str, Any], here: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return a line for each value in which two configurations differ."""
    found = []
    for key in sorted({*there, *here}):
        a, b = there.get(key), here.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += differences(a, b, f"{prefix}{key}.")
        elif a != b:
            found.append(f"{prefix}{key}: {_short(a)} there, {_short(b)} here")
    return found


def told(found: Sequence[str]) -> str:
    """Return differences as a refusal tells them: of what the other has first, as many as one reads."""
    ordered = sorted(found, key=lambda line: ": nothing there" in line)
    n = len(ordered) - _TOLD
    return "; ".join(ordered[:_TOLD] + ([f"and {n} more"] if n > 0 else []))


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
