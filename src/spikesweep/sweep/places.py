"""Which store a sweep has: the one that holds it or can grow to hold it, else a new one beside the first.

What was tried before never stands in the way: `outputs/PROTOCOL/NEURON-NETWORK.zarr` is the first, others
stand beside it under names that say what is different. Stores are found by what they hold, not by these
names: the same command goes on in the same store.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from spikesweep.config.options import Options
from spikesweep.errors import InputError, OtherSweepError

if TYPE_CHECKING:
    from spikesweep.store import Store
    from spikesweep.sweep.job import Job

#: Differences that a name says, and its letters beyond that of the first store.
_NAMED, _LONGEST = 2, 60


def placed(base: Path, options: Options, made: "Callable[[Path, Store | None], Job]") -> "Job":
    """Return the job at its place; `made` makes it for a path and the store there, whose axes it names.

    Raises InputError for a job that is refused anywhere, and where the sweep's own store has other code.
    """
    label, told = "", ""
    empty: Path | None = None
    for path in (base, *_beside(base)):
        if (store := _stored(path)) is None:
            if path == base:  # none, or one that is damaged, of which a run tells
                empty = base
            continue
        try:
            job = _continued(path, store, made)
        except OtherSweepError as error:
            from spikesweep.sweep.identity import holds_nothing

            if empty is None and holds_nothing(store):
                empty = path
            if path == base:
                label, told = _label(options, error.found), str(error)
            continue
        return made(path, None) if options.overwrite else job
    if options.overwrite or empty is not None:
        return made(base if empty is None else empty, None)
    return replace(made(_free(base, label), None), beside=told)


def _continued(path: Path, store: "Store", made: "Callable[[Path, Store | None], Job]") -> "Job":
    """Return the job in a store; raise OtherSweepError where that holds another sweep."""
    from spikesweep.sweep.identity import refuse_other_sweep

    try:
        job = made(path, store)
    except OtherSweepError:
        raise
    except InputError as error:
        made(path, None)  # refused without the store's axes, too
        raise OtherSweepError(str(error)) from error
    refuse_other_sweep(job, store)
    return job


def _beside(base: Path) -> Iterator[Path]:
    """Yield the paths of stores beside the first one, oldest names first."""
    from spikesweep.store.paths import FIT, is_foreign

    # a name may hold brackets: no pattern
    found = [p for p in base.parent.iterdir() if p.suffix == ".zarr"] if base.parent.is_dir() else []
    names = sorted((len(p.name), p.name) for p in found if p.name.startswith(f"{base.stem}-"))
    for _, name in names:
        path = base.parent / name
        if not name.endswith(FIT) and path.is_dir() and not is_foreign(path):
            yield path


def _stored(path: Path) -> "Store | None":
    """Return the store at a path, None where there is none that can be used."""
    if not path.exists():
        return None
    from spikesweep.store import Store  # late: most of what is refused is so before it is looked at

    with suppress(InputError):  # what is wrong with it is told when it is used
        return Store.at(path)
    return None


def _label(options: Options, differences: tuple[tuple[str, str], ...]) -> str:
    """Return what a name says of a sweep beside the first one: its points, or values that are others."""
    values = [(key, value) for key, value in differences if value != "nothing"]
    if options.points is not None:
        words = [Path(options.points).stem]
    elif options.sample.num is not None:
        words = ["sample"]
    elif options.refine is not None:
        words = ["refined"]
    elif options.optimise is not None:
        words = ["optimised"]
    elif options.zip:
        words = [*options.zip]
    elif options.exclude:
        words = ["excluded"]
    elif options.summary:
        words = ["summary"]
    elif len(values) <= _NAMED:
        words = [f"{key.rpartition('.')[2]}_{value}" for key, value in values]
    else:
        words = []
    word = re.sub(r"[^\w.+-]+", "", "-".join(words))
    return re.sub(r"\.0(?=-|$)", "", word)[:_LONGEST].strip(".-")


def _free(base: Path, label: str) -> Path:
    """Return a path beside the first store at which nothing is."""
    named = f"{base.stem}-{label}" if label else base.stem
    names = (f"{named}-{n}" if n > 1 else named for n in count(1 if label else 2))
    return next(p for p in (base.with_name(f"{name}.zarr") for name in names) if not p.exists())
