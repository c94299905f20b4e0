"""What a person sees of a running sweep: the time left with its interval, and lines of a log that are few."""

import re
from threading import Event

import numpy as np
import pytest

from spikesweep.api import progress
from spikesweep.api.progress import Pace, Terminal
from spikesweep.sweep import dispatch
from spikesweep.sweep.account import Account, logged


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self):
        return self.now


def test_the_time_left_of_steady_work_is_that_of_the_rest():
    clock = Clock()
    pace = Pace(clock)
    assert pace.left(100) == ""
    for _ in range(10):
        clock.now += 2.0
        pace.add(20)
    assert pace.speed == pytest.approx(10.0)
    assert pace.left(600) == "60 s left (55 s to 67 s)"
    assert pace.left(0) == ""


def test_the_interval_holds_what_comes_of_uneven_work():
    """Sweeps of blocks that take 1 to 3 s: at least 90 % end within what is told half way (n = 300)."""
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(300):
        times = rng.uniform(1.0, 3.0, 60)
        clock = Clock()
        pace = Pace(clock)
        for seconds in times[:30]:
            clock.now += seconds
            pace.add(10)
        spread = re.fullmatch(r".* left \((\d+) s to (.*)\)", pace.left(300))
        low, high = float(spread[1]), spread[2]
        high = (
            60.0 * float(high.removesuffix(" min"))
            if high.endswith("min")
            else float(high.removesuffix(" s"))
        )
        inside += low <= times[30:].sum() <= high
    assert inside >= 0.9 * 300


def test_a_log_gets_few_lines_without_control_codes(monkeypatch, capsys):
    clock = Clock()
    monkeypatch.setattr(progress, "Pace", lambda: Pace(clock))
    seen = Terminal()
    seen.start(100_000, 0, lambda: 4)
    for i in range(100_000):  # a point a second: 28 hours
        clock.now += 1.0
        seen.advance(1, failed=int(i == 7))
    seen.stop()
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\r" not in said
    lines = said.splitlines()
    assert 150 < len(lines) < 250
    assert lines[0] == "11 of 100000 points  1 failed  1/s  4 workers  27.8 h left (25.2 h to 30.9 h)"
    assert lines[-1].startswith("100000 of 100000 points  1 failed  1/s  4 workers")


def test_an_account_tells_the_slowest_and_how_busy_workers_were(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("spikesweep.sweep.account.perf_counter", clock)
    account = Account(began=0.0)
    account.pass_time(2)
    for i in range(10):
        clock.now += 5.0
        account.add(10, 8.0 + i, 7.0, f"fe={i}")
        account.pass_time(2)
    assert account.available == 100.0
    text = str(account)
    assert text.startswith(
        "50 s of wall clock, 70 s of processors, workers busy 125%\nslowest: 1.7 s a point at fe=9; "
    )
    assert text.count(" a point at ") == 3
    clock.now = 5.0
    assert str(account) == ""  # a short run


def test_the_log_keeps_who_ran_what_and_how_it_ended(tmp_path):
    with logged(tmp_path / "a.zarr", "12 points missing") as say:
        say("jobs of 8 cores")
    with pytest.raises(KeyboardInterrupt), logged(tmp_path / "b.zarr", "3 points missing"):
        raise KeyboardInterrupt
    lines = (tmp_path / "run.log").read_text().splitlines()
    assert len(lines) == 4
    assert re.match(
        r"\d{4}-\d\d-\d\dT.* \d+@\S+ a\.zarr: begins: .* in /.*, 12 points missing, by ", lines[0]
    )
    assert lines[1].endswith("a.zarr: jobs of 8 cores")
    assert lines[3].endswith("b.zarr: ends: KeyboardInterrupt")
    with logged(tmp_path / "nowhere" / "a.zarr", "1 point missing"):
        pass


def test_a_notebook_has_a_line_that_changes_and_no_widget(monkeypatch, capsys):
    shown = []

    class Handle:
        def update(self, data, raw):
            shown.append(data["text/plain"])

    def display(data, raw, display_id):
        return Handle()

    monkeypatch.setattr(progress, "_notebook", lambda: display)
    seen = Terminal()
    seen.start(4, 0, lambda: 2)
    for _ in range(4):
        seen.advance(1)
    seen.stop()
    assert "0/4 points" in shown[0]
    assert shown[-1].startswith("#" * 30 + " 4/4 points")
    assert len(shown) <= 6
    assert capsys.readouterr().err == ""


def test_a_program_is_no_notebook():
    assert progress._notebook() is None


def test_compiling_that_takes_a_while_is_told(monkeypatch):
    told, waited = [], Event()

    class Monitor:
        def message(self, text):
            told.append(text)
            waited.set()

    monkeypatch.setattr(dispatch, "_SILENT", 0.0)
    monkeypatch.setattr(dispatch, "prepare", lambda work: waited.wait(60))
    dispatch._compile(None, Monitor())
    assert told[0].startswith("compiling kernels")
    assert told[1].startswith("kernels ready")
