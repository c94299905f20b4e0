"""A store says which commit made it, and to ask git for that runs nothing but git."""

import os
import shutil
import subprocess

import pytest

import spikesweep
from spikesweep.sweep import provenance

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Return a repository that holds the package, and a program that leaves a file where it is run."""
    folder = tmp_path / "repository"
    package = folder / "spikesweep"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1\n")
    (package / "other.py").write_text("x = 1\n")
    for words in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"),
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)
    monkeypatch.setattr(spikesweep, "__file__", str(package / "__init__.py"))
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path}/executed\ncat\n")
    evil.chmod(0o755)
    return folder


def configured(folder, *settings):
    for name, value in settings:
        subprocess.run(["git", "config", name, value], cwd=folder, check=True)


def stale(file):
    """Let git look at a file again: its time has changed."""
    os.utime(file, (1, 1))


def test_a_commit_is_told_and_whether_it_was_changed(repository):
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True).stdout
    assert provenance._git() == {"git_commit": head.strip(), "git_dirty": False}
    (repository / "spikesweep" / "other.py").write_text("x = 2\n")
    assert provenance._git() == {"git_commit": head.strip(), "git_dirty": True}


@pytest.mark.parametrize(
    "settings",
    [
        [("core.fsmonitor", "EVIL")],
        [("core.hooksPath", "HOOKS")],
        [("filter.x.clean", "EVIL"), ("filter.x.required", "true")],
        [("filter.x.process", "EVIL")],
        [("diff.external", "EVIL"), ("core.pager", "EVIL"), ("core.editor", "EVIL")],
    ],
)
def test_a_repository_runs_nothing(settings, repository, tmp_path):
    (tmp_path / "hooks").mkdir()
    for hook in ("post-index-change", "fsmonitor-watchman", "pre-auto-gc"):
        shutil.copy(tmp_path / "evil", tmp_path / "hooks" / hook)
        shutil.copy(tmp_path / "evil", repository / ".git" / "hooks" / hook)
    (repository / ".git" / "info").mkdir(exist_ok=True)
    (repository / ".git" / "info" / "attributes").write_text("* filter=x\n")
    places = {"EVIL": str(tmp_path / "evil"), "HOOKS": str(tmp_path / "hooks")}
    configured(repository, *((name, places.get(value, value)) for name, value in settings))
    stale(repository / "spikesweep" / "other.py")
    assert provenance._git()["git_dirty"] is False
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "variables",
    [
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": "EVIL"},
        {"GIT_CONFIG_PARAMETERS": "'core.fsmonitor'='EVIL'"},
        {"GIT_CONFIG_GLOBAL": "CONFIG"},
        {"GIT_CONFIG_SYSTEM": "CONFIG"},
        {"GIT_DIR": "/nowhere", "GIT_EXTERNAL_DIFF": "EVIL", "GIT_EXEC_PATH": "/nowhere"},
        {"PATH": ".:FOLDER"},
    ],
)
def test_the_environment_has_nothing_run(variables, repository, tmp_path, monkeypatch):
    evil = str(tmp_path / "evil")
    (tmp_path / "config").write_text(f"[core]\nfsmonitor = {evil}\n")
    shutil.copy(evil, tmp_path / "git")  # of the working directory
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        path = os.environ["PATH"]
        text = value.replace("EVIL", evil).replace("CONFIG", f"{tmp_path}/config").replace("FOLDER", path)
        monkeypatch.setenv(name, text)
    assert provenance._git()["git_dirty"] is False
    assert not (tmp_path / "executed").exists()


def test_what_git_cannot_say_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(spikesweep, "__file__", str(tmp_path / "__init__.py"))
    assert provenance._git() == {"git_commit": "unknown", "git_dirty": True}
