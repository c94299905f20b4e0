"""Find what is damaged in a store, and mark just those points missing."""

from dataclasses import dataclass
from math import prod

import numpy as np

from spikesweep import store as stores
from spikesweep.grid import Block, Grid
from spikesweep.protocols.base import FAILED, Axis


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was written."""

    what: str
    block: Block | None  #: the points to mark missing; None where no point can mend it


def check(store: stores.Store) -> list[Problem]:
    """Return everything in a store that is missing, truncated, changed or contradictory."""
    damaged = store.damaged_metadata()
    if damaged:
        return [Problem(f"{name} is damaged or gone", None) for name in damaged]
    problems = [Problem(f"{name} is damaged", None) for name in store.damaged_failures()]
    failed = [record["point"] for record in store.failures()]
    grid = plain_grid(store)
    for block in grid.blocks(store.chunks):
        what = _block_problem(store, grid, block, failed)
        if what:
            problems.append(Problem(f"{_place(grid, block)}: {what}", block))
    return problems


def repair(store: stores.Store, problems: list[Problem]) -> int:
    """Mark the points of damaged blocks missing; return how many points. Call it under the lock."""
    blocks = {problem.block for problem in problems if problem.block is not None}
    for block in blocks:
        store.forget_block(block)
    store.remove_damaged_failures()
    return sum(block.n_points for block in blocks)


def plain_grid(store: stores.Store) -> Grid:
    """Return the grid of a store without what only its protocol knows of the axes."""
    values = store.axis_values()
    axes = tuple(Axis(name, "1", name, -np.inf) for name in values)
    return Grid(axes, tuple(values.values()))


def _block_problem(store: stores.Store, grid: Grid, block: Block, failed: list[dict[str, float]]) -> str:
    """Return what is wrong with a block, nothing if it is whole or visibly missing."""
    try:
        digest = store.block_record(block)
    except ValueError:
        return "its record is damaged"
    try:
        results, status = store.read_block(block)
    except Exception as error:  # whatever a codec says of a damaged chunk
        return f"a chunk cannot be read ({type(error).__name__}: {error})"
    if digest is None:
        return "it has results and no record" if status.any() else ""
    if not store.has_chunk("status", block):
        return "it was recorded, and its status is gone"
    gone = [name for name in results if not store.has_chunk(name, block)]
    if gone:
        return f"the chunk of {', '.join(gone)} is gone"
    if store.digest(block, results, status) != digest:
        return "its values are not those that were recorded"
    return _unexplained(grid, block, status, failed)


def _unexplained(grid: Grid, block: Block, status: np.ndarray, failed: list[dict[str, float]]) -> str:
    """Return which failed point has no record of its failure."""
    for index in np.argwhere(status == FAILED):
        where = {
            n: v[s + i].item() for n, v, s, i in zip(grid.names, grid.values, block.start, index, strict=True)
        }
        if not any(all(where.get(name) == value for name, value in point.items()) for point in failed):
            return f"the reason why {where} failed is gone"
    return ""


def _place(grid: Grid, block: Block) -> str:
    parts = []
    for name, values, a, b in zip(grid.names, grid.values, block.start, block.stop, strict=True):
        parts.append(f"{name}={values[a]:g}" + (f"..{values[b - 1]:g}" if b - a > 1 else ""))
    return f"{prod(block.shape)} points at {' '.join(parts)}"
