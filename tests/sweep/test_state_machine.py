"""Any sequence of runs, crashes, growths, damage and repairs: what is done stays, and is right."""

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from conftest import LONG
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import spikesweep as ss
from spikesweep.api.progress import Terminal
from spikesweep.errors import DamagedError, InputError
from spikesweep.grid.grid import Axis, Block, Grid
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import FAILED, MISSING, OK, Variable
from spikesweep.protocols.base import Experiment
from spikesweep.store import Store, durable
from spikesweep.store.check import check, repair
from spikesweep.sweep import run as sweep
from spikesweep.sweep.compute.serial import Serial
from spikesweep.sweep.job import make_job

VALUES = {"k": [0, 1], "i": [0, 1, 2], "j": [0, 1], "w": [1, 2]}


class Crash(BaseException):
    """Stands for a kill."""


def spikes_of(k, i, j):
    """Return the values of a point, none or a few."""
    return [100.0 * k + 10.0 * i + j + n for n in range((k + 2 * i + j) % 4)]


@dataclass(frozen=True)
class Sums(Experiment):
    """The sum of all coordinates, and as many values as a point's coordinates say."""

    axes: ClassVar[tuple[Axis, ...]] = (
        Axis("k", "1", "an axis that came later", 0, integer=True),
        Axis("i", "1", "first", 0, integer=True),
        Axis("j", "1", "second", 0, integer=True),
        Axis("w", "1", "whole", 0, integer=True, whole=True),
    )
    variables: ClassVar[tuple[Variable, ...]] = (
        Variable("total", (), "1", "the sum"),
        Variable("event", ("kind",), "1", "values", ragged="event", without=("w",)),
        Variable("mark", (), "1", "as many values as w", dtype="int32", ragged="mark"),
    )
    poison: ClassVar[set[tuple[int, int]]] = set()
    computed: ClassVar[list[tuple[int, int, int]]] = []

    def check(self, network):
        """Refuse nothing."""

    def coordinates(self, network):
        """Return the kinds of events."""
        return {"kind": ["plus", "minus"]}

    def work(self, network, whole):
        """Return next to no work."""
        return 1.0

    def prepare(self, network):
        """Compile nothing."""

    def __call__(self, network, points, whole):
        """Return the variables, or raise where one of the points is poison."""
        w = whole["w"]
        k = points.get("k", np.zeros_like(points["i"]))
        rows = list(zip(k.tolist(), points["i"].tolist(), points["j"].tolist(), strict=True))
        if any((i, j) in self.poison for _, i, j in rows):
            raise ValueError("poison")
        self.computed.extend(rows)
        events = [[sign * v for v in spikes_of(*row)] for sign in (1, -1) for row in rows]
        sizes = np.array([len(e) for e in events], np.int64).reshape(2, len(rows))
        marks = np.tile(w, (len(rows), 1))
        return {
            "total": np.array([sum(row) for row in rows])[:, np.newaxis] + w + 0.0,
            "event": Ragged(np.array([v for e in events for v in e], np.float64), sizes),
            "mark": Ragged(np.repeat(marks, marks.ravel()).astype(np.int32), marks),
        }


requests = st.fixed_dictionaries(
    {name: st.lists(st.sampled_from(v), min_size=1, unique=True).map(sorted) for name, v in VALUES.items()}
)


class Sweeping(RuleBasedStateMachine):
    """One store, and what it must hold: the status of each point, by its coordinates."""

    job = None  # a sweep to take the network and the versions from

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "sweep.zarr"
        self.known = {}  # OK or FAILED, by (k, i, j, w)
        self.has_k = False
        self.crashed = False
        Sums.poison.clear()

    def teardown(self):
        """Remove the store."""
        shutil.rmtree(self.folder)

    def sweep(self, request, with_k):
        """Return the sweep of a request, and its points."""
        self.has_k = self.has_k or with_k
        names = [name for name in VALUES if name != "k" or self.has_k]
        axes = tuple(a for a in Sums.axes if a.name in names)
        grid = Grid(axes, tuple(np.array(request[name]) for name in names))
        job = replace(self.job, protocol=Sums(), grid=grid, path=self.path, defaults={"k": 0})
        if not self.has_k:
            request = {**request, "k": [0]}
        return job, set(product(*(request[name] for name in VALUES)))

    def run(self, request, with_k, block_points, retry=False):
        """Run a request and note what it did."""
        job, points = self.sweep(request, with_k)
        Sums.computed.clear()
        outcome = sweep.run(job, Serial(block_points), Terminal(), retry=retry)
        redone = {p for p in points if self.known.get(p) == FAILED} if retry else set()
        new = {p for p in points if p not in self.known} | redone
        assert {p[:3] for p in new if p[1:3] not in Sums.poison} >= set(Sums.computed)
        assert len(set(Sums.computed)) == len(Sums.computed)
        assert outcome.missing == 0
        assert outcome.computed == len(new)
        self.note_computed(new)

    def note_computed(self, new):
        """Note what became of points, and of those that are computed with them: w is a whole axis."""
        for k, i, j, _ in new:
            for w in Store(self.path).axis_values()["w"].tolist():
                if self.known.get((k, i, j, w)) != OK:
                    self.known[k, i, j, w] = FAILED if (i, j) in Sums.poison else OK

    @rule(request=requests, with_k=st.booleans(), block_points=st.integers(2, 30))
    def ask(self, request, with_k, block_points):
        """Run a request: the first, a part, or a growth."""
        self.run(request, with_k, block_points)

    @rule(request=requests, block_points=st.integers(2, 30))
    def ask_again_for_failed(self, request, block_points):
        """Heal the poison and run again what failed."""
        Sums.poison.clear()
        self.run(request, False, block_points, retry=True)

    @rule(i=st.sampled_from(VALUES["i"]), j=st.sampled_from(VALUES["j"]))
    def poison(self, i, j):
        """Let a point raise from now on."""
        Sums.poison.add((i, j))

    @rule(
        request=requests,
        with_k=st.booleans(),
        block_points=st.integers(2, 30),
        at=st.integers(1, 60),
        moment=st.sampled_from(["before", "half", "after"]),
    )
    def crash(self, request, with_k, block_points, at, moment):
        """Run a request and die around one of its writes."""
        Sums.poison.clear()
        job, points = self.sweep(request, with_k)
        write, count = durable.write, [0]

        def dying(path, data):
            count[0] += 1
            if count[0] == at:
                if moment == "half":
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.with_name(f"{path.name}.x{durable.PARTIAL}").write_bytes(data[: len(data) // 2])
                if moment == "after":
                    write(path, data)
                raise Crash
            if count[0] > at:
                raise Crash
            write(path, data)

        durable.write = dying
        try:
            sweep.run(job, Serial(block_points), Terminal())
        except Crash:
            self.crashed = True
        finally:
            durable.write = write
        new = {p for p in points if p not in self.known}
        if count[0] < at:
            self.note_computed(new)
        else:
            self.note_finished(new)

    def note_finished(self, new):
        """Note which points of a run that ended early were finished; they are right if they say so."""
        self.has_k = self.path.exists() and "k" in Store(self.path).axes
        if self.path.exists():
            rows = {p[:3] for p in new}
            self.known |= {p: OK for p, code in self.statuses().items() if p[:3] in rows and code == OK}

    @precondition(lambda self: self.path.exists())
    @rule(
        data=st.data(),
        how=st.sampled_from(["flipped", "truncated", "deleted"]),
        first=st.one_of(st.none(), st.tuples(requests, st.booleans(), st.integers(2, 30))),
    )
    def damage_and_repair(self, data, how, first):
        """Damage a chunk; it is found, even after a request that meets it, and computed again."""
        store = Store(self.path)
        folders = [self.path / name for name in ("total", "event_size", "mark_size", "status")]
        files = [p for f in folders for p in f.glob("c.*")]
        files = sorted([*files, *(p for p in (self.path / "ragged").rglob("*") if p.is_file())])
        files = [f for f in files if "template" not in f.parts]
        if not files:
            return
        file = data.draw(st.sampled_from(files))
        content = file.read_bytes()
        flipped = content[:-1] + bytes([content[-1] ^ 4])
        before = self.statuses()
        file.unlink()
        gone = {p for p, code in self.statuses().items() if code != before[p]}
        if how != "deleted":
            file.write_bytes(flipped if how == "flipped" else content[: len(content) // 2])
        else:  # a block that loses its status is visibly missing, and computed again when it is asked for
            self.known = {p: code for p, code in self.known.items() if p not in gone}
        new = set()
        if first:
            Sums.poison.clear()
            job, points = self.sweep(first[0], first[1])
            new = {p for p in points if p not in self.known}
            with suppress(DamagedError):
                sweep.run(job, Serial(first[2]), Terminal())
        store = Store(self.path)
        problems = check(store)
        # a block that a crash left without status may be lost: nothing counts in it
        assert problems or gone or self.crashed, file
        for problem in problems:
            for p in self.points_of(store, problem.block):
                self.known.pop(p, None)
        repair(store, problems)
        assert not check(store)
        self.note_finished(new)

    @precondition(lambda self: self.path.exists())
    @rule(request=requests)
    def second_driver(self, request):
        """Another driver holds the store."""
        job, _ = self.sweep(request, False)
        with Store(self.path).locked(), pytest.raises(InputError, match="in use by process"):
            sweep.run(job, Serial(None), Terminal())

    def statuses(self):
        """Return the status of every point of the store."""
        store = Store(self.path)
        status = store.status()
        everything = Block((0,) * status.ndim, status.shape)
        return dict(zip(self.points_of(store, everything), status.ravel().tolist(), strict=True))

    def points_of(self, store, block):
        """Return the coordinates of a block's points."""
        values = {"k": np.array([0]), **store.axis_values()}
        parts = dict(zip(store.axes, block.slices, strict=True))
        return list(product(*(values[name][parts.get(name, slice(None))].tolist() for name in VALUES)))

    @invariant()
    def what_is_done_is_there_and_right(self):
        """Compare every point of the store with what it must be."""
        if not self.path.exists():
            assert not self.known
            return
        store = Store(self.path)
        status = store.status()
        found, _ = store.read_block(Block((0,) * status.ndim, status.shape))
        values = {"k": [0], **{n: v.tolist() for n, v in store.axis_values().items()}}
        shape = tuple(len(values[name]) for name in VALUES)
        status, total = status.reshape(shape), found["total"].reshape(shape)
        events = split(found["event"], (2, *shape[:3]))
        marks = split(found["mark"], shape)
        seen = set()
        for index in np.ndindex(shape):
            k, i, j, w = p = tuple(values[name][n] for name, n in zip(VALUES, index, strict=True))
            expected = self.known.get(p, MISSING)
            assert status[index] == expected
            if status[index] == OK:
                assert total[index] == k + i + j + w
                assert marks[index] == [w] * w
                assert events[0, *index[:3]] == spikes_of(k, i, j)
                assert events[1, *index[:3]] == [-v for v in spikes_of(k, i, j)]
            elif status[index] == FAILED:
                assert marks[index] == []
            seen.add(p)
        assert seen >= self.known.keys()

    @invariant()
    def check_agrees(self):
        """Find nothing, whatever died while it wrote."""
        assert not self.path.exists() or not check(Store(self.path))


def split(ragged, shape):
    """Return the values of each cell as an array of lists."""
    out = np.empty(shape, object)
    parts = np.split(ragged.values, np.cumsum(ragged.sizes.ravel()))[:-1]
    for index, part in zip(np.ndindex(shape), parts, strict=True):
        out[index] = part.tolist()
    return out


@pytest.mark.parametrize(
    "examples", [5, pytest.param(200 if LONG else 70, marks=[pytest.mark.slow, pytest.mark.timeout(7200)])]
)
@pytest.mark.usefixtures("nobody_writes")
def test_any_sequence_keeps_what_is_done(tmp_path, examples):
    Sweeping.job = make_job(ss.load(f"outputs={tmp_path}"))[0]
    phases = (Phase.reuse, Phase.generate)  # shrinking takes minutes: ask for it when there is a reason
    few = settings(max_examples=examples, stateful_step_count=12, deadline=None, phases=phases)
    run_state_machine_as_test(Sweeping, settings=few)
