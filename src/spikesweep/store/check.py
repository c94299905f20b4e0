"""Find what is damaged in a store, and mark just those points missing."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from spikesweep import store as stores
from spikesweep.errors import DamagedError
from spikesweep.grid.grid import POINT, Block, Grid
from spikesweep.grid.schema import FAILED, Axis
from spikesweep.grid.texts import counted, place_text
from spikesweep.store.remote import Remote

#: A block that is being written is whole after this time (s).
_WRITTEN = 0.5
#: Blocks below a URL that are read at a time.
_AT_A_TIME = 16

#: Values on some axes, by the names of these.
_Points = dict[tuple[str, ...], set[tuple[Any, ...]]]


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was written."""

    what: str
    block: Block | None  #: the points to mark missing; None where that mends nothing
    fatal: bool = False  #: a file that never changes has changed


def check(store: stores.Reader) -> list[Problem]:
    """Return everything in a store that is missing, truncated, changed or contradictory."""
    damaged = store.damaged_metadata()
    if damaged:
        return [Problem(f"{name} is damaged or gone", None, fatal=True) for name in damaged]
    problems = [Problem(f"{name} is damaged", None) for name in store.damaged_records()]
    failed = _points(store.failures())
    grid = plain_grid(store)
    suspects = _suspects(store, grid, failed)
    if suspects:  # perhaps a driver was just writing them
        time.sleep(_WRITTEN)
        failed = _points(store.failures())
    for block in suspects:
        if what := _block_problem(store, grid, block, failed):
            where = f"{counted(block.n_points)} at {place_text(grid, block)}"
            problems.append(Problem(f"{where}: {what}", block))
    return problems


def _suspects(store: stores.Reader, grid: Grid, failed: _Points) -> list[Block]:
    blocks = list(store.blocks())
    find = partial(_block_problem, store, grid, failed=failed)
    if not isinstance(store.path, Remote):
        return [block for block in blocks if find(block)]
    _ = store.variables  # what all blocks need is read here, once
    with ThreadPoolExecutor(_AT_A_TIME) as pool:  # each waits for answers
        return [block for block, what in zip(blocks, pool.map(find, blocks), strict=True) if what]


def repair(store: stores.Store, problems: list[Problem]) -> int:
    """Mark the points of damaged blocks missing; return how many points. Call it under the lock."""
    blocks = {problem.block for problem in problems if problem.block is not None}
    for block in blocks:
        store.forget_block(block)
    store.remove_damaged_records()
    store.remove_partial_files()
    return sum(block.n_points for block in blocks)


def plain_grid(store: stores.Reader) -> Grid:
    """Return the grid of a store without what only its protocol knows of the axes."""
    values, columns = store.axis_values(), store.columns()
    plain = {name: Axis(name, "1", name, -np.inf) for name in (*values, *columns)}
    beside = tuple((plain[name], column) for name, column in columns.items())
    return Grid(tuple(plain[name] for name in values), tuple(values.values()), beside)


def _block_problem(store: stores.Reader, grid: Grid, block: Block, failed: _Points) -> str:
    """Return what is wrong with a block, nothing if it is whole or visibly missing."""
    try:
        _, status = store.read_whole(block)
        if store.status_is_gone(block):
            return "it was recorded, and its status is gone"
    except DamagedError as error:
        return error.what
    return _unexplained(grid, block, status, failed)


def _unexplained(grid: Grid, block: Block, status: np.ndarray, failed: _Points) -> str:
    """Return which failed point has no record of its failure."""
    for index in np.argwhere(status == FAILED):
        where = {
            n: v[s + i].item() for n, v, s, i in zip(grid.names, grid.values, block.start, index, strict=True)
        }
        where |= {axis.name: values[where[POINT.name]].item() for axis, values in grid.columns}
        if not any(tuple(where.get(name) for name in names) in points for names, points in failed.items()):
            return f"the reason why {where} failed is gone"
    return ""


def _points(failures: list[dict[str, Any]]) -> _Points:
    """Return the points that failed, by the names of their axes."""
    found: _Points = {}
    for record in failures:
        names = tuple(sorted(record["point"]))
        found.setdefault(names, set()).add(tuple(record["point"][name] for name in names))
    return found
