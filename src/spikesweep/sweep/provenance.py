"""What made a store: the versions of the packages that decide its numbers, when, and which commit."""

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

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", str(here / "__init__.py"))  # else it is installed in another's
        return {
            "git_commit": git("rev-parse", "HEAD"),
            "git_dirty": bool(git("status", "--porcelain", str(here))),
        }
    except (OSError, subprocess.CalledProcessError):
        return {"git_commit": "unknown", "git_dirty": True}
