"""What `run.py` calls: run a sweep, draw its figure, say how it went by words and an exit code."""

import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikesweep import trust
from spikesweep.api.exits import exit_codes
from spikesweep.config import compose
from spikesweep.config.compose import Configuration
from spikesweep.config.options import Options
from spikesweep.contract import lacking
from spikesweep.errors import InputError, one_line
from spikesweep.grid.attributes import FIGURE_KEY
from spikesweep.grid.grid import POINT
from spikesweep.grid.schema import FAILED, FAILURES, MISSING
from spikesweep.grid.texts import counted
from spikesweep.protocols.base import Traced
from spikesweep.store import plain
from spikesweep.sweep.compute.base import Executor
from spikesweep.sweep.job import Job, make_job

if TYPE_CHECKING:
    from spikesweep.sweep.plan import Plan
    from spikesweep.sweep.run import Outcome

#: What serves the page of a run, given Dask's dashboard, and yields its address.
Page = Callable[[str | None], AbstractContextManager[str]]
#: Characters of the reason of a failed point: compilers have many; `replay` has all of it.
_TOLD = 600
#: Where in a PNG file its texts are looked for (bytes).
_HEAD = 4096


def main(cfg: Configuration, choices: Mapping[str, Any]) -> "Plan | None":
    """Run a sweep from the command line: results, figure, summary; exit with a code that says how it went.

    With plan=true only print what a run would do, and return that.
    """
    cfg = compose.with_choices(cfg, choices)
    with exit_codes("stopped; the same command continues where it was"):
        job, compute, options = make_job(cfg)
        if options.plan:
            plan = plan_of(job, compute, options)
            print(plan)
            return plan
        job, outcome = run_rounds(cfg, job, compute, options)
    print(f"{counted(outcome.computed)} computed: {job.path}, {_draw(outcome, job.path)}")
    if outcome.failed or outcome.missing:
        print(_failed_points(outcome, job), file=sys.stderr)
        sys.exit(3)
    return None


def plan_of(job: Job, compute: Executor, options: Options) -> "Plan":
    """Return what a run of a job would do; raise InputError where it would be refused."""
    from spikesweep.sweep.plan import make_plan  # late: what is refused needs none of it

    return make_plan(job, compute, overwrite=options.overwrite, retry=options.retry is not None)


def check(cfg: Configuration, choices: Mapping[str, Any]) -> None:
    """Refuse what a run of this configuration would refuse, before anything is simulated."""
    make_job(compose.with_choices(cfg, choices))


def run_job(job: Job, compute: Executor, options: Options, page: Page | None = None) -> "Outcome":
    """Run what is missing of a job; refuse it where that takes longer than `ask_above` unless confirmed.

    `page` serves the page of the run, in place of one of its own.
    """
    # late: what is refused needs none of them
    from spikesweep.api.progress import Terminal
    from spikesweep.sweep.plan import refuse_long
    from spikesweep.sweep.run import run
    from spikesweep.view.beside import beside

    how = {"overwrite": options.overwrite, "retry": options.retry is not None}
    if not options.confirm:
        refuse_long(job, compute, hours=options.ask_above, **how)
    return run(job, compute, Terminal(page or beside(job.path)), **how)


def run_rounds(cfg: Configuration, job: Job, compute: Executor, options: Options) -> "tuple[Job, Outcome]":
    """Run a job and the rounds that follow from what comes out; return the last job and how all ended."""
    if not options.in_rounds:
        return job, run_job(job, compute, options)
    from spikesweep.api.progress import Terminal  # late: what is refused needs none of them
    from spikesweep.sweep.rounds import after, check_chosen
    from spikesweep.view.beside import beside

    if options.chosen:
        check_chosen(job, options.chosen)
    computed = 0
    with ExitStack() as pages:
        page = _kept(beside(job.path), pages)
        while True:
            outcome = run_job(job, compute, options, page)
            computed += outcome.computed
            found = after(job, options, outcome.dataset)
            Terminal().message(found.text)
            if found.round is None:
                return job, replace(outcome, computed=computed)
            job, compute, options = make_job(cfg, found.round)


def _kept(page: Page | None, pages: ExitStack) -> Page | None:
    """Return what serves one page for all rounds, until `pages` end."""
    opened: list[str] = []

    @contextmanager
    def once(dashboard: str | None) -> Iterator[str]:
        if not opened:
            assert page is not None
            opened.append(pages.enter_context(page(dashboard)))
        yield opened[0]

    return once if page else None


def _failed_points(outcome: "Outcome", job: Job, most: int = 10) -> str:
    """Return a line for each of the first points that are not ok, and the command that replays the first."""
    from spikesweep.store import Store

    status = outcome.dataset["status"].load()
    meanings = status.attrs["flag_meanings"].split()
    stacked = status.stack(point_=status.dims)
    bad = stacked[np.isin(stacked, (MISSING, *FAILURES))]
    lines = [f"{bad.size} of {status.size} points are not ok:"]
    columns = [name for name in status.coords if name != POINT.name and status[name].dims == (POINT.name,)]
    failures = Store(job.path).failures()
    replayed = ""
    for point, code in zip(bad["point_"].values[:most], bad.values[:most], strict=True):
        values = dict(zip(map(str, status.dims), point, strict=True))
        values |= {str(name): status[name].sel(point=values[POINT.name]).item() for name in columns}
        reasons = [f["reason"] for f in failures if f["point"].items() <= values.items() and code == FAILED]
        words = [f"{name}={value}" for name, value in values.items()]
        why = f"  {one_line(reasons[-1], _TOLD)}" if reasons else ""
        lines.append(f"  {meanings[code]}: {' '.join(words)}{why}")
        replayed = replayed or ("" if code == MISSING else shlex.join([str(job.path), *words]))
    if bad.size > most:
        lines.append(f"  and {bad.size - most} more: python -m spikesweep show {shlex.quote(str(job.path))}")
    if replayed:
        names = [] if lacking(job.protocol, Traced) else list(job.network.populations)
        one = f" population={names[0]}" if len(names) > 1 else ""
        one += "".join(f" {shlex.quote(f'models={folder}')}" for folder in trust.trusted_folders())
        lines.append(f"one again, with its traceback: python -m spikesweep replay {replayed}{one}")
    return "\n".join(lines)


def _draw(outcome: "Outcome", path: Path) -> str:
    """Draw the figure of a sweep; return its path, or why there is none: the results are there anyway.

    The figure that an earlier run drew of the same points is left as it is. That of a part stands beside
    that of the whole.
    """
    figure, whole = path.with_suffix(".part.png" if outcome.part else ".png"), path.with_suffix(".png")
    if outcome.computed == 0 and figure_key(figure) == outcome.key:
        return str(figure)
    from spikesweep.analysis import plots  # late: a sweep alone needs no matplotlib
    from spikesweep.store import Store

    try:
        if outcome.part and outcome.computed:  # it has grown: an old figure would say less than there is
            plots.save(Store(path).open(), whole)
        plots.save(outcome.dataset, figure, outcome.key)
    except Exception as error:
        return f"no figure ({type(error).__name__}: {error})"
    return str(figure)


def figure_key(path: Path) -> str | None:
    """Return what a PNG file says of the points that it shows (`plots.save`), None where it says nothing."""
    try:
        head = plain.read(path)[:_HEAD]
    except (OSError, InputError):
        return None
    found = re.search(rb"tEXt" + FIGURE_KEY.encode() + rb"\0([0-9a-f]{64})", head)
    return found[1].decode() if found else None
