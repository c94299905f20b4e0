"""`spikesweep view` in a terminal and as a file, and the page of a sweep that runs."""

import os
import re
import subprocess
import sys
import threading
import urllib.request

import made
import numpy as np
import pytest

import spikesweep as ss
from spikesweep.api import progress
from spikesweep.api.commands import main
from spikesweep.view.beside import SWITCH
from spikesweep.view.hub import Hub
from spikesweep.view.state import State
from spikesweep.view.text import text


@pytest.fixture
def path(tmp_path):
    grid = made.grid_of(fe=(np.arange(100.0), "Hz"), fi=(np.arange(6.0), "Hz"), seed=(np.arange(2), "1"))
    store = made.make(tmp_path / "a.zarr", grid, (20, 6, 2))
    made.fill(store, grid, slice(0, 3), failed=[(2, 3, 0)])
    made.fail(store, grid, (2, 3, 0))
    return store.path


def said(capsys, *words, code=0):
    with pytest.raises(SystemExit) as end:
        main(["view", *map(str, words)])
    assert end.value.code == code
    found = capsys.readouterr()
    return found.out + found.err


def test_a_map_in_characters_has_eighty_columns_and_no_colours_where_it_is_piped(path, capsys):
    shown = said(capsys, path, "--text")
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 200  # COLUMNS of the tests
    shown = text([("a", Hub([path]).sources()[0][1])], State(), (80, 23), coloured=False)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 23
    assert "719 of 1200 points done (60%)" in lines[1]
    rows = [line.partition("|")[2] for line in lines if "|" in line]
    assert len(rows) == 6
    assert {row.count("·") / len(row) for row in rows} == {0.4}
    assert rows[2].count("x") == 1  # fi = 3, from the top
    assert rows[2].index("x") == 1
    assert lines[-2].split() == ["0", "99"]


def test_words_and_options_may_stand_in_any_order(path, capsys):
    one = said(capsys, "--text", path, "layer=status", "x=fi", "y=seed")
    assert one == said(capsys, "x=fi", path, "--text", "y=seed", "layer=status")
    assert "status over fi (Hz) and seed" in one
    assert "oooo" in one


def test_colours_are_those_of_256_and_a_terminal_is_left_as_it_was(path):
    shown = text([("a", Hub([path]).sources()[0][1])], State(), (80, 23), coloured=True)
    codes = set(re.findall("\x1b\\[[0-9;]*[A-Za-z]", shown))
    assert all(code.endswith("m") for code in codes)
    assert all(line.endswith("\x1b[0m") for line in shown.splitlines() if "\x1b[48" in line and "|" in line)


def test_labels_move_no_cursor(tmp_path):
    nasty = "\x1b[2J\x1b]0;owned\x07\r\n\u202e"
    grid = made.grid_of(fe=(np.arange(2.0), nasty))
    store = made.make(tmp_path / "a.zarr", grid, (2,), populations=[nasty, "b"])
    made.fill(store, grid)
    shown = text(Hub([store.path]).sources(), State(x="population", y="fe"), (80, 23), coloured=False)
    assert set(shown) & set("\x1b\x07\r\u202e") == set()


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_figure_is_written(path, tmp_path, capsys, kind):
    file = tmp_path / f"f.{kind}"
    said(capsys, path, path, "compare=difference", "--save", file)
    assert file.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.zarr"], "nowhere.zarr does not exist; allowed"),
        (["x=fe"], "view needs the path of a store"),
        (["PATH", "--save", "a.gif"], "allowed: a name that ends with .png or .svg"),
        (["PATH", "lay=2", "--text"], "lay is no word of a view; did you mean 'layer'"),
        (["PATH"] * 5, "5 stores are too many; allowed: 4"),
        (["PATH", "--nothing"], "unrecognized arguments: --nothing"),
    ],
)
def test_what_cannot_be_shown_is_refused(path, capsys, words, message):
    assert message in said(capsys, *(path if word == "PATH" else word for word in words), code=2)


def test_a_store_that_cannot_be_read_is_told_and_another_is_shown(path, tmp_path, capsys):
    broken = made.make(tmp_path / "b.zarr", made.grid_of(fe=(np.arange(2.0), "Hz")), (2,)).path
    (broken / "x").symlink_to("/etc/passwd")
    shown = said(capsys, broken, path, "--text", code=1)
    assert "x is a link" in shown
    assert "719 of 1200 points done" in shown


def test_the_command_ends_and_says_where_its_page_is(path):
    command = [sys.executable, "-m", "spikesweep", "view", str(path), "x=fi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        try:
            address = line.removeprefix("page: ").strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/sweep\?x=fi", address)
            assert urllib.request.urlopen(address).status == 200
        finally:
            process.terminate()
            said_last = process.communicate()[1]
    assert process.returncode == 143
    assert "Traceback" not in said_last


@pytest.fixture
def looked(monkeypatch):
    """Return what a run's page answered, asked for when the first block is done."""
    answers, original = [], progress.Terminal.advance

    def advance(self, n, failed=0):
        if not answers:
            answers.append(urllib.request.urlopen(self.said).status)
        original(self, n, failed)

    def message(self, text):
        if text.startswith("page: "):
            self.said = text.removeprefix("page: ")

    monkeypatch.setattr(progress.Terminal, "advance", advance)
    monkeypatch.setattr(progress.Terminal, "message", message)
    return answers


@pytest.mark.parametrize("compute", ["serial", "threads"])
def test_a_running_sweep_has_its_page(small, looked, compute):
    ss.run(small(f"compute={compute}"))
    assert looked == [200]
    assert not any(thread.name.startswith("spikesweep view") for thread in threading.enumerate())


def test_a_page_that_cannot_be_served_stops_no_run(small, monkeypatch, capsys):
    def no_port(*_):
        raise OSError("no port is free")

    monkeypatch.setattr("spikesweep.view.serve.bind_sockets", no_port)
    assert ss.run(small()).status.values.all()
    assert "no page (OSError: no port is free)" in capsys.readouterr().err


def test_a_page_can_be_switched_off(small, monkeypatch, capsys):
    monkeypatch.setenv(SWITCH, "off")
    ss.run(small())
    assert "page: " not in capsys.readouterr().err


def test_a_run_that_has_nothing_to_do_serves_none(small, capsys):
    ss.run(small())
    capsys.readouterr()
    ss.run(small())
    assert "page: " not in capsys.readouterr().err


@pytest.mark.slow
def test_bokeh_is_not_imported_for_a_page_that_nobody_asks_for(tmp_path):
    code = f"""
import sys
import spikesweep as ss
ss.run(ss.load("neuron=adexp", "network=fs_rs", "grid.fe=[0]", "grid.fi=[2]", "grid.seed=[0]",
       "protocol.duration=50.0", "compute=serial", "outputs={tmp_path}"))
print([name for name in ("bokeh", "distributed", "matplotlib", "pandas") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "page: http://127.0.0.1" in done.stderr
    assert "bokeh" not in done.stdout


def test_dispatch_tells_where_tasks_are_watched(small, monkeypatch):
    told = []
    monkeypatch.setattr(progress.Terminal, "dashboard", lambda self, address: told.append(address))
    ss.run(small("compute=threads"))
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/status", told[0])


@pytest.mark.slow
def test_a_terminal_is_refreshed_until_the_sweep_is_complete(tmp_path):
    grid = made.grid_of(fe=(np.arange(8.0), "Hz"), fi=(np.arange(6.0), "Hz"))
    store = made.make(tmp_path / "a.zarr", grid, (2, 6))
    made.fill(store, grid, slice(0, 2))
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "spikesweep", "view", str(store.path), "--text"]
    with subprocess.Popen(
        command, stdout=theirs, stdin=theirs, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        seen = b""
        while b"missing" not in seen.rpartition(b"\x1b[H")[2]:
            seen += os.read(ours, 4096)
        assert b"24 of 48 points done" in seen
        assert b"\x1b[48;5;" in seen
        made.fill(store, grid)
        try:
            while more := os.read(ours, 4096):
                seen += more
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    assert process.returncode == 0
    assert b"48 of 48 points done" in seen.rpartition(b"\x1b[H")[2]
