"""What is drawn of a store, as arrays: means over what is not shown. Knows no browser."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.grid.grid import POINT
from spikesweep.grid.schema import (
    DONE,
    FAILED,
    FAILURES,
    GATED,
    MISSING,
    NON_FINITE,
    NOT_ASKED,
    OK,
    SATURATED,
)
from spikesweep.view.labels import plain_text
from spikesweep.view.source import UNREADABLE, Source
from spikesweep.view.state import Fitted

#: The status of several points is the first of these that one of them has: a failure is not to be missed.
SEVERITY = (FAILED, NON_FINITE, UNREADABLE, MISSING, GATED, SATURATED, OK, NOT_ASKED)
#: Reasons of failures that are told apart; the next code is that of all others.
REASONS = 7
#: Of a status its place in that, and back.
RANK = np.argsort(np.array(SEVERITY)).astype(np.uint8)  # of a status
STATUS = np.array(SEVERITY, np.uint8)

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a map, each the mean of points; shape (y, x), of points that are no grid (point,)."""

    mean: Numbers  #: of the variable, NaN where no point is done
    sd: Numbers  #: over what is averaged, with n - 1; NaN of less than two
    n: NDArray[np.int32]  #: values of the mean
    total: NDArray[np.int32]  #: points of the cell
    status: NDArray[np.uint8]  #: the most severe of its points
    seconds: Numbers  #: of a point
    reason: Numbers  #: of failures, a place in `reasons`; NaN where none failed
    reasons: tuple[str, ...]

    def each(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> "Cells":
        """Return the cells as `change` rearranges an array of them."""
        arrays = (self.mean, self.sd, self.n, self.total, self.status, self.seconds, self.reason)
        mean, sd, n, total, status, seconds, reason = (change(array) for array in arrays)
        return Cells(mean, sd, n, total, status, seconds, reason, self.reasons)

    def layer(self, name: str) -> Numbers:
        """Return what a map shows."""
        found = {"value": self.mean, "sd": self.sd, "seconds": self.seconds, "error": self.reason}
        return found[name] if name in found else self.status.astype(np.float64)


def cells(source: Source, view: Fitted) -> Cells:
    """Return the cells that a view shows of a store."""
    space, state = source.space, view.state
    own, values = source.values(state.variable, view.fixed)
    shown = [POINT.name] if space.columns else [d for d in (state.y, state.x) if d]
    status, axes = _at(source.status, space.axes, view.fixed)
    values, own = _at(values, own, view.fixed)
    done = _aligned(_any_done(status, axes, own), [d for d in axes if d in own], own)
    mean, sd, n = _moments(np.where(done, values, np.nan), own, shown)
    severe, total = _severe(status, axes, shown)
    shape = mean.shape
    seconds = np.full(shape, np.nan)
    if state.layer == "seconds":
        taken, left = _at(source.seconds(), space.axes, view.fixed)
        seconds = np.broadcast_to(_moments(_where_done(taken, status), left, shown)[0], shape)
    reason: Numbers = np.full(shape, np.nan)
    reasons: tuple[str, ...] = ()
    if state.layer == "error":
        codes, reasons = _reasons(source)
        left_codes, left = _at(codes, space.axes, view.fixed)
        reason = np.broadcast_to(_max(left_codes, left, shown), shape)
    return Cells(
        mean, sd, n, np.broadcast_to(total, shape), np.broadcast_to(severe, shape), seconds, reason, reasons
    )


def _at(
    array: NDArray[Any], dims: Sequence[str], fixed: Mapping[str, int]
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return an array at places on some of its dimensions, and the dimensions that are left."""
    index = tuple(fixed.get(d, slice(None)) for d in dims)
    return array[index], tuple(d for d in dims if d not in fixed)


def _any_done(status: NDArray[np.uint8], axes: Sequence[str], own: Sequence[str]) -> NDArray[np.bool_]:
    """Return which points have results, along the axes that a variable has: at any value of the others."""
    lacking = tuple(i for i, d in enumerate(axes) if d not in own)
    return np.asarray(np.isin(status, DONE).any(axis=lacking))


def _aligned(array: NDArray[Any], dims: Sequence[str], own: Sequence[str]) -> NDArray[Any]:
    """Return an array with an axis for each dimension of `own`, of length 1 where it has none."""
    order = [dims.index(d) for d in own if d in dims]
    shape = [array.shape[dims.index(d)] if d in dims else 1 for d in own]
    return array.transpose(order).reshape(shape)


def _moments(
    values: Numbers, own: Sequence[str], shown: Sequence[str]
) -> tuple[Numbers, Numbers, NDArray[np.int32]]:
    """Return mean, SD and number over all dimensions but those that are shown, in their order."""
    ordered = _front(values, own, shown)
    axes = tuple(range(len(shown), ordered.ndim))
    finite = np.isfinite(ordered)
    n = finite.sum(axis=axes).astype(np.int32)
    with np.errstate(all="ignore"):
        mean = np.where(finite, ordered, 0.0).sum(axis=axes) / np.where(n, n, np.nan)
        aside = np.where(finite, ordered - mean.reshape(mean.shape + (1,) * len(axes)), 0.0)
        sd = np.sqrt((aside**2).sum(axis=axes) / np.where(n > 1, n - 1, np.nan))
    return mean, sd, n


def _front(array: NDArray[Any], own: Sequence[str], shown: Sequence[str]) -> NDArray[Any]:
    """Return an array whose first dimensions are those that are shown, of length 1 where it has none."""
    rest = [d for d in own if d not in shown]
    have = [d for d in shown if d in own]
    ordered = array.transpose([list(own).index(d) for d in (*have, *rest)])
    sizes = iter(ordered.shape)
    shape = [next(sizes) if d in own else 1 for d in shown]
    return ordered.reshape(*shape, *sizes)


def _severe(
    status: NDArray[np.uint8], axes: Sequence[str], shown: Sequence[str]
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the most severe status over what is not shown, and how many points were asked for."""
    ordered = _front(status, axes, shown)
    rest = tuple(range(len(shown), ordered.ndim))
    severe = STATUS[RANK[ordered].min(axis=rest)] if rest else ordered
    return severe, np.count_nonzero(ordered != NOT_ASKED, axis=rest).astype(np.int32) if rest else (
        (ordered != NOT_ASKED).astype(np.int32)
    )


def _where_done(values: Numbers, status: NDArray[np.uint8]) -> Numbers:
    return np.where(np.isin(status, (*DONE, *FAILURES)), values, np.nan)


def _max(values: Numbers, own: Sequence[str], shown: Sequence[str]) -> Numbers:
    """Return the first reason of a cell, NaN where there is none."""
    ordered = _front(values, own, shown)
    rest = tuple(range(len(shown), ordered.ndim))
    found = np.where(np.isnan(ordered), np.inf, ordered).min(axis=rest) if rest else ordered
    return np.where(np.isinf(found), np.nan, found)


def _reasons(source: Source) -> tuple[Numbers, tuple[str, ...]]:
    """Return for each point that failed which reason it had, and the reasons, the most frequent first."""
    codes = np.full(source.status.shape, np.nan)
    codes[source.status == NON_FINITE] = 0
    last: dict[tuple[int, ...], str] = {}
    for record in source.failures():
        for index in _places(source, record["point"]):
            last[index] = plain_text(str(record.get("reason", "")), 80)
    failed = {i: r for i, r in last.items() if source.status[i] == FAILED}
    counted: dict[str, int] = {}
    for text in failed.values():
        counted[text] = counted.get(text, 0) + 1
    ranked = sorted(counted, key=lambda text: -counted[text])
    place = {text: min(1 + i, REASONS) for i, text in enumerate(ranked)}
    codes[source.status == FAILED] = REASONS  # of some the record is lost
    for index, text in failed.items():
        codes[index] = place[text]
    others = ("others",) if len(ranked) >= REASONS else ()
    return codes, ("not finite", *ranked[: REASONS - 1], *others)


def _places(source: Source, point: Mapping[str, Any]) -> list[tuple[int, ...]]:
    """Return where the point of a record is; records say nothing of whole axes: all of their values."""
    space, parts = source.space, []
    if space.columns:
        masks = [c.values == point[k] for k, c in space.columns.items() if k in point]
        here = np.flatnonzero(np.all(masks, axis=0)) if masks else np.arange(0)
    for axis in space.axes:
        if axis == POINT.name and space.columns:
            parts.append(here)
        elif axis in point:
            place = space.dims[axis].place(str(point[axis]))
            if place is None:
                return []
            parts.append(np.array([place]))
        else:
            parts.append(np.arange(len(space.dims[axis].values)))
    return [
        tuple(row)
        for row in np.stack(np.meshgrid(*parts, indexing="ij"), -1).reshape(-1, len(parts)).tolist()
    ]


def difference(a: Cells, b: Cells, places: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> Cells:
    """Return b minus a, on the cells of a; `places` are those of common labels in both, for y and for x."""
    (ay, by), (ax, bx) = places
    here, there = np.ix_(ay, ax), np.ix_(by, bx)
    mean, sd = np.full(a.mean.shape, np.nan), np.full(a.mean.shape, np.nan)
    mean[here] = b.mean[there] - a.mean[here]
    sd[here] = np.hypot(a.sd[here], b.sd[there])
    n = np.zeros(a.n.shape, np.int32)
    n[here] = np.minimum(a.n[here], b.n[there])
    status = np.full(a.status.shape, NOT_ASKED, np.uint8)
    ranks = np.minimum(RANK[a.status[here]], RANK[b.status[there]])
    status[here] = STATUS[ranks]
    empty = np.full(a.mean.shape, np.nan)
    return Cells(mean, sd, n, a.total, status, empty, empty, ())
