"""The commands on stores: ls, show, check, diff, verify, replay."""

import json
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from spikesweep import store as stores
from spikesweep.errors import DamagedError, InputError
from spikesweep.grid.schema import STATUS_MEANINGS
from spikesweep.grid.texts import counted, size_text
from spikesweep.store import check as checks
from spikesweep.store.missing import not_there
from spikesweep.store.paths import store_paths
from spikesweep.store.reading import UNFINISHED
from spikesweep.store.records import HIDDEN
from spikesweep.store.remote import file_sizes
from spikesweep.trust import named_words

#: Stores below a folder that a refusal names.
_NAMED = 8
#: Columns of a terminal below which `ls` leaves out what the paths say already.
_WIDE = 140
#: Bytes of a point whose numbers are printed.
_SMALL = 1_000_000
#: Columns that all others need.
_REST = 55


def _read(path: str | stores.Place) -> stores.Reader:
    """Return the store at a path or a URL."""
    place = stores.place(path) if isinstance(path, str) else path
    if place.is_dir() and not any((place / name).exists() for name in ("zarr.json", UNFINISHED, HIDDEN)):
        below = [str(found) for found in store_paths(place)]
        many = ", ..." if len(below) > _NAMED else ""
        known = f"{', '.join(below[:_NAMED])}{many}" if below else "the path or the URL of a store (.zarr)"
        raise InputError(f"{place} is not a store, but a folder; allowed: {known}")
    store = stores.stored(place.resolve() if isinstance(place, Path) and place.is_symlink() else place)
    if store is None:
        raise not_there(place)
    return store


def local(path: str, command: str) -> stores.Store:
    """Return the store at a path; raise InputError for a URL, where a command writes or computes."""
    store = _read(path)
    if not isinstance(store, stores.Store):
        raise InputError(f"{command} {store.path} is refused; allowed: the path of a store of this machine")
    return store


def _counts(store: stores.Reader) -> dict[str, int]:
    counts = np.bincount(store.told().ravel(), minlength=len(STATUS_MEANINGS.split()))
    return dict(zip(STATUS_MEANINGS.split(), map(int, counts), strict=True))


_COLUMNS = ("sweep", "axes", "done", "failed", "missing", "size", "age", "configuration")
#: Values that tell a store from the first of its folder, in a line of `ls`.
_OTHERS = 3


def ls(parsed: Any) -> int:
    """Print a line for each sweep of a folder, or below a URL."""
    folder = stores.place(parsed.folder)
    if not folder.is_dir():
        raise InputError(f"{folder} does not exist; allowed: a folder that holds sweeps")
    table = Table(box=None)
    live = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if live else 400
    for heading in _COLUMNS if width >= _WIDE else _COLUMNS[:-1]:
        number = heading in ("done", "failed", "missing", "size", "age")
        table.add_column(heading, no_wrap=True, overflow="ellipsis", min_width=len(heading) if number else 8)
    paths = store_paths(folder)
    for path in paths:
        try:
            table.add_row(*_row(_read(path), path, paths)[: len(table.columns)])
        except DamagedError as error:
            table.add_row(str(path), f"damaged: {error.what}")
        except InputError:
            table.add_row(str(path), "not a store of spikesweep")
        except Exception as error:  # whatever a damaged store raises: the others are listed
            table.add_row(str(path), f"cannot be read ({type(error).__name__}); python -m spikesweep check")
    longest = max((len(str(cell)) for cell in table.columns[0].cells), default=0)
    table.columns[0].min_width = min(longest, max(width - _REST, 20))  # axes are cut first
    Console(width=width, markup=False).print(table if table.row_count else f"no sweeps below {folder}")
    return 0


def _row(store: stores.Reader, path: stores.Place, paths: Sequence[stores.Place]) -> list[str]:
    attrs, counts = store.attrs, _counts(store)
    axes = " x ".join(f"{name} {len(values)}" for name, values in store.axis_values().items())
    failed = counts["failed"] + counts["non_finite"]
    choices = " ".join(f"{k}={v}" for k, v in attrs["configuration"]["choices"].items())
    age = datetime.now(UTC) - datetime.fromisoformat(attrs["created"])
    return [
        str(path),
        axes,
        str(counts["ok"] + counts["saturated"] + counts["gated"]),
        str(failed),
        str(counts["missing"]),
        size_text(sum(file_sizes(path))),
        _age(age.total_seconds()),
        " ".join([choices, *_unlike_first(store, path, paths)]),
    ]


def _unlike_first(store: stores.Reader, path: stores.Place, paths: Sequence[stores.Place]) -> list[str]:
    """Return what a store has other than the first one of its folder with the same name, by key."""
    named = str(path).removesuffix(".zarr")
    alike = [p for p in paths if f"{named}-".startswith(f"{str(p).removesuffix('.zarr')}-")]
    first = min(alike, key=lambda p: len(str(p)))
    if str(first) == str(path):
        return []
    from spikesweep.sweep.identity import differences

    with suppress(Exception):  # the first may be damaged in any way, and has a line that says so
        lines = differences(_read(first).attrs["configuration"], store.attrs["configuration"])
        pairs = [line.partition(": ")[::2] for line in lines if not line.endswith("nothing here")]
        told = [f"{key}={values.rpartition(' there, ')[2].removesuffix(' here')}" for key, values in pairs]
        return told[:_OTHERS] + ["..."] * (len(told) > _OTHERS)
    return []


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def show(parsed: Any) -> int:
    """Print the page of a sweep, or with --json all that its store says; failures, and sources if asked."""
    store = _read(parsed.path)
    attrs = dict(store.attrs)
    models = attrs.pop("models", {})
    if parsed.json:
        if models:
            attrs["models"] = {module: kept["code"] for module, kept in models.items()}
        print(store.open().drop_attrs(deep=False))
        print(json.dumps({"points": _counts(store)}, indent=2))
        print(json.dumps(attrs, indent=2))
    else:
        from spikesweep.api.shown import page  # late: it needs models

        print(page(store))
    for module, kept in models.items() if parsed.sources else ():
        print(f"# {module}, code {kept['code']}\n{kept['source']}")
    told = set()
    for record in store.failures():
        print(f"an attempt failed at {record['point']} on {record['host']}: {record['reason']}")
        if record["reason"] not in told:  # of many that failed in one way the first one's
            print(record["detail"], end="")
        told.add(record["reason"])
    return 0


def check(parsed: Any) -> int:
    """Print what is damaged, and repair it if asked for."""
    store = _read(parsed.path)
    mended = False
    if parsed.repair:
        store = local(parsed.path, "check --repair")
        with store.locked():
            problems = checks.check(store)
            mended = bool(problems)
            for problem in problems:
                print(problem.what)
            if problems and (n_points := checks.repair(store, problems)):
                print(f"{n_points} points marked missing; the next run computes them")
            stores.remove_leftovers(store.path)
            problems = checks.check(store)
    else:
        problems = checks.check(store)
    for problem in problems:
        print(problem.what)
    if problems and not isinstance(store, stores.Store):
        print("nothing is mended here; allowed: python -m spikesweep push of the store that was pushed here")
    elif any(problem.fatal for problem in problems):
        print(
            "no point can mend this; allowed: a copy of the file, or overwrite=true (all is computed again)"
        )
    missing = 0 if problems else _counts(store)["missing"]
    if missing:
        print(f"{missing} points are not computed yet")
    if not problems:
        print("whole now" if mended else "whole")
    return 1 if problems else 0


def diff(parsed: Any) -> int:
    """Print what differs between two stores."""
    from spikesweep.store.compare import compare  # late: it needs xarray
    from spikesweep.sweep.identity import comparable, differences

    a, b = _read(parsed.a), _read(parsed.b)
    found = differences(comparable(a.attrs["configuration"]), comparable(b.attrs["configuration"]))
    found += differences(a.attrs["code"], b.attrs["code"], "code of ")
    found += differences(a.attrs["versions"], b.attrs["versions"], "versions.")
    for line in found or ["same configuration, code and versions"]:
        print(line)
    unlike = compare(a, b)
    for line in unlike or ["all results are equal"]:
        print(line)
    return 1 if found or unlike else 0


def verify(parsed: Any) -> int:
    """Compute random points again, and record the outcome."""
    from spikesweep.sweep import replay as recompute

    if rest := _without_models(parsed.words):
        named = "models=FOLDER, function=FILE.py:NAME, summary=FILE.py:NAME"
        raise InputError(f"{' '.join(rest)} is refused; allowed: {named}")
    store = local(parsed.path, "verify")
    if parsed.k < 1:
        raise InputError(f"-k {parsed.k} is refused; allowed: at least 1")
    _tell_edited(store)
    outcome = recompute.verify(store, parsed.k, np.random.default_rng())
    print(f"{counted(outcome['verified'])} computed again, {len(outcome['different'])} came out otherwise")
    for point in outcome["different"]:
        print(f"  {point}")
    try:
        store.record_verification(outcome)
    except OSError as error:
        print(f"this is not recorded: {error}", file=sys.stderr)
    return 1 if outcome["different"] else 0


def _without_models(words: Sequence[str]) -> list[str]:
    """Return words without those that name models or a function, which may be run now; raise InputError."""
    named = ("protocol=function", "protocol.function=", "summary=")
    return [word for word in named_words(words) if not word.startswith(named)]


def _tell_edited(store: stores.Store) -> None:
    """Say which models from outside are not what the store's results were computed with."""
    from spikesweep.sweep.fingerprint import edited

    for module in edited(store.attrs.get("models", {})):
        print(f"{module} is not what was run: spikesweep show {store.path} --sources", file=sys.stderr)


def labels_of(words: Sequence[str]) -> dict[str, Any]:
    """Return the labels of words, `fi=8 population=RS`; raise InputError for a word that is none."""
    labels: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"{word} is refused; allowed: axis=value")
        truth = {"true": True, "false": False}.get(value.lower())
        try:
            labels[name] = float(value) if truth is None else truth
        except ValueError:
            labels[name] = value
    return labels


def replay(parsed: Any) -> int:
    """Compute a point again and print its traces."""
    from spikesweep.sweep import replay as recompute

    labels = labels_of(_without_models(parsed.words))
    store = local(parsed.path, "replay")
    _tell_edited(store)
    try:
        found = recompute.replay(store, labels)
        print(found.load() if found.nbytes < _SMALL else found)  # numbers, where they are few
    except recompute.OtherResult as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    return 0
