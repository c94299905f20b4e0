"""What made a store: the versions of the packages that decide its numbers, when, and which commit."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import spikesweep

#: Packages whose other minor version may round otherwise, so that results of both are not mixed.
DECISIVE_VERSIONS = ("numba", "llvmlite", "numpy")
_VERSIONS = ("numba", "llvmlite", "numpy", "scipy", "xarray", "zarr", "dask", "hydra-core")


def versions() -> dict[str, str]:
    """Return the version of every package that decides numbers."""
    versions = {"python": sys.version.split()[0]}
    for package in ("spikesweep", *_VERSIONS):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # run from a source tree that is not installed
            versions[package] = "unknown"
    return versions


def minor(version: Any) -> str:
    """Return the part of a version that decides numbers."""
    return ".".join(str(version).split(".")[:2])


def creation() -> dict[str, Any]:
    """Return time and git commit, as attributes of a store that is made now."""
    return {"created": datetime.now(UTC).isoformat(timespec="seconds"), **_git()}


def _git() -> dict[str, Any]:
    here = Path(spikesweep.__file__).parent
    try:
        git = _Git(here)
        git("ls-files", "--error-unmatch", str(here / "__init__.py"))  # else it is installed in another's
        return {
            "git_commit": git("rev-parse", "HEAD"),
            "git_dirty": bool(git("status", "--porcelain", "--ignore-submodules=all", str(here))),
        }
    except (OSError, subprocess.SubprocessError):
        return {"git_commit": "unknown", "git_dirty": True}


class _Git:
    """Git that runs nothing but itself: neither what the environment names, nor what a repository does.

    A repository's own configuration may name programs (filters, a monitor of files, hooks), and it may be
    that of a folder above, of somebody else.
    """

    def __init__(self, folder: Path) -> None:
        path = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(part)]
        kept = {name: os.environ[name] for name in ("HOME", "XDG_CONFIG_HOME") if name in os.environ}
        self._env = {
            **kept,  # of the user: which folders are safe
            "PATH": os.pathsep.join(path),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        self._command = ["git", "-C", str(folder)]
        for setting in ("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.untrackedCache=false"):
            self._command += ["-c", setting]
        for name in self("config", "--name-only", "-z", "--get-regexp", r"^filter\.", absent=1).split("\0"):
            if name:
                if "=" in name:  # cannot be set
                    raise OSError(name)
                self._command += ["-c", f"{name}={'false' if name.endswith('.required') else ''}"]

    def __call__(self, *arguments: str, absent: int = 0) -> str:
        """Return what a command says; raise SubprocessError for any code but 0 and `absent`."""
        done = subprocess.run(
            [*self._command, *arguments],
            capture_output=True,
            text=True,
            env=self._env,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        if done.returncode not in (0, absent):
            raise subprocess.SubprocessError(done.stderr)
        return done.stdout.strip()
