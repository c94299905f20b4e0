"""The commands on stores: ls, show, check, diff, verify, replay."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from spikesweep import store as stores
from spikesweep.errors import DamagedError, InputError
from spikesweep.grid.schema import STATUS_MEANINGS
from spikesweep.store.check import check, repair
from spikesweep.store.compare import compare
from spikesweep.store.paths import store_paths
from spikesweep.sweep.identity import differences
from spikesweep.sweep.replay import OtherResult, replay, verify


def main(arguments: list[str] | None = None) -> None:
    """Carry out a command; exit code 1 where it found something wrong, 2 where it was refused."""
    parsed = _parser().parse_args(arguments)
    try:
        sys.exit(parsed.command(parsed))
    except InputError as error:
        print(f"refused: {error}", file=sys.stderr)
        sys.exit(2)
    except (OSError, OtherResult) as error:
        print(f"stopped: {error}", file=sys.stderr)
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m spikesweep", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, command: Callable[[Any], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    add("ls", _ls, "one line for each sweep").add_argument("folder", nargs="?", default="outputs")
    add("show", _show, "one sweep in full").add_argument("path")
    one = add("check", _check, "find what is missing, truncated, changed or contradictory")
    one.add_argument("path")
    one.add_argument("--repair", action="store_true", help="mark just those points missing")
    two = add("diff", _diff, "compare configuration, code and results of two stores")
    two.add_argument("a")
    two.add_argument("b")
    three = add("verify", _verify, "compute random points again and record the outcome")
    three.add_argument("path")
    three.add_argument("-k", type=int, default=20, help="how many points")
    four = add("replay", _replay, "compute one point again with traces: replay PATH fe=4 fi=10 population=RS")
    four.add_argument("path")
    four.add_argument("labels", nargs="*", metavar="axis=value")
    return parser


def _at(path: str) -> stores.Store:
    store = stores.Store.at(Path(path).resolve() if Path(path).is_symlink() else Path(path))
    if store is None:
        raise InputError(f"{path} does not exist; allowed: the path of a store (.zarr)")
    return store


def _counts(store: stores.Store) -> dict[str, int]:
    counts = np.bincount(store.status().ravel(), minlength=len(STATUS_MEANINGS.split()))
    return dict(zip(STATUS_MEANINGS.split(), map(int, counts), strict=True))


def _ls(parsed: Any) -> int:
    if not Path(parsed.folder).is_dir():
        raise InputError(f"{parsed.folder} does not exist; allowed: a folder that holds sweeps")
    table = Table(box=None)
    for heading in ("sweep", "axes", "done", "failed", "missing", "MB", "age", "configuration"):
        table.add_column(heading, no_wrap=True)
    for path in store_paths(Path(parsed.folder)):
        try:
            table.add_row(*_row(_at(str(path)), path))
        except DamagedError as error:
            table.add_row(str(path), f"damaged: {error.what}")
        except InputError:
            table.add_row(str(path), "not a store of spikesweep")
        except Exception as error:  # whatever a damaged store raises: the others are listed
            table.add_row(str(path), f"cannot be read ({type(error).__name__}); python -m spikesweep check")
    Console(width=400, markup=False).print(table if table.row_count else f"no sweeps below {parsed.folder}")
    return 0


def _row(store: stores.Store, path: Path) -> list[str]:
    attrs, counts = store.attrs, _counts(store)
    axes = " x ".join(f"{name} {len(values)}" for name, values in store.axis_values().items())
    failed = counts["failed"] + counts["non_finite"]
    choices = " ".join(f"{k}={v}" for k, v in attrs["configuration"]["choices"].items())
    age = datetime.now(UTC) - datetime.fromisoformat(attrs["created"])
    megabytes = f"{_size(path) / 1e6:.1f}"
    return [
        str(path),
        axes,
        str(counts["ok"] + counts["saturated"]),
        str(failed),
        str(counts["missing"]),
        megabytes,
        _age(age.total_seconds()),
        choices,
    ]


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _show(parsed: Any) -> int:
    store = _at(parsed.path)
    print(store.open())
    print(json.dumps({"points": _counts(store)}, indent=2))
    print(json.dumps(store.attrs, indent=2))
    for record in store.failures():
        print(f"an attempt failed at {record['point']} on {record['host']}: {record['reason']}")
        print(record["detail"], end="")
    return 0


def _check(parsed: Any) -> int:
    store = _at(parsed.path)
    if parsed.repair:
        with store.locked():
            problems = check(store)
            for problem in problems:
                print(problem.what)
            if problems and (n_points := repair(store, problems)):
                print(f"{n_points} points marked missing; the next run computes them")
            stores.remove_leftovers(store.path)
            problems = check(store)
    else:
        problems = check(store)
    for problem in problems:
        print(problem.what)
    if any(problem.fatal for problem in problems):
        print(
            "no point can mend this; allowed: a copy of the file, or overwrite=true (all is computed again)"
        )
    missing = 0 if problems else _counts(store)["missing"]
    if missing:
        print(f"{missing} points are not computed yet")
    if not problems:
        print("whole" if not parsed.repair else "whole now")
    return 1 if problems else 0


def _diff(parsed: Any) -> int:
    a, b = _at(parsed.a), _at(parsed.b)
    found = differences(a.attrs["configuration"], b.attrs["configuration"])
    found += differences(a.attrs["code"], b.attrs["code"], "code of ")
    found += differences(a.attrs["versions"], b.attrs["versions"], "versions.")
    for line in found or ["same configuration, code and versions"]:
        print(line)
    unlike = compare(a, b)
    for line in unlike or ["all results are equal"]:
        print(line)
    return 1 if found or unlike else 0


def _verify(parsed: Any) -> int:
    store = _at(parsed.path)
    if parsed.k < 1:
        raise InputError(f"-k {parsed.k} is refused; allowed: at least 1")
    outcome = verify(store, parsed.k, np.random.default_rng())
    print(f"{outcome['verified']} points computed again, {len(outcome['different'])} came out otherwise")
    for point in outcome["different"]:
        print(f"  {point}")
    try:
        store.record_verification(outcome)
    except OSError as error:
        print(f"this is not recorded: {error}", file=sys.stderr)
    return 1 if outcome["different"] else 0


def _replay(parsed: Any) -> int:
    labels: dict[str, Any] = {}
    for word in parsed.labels:
        name, _, value = word.partition("=")
        truth = {"true": True, "false": False}.get(value.lower())
        try:
            labels[name] = float(value) if truth is None else truth
        except ValueError:
            labels[name] = value
    print(replay(_at(parsed.path), labels))
    return 0
