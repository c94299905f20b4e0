"""A store as RO-Crate (version 1.1): results, configuration, code, versions, figure, checksums, sources.

NAME.crate/
    ro-crate-metadata.json    what is what, as JSON-LD
    manifest-sha256.txt       the hash of every other file
    verify.py                 compares them; Python alone. With --compute 20 it computes points again
    configuration.json        the whole configuration; versions.json: of packages, and the commit
    results/NAME.zarr         the store
    results/NAME.png          its figure, if there is one
    code/                     this package as it is, to install; models/: sources of models from outside
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import numpy as np

import spikesweep
from spikesweep import store as stores
from spikesweep.api.cite import papers, software
from spikesweep.api.store_commands import local
from spikesweep.errors import DamagedError, InputError
from spikesweep.grid.schema import MISSING
from spikesweep.store.check import check

_METADATA, _MANIFEST = "ro-crate-metadata.json", "manifest-sha256.txt"
_KINDS = {".json": "application/json", ".png": "image/png", ".txt": "text/plain", ".py": "text/x-python"}


def pack(path: str, out: Path) -> Path:
    """Write a crate of a store; raise InputError where the store is damaged, or the folder is there."""
    if out.exists():
        raise InputError(f"--to {out} is refused: it is there; allowed: another name")
    temporary = out.with_name(f".{out.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    store = local(path, "export --to .crate")
    with store.locked():
        store = local(path, "export --to .crate").held()
        if problems := check(store):
            raise DamagedError(
                str(store.path), problems[0].what, f"python -m spikesweep check {store.path} --repair"
            )
        results = temporary / "results" / store.path.name
        shutil.copytree(store.path, results, ignore=shutil.ignore_patterns("*.partial*", "sent"))
    figure = store.path.with_suffix(".png")
    if figure.is_file() and not figure.is_symlink():
        shutil.copyfile(figure, results.with_suffix(".png"))
    attrs = store.attrs
    _json(temporary / "configuration.json", attrs["configuration"])
    made = {key: attrs[key] for key in ("created", "git_commit", "git_dirty", "code") if key in attrs}
    _json(temporary / "versions.json", {**made, "versions": attrs["versions"]})
    _code(temporary, attrs)
    shutil.copyfile(Path(__file__).parent / "templates" / "verify_crate.py", temporary / "verify.py")
    _json(temporary / _METADATA, _described(temporary, store))
    files = sorted(file for file in temporary.rglob("*") if file.is_file())
    lines = [f"{_sha256(file)}  {file.relative_to(temporary).as_posix()}\n" for file in files]
    (temporary / _MANIFEST).write_text("".join(lines))
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary.rename(out)
    return out


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _code(folder: Path, attrs: Any) -> None:
    """Copy this package, to be installed with the versions of the store, and models from outside."""
    home = Path(spikesweep.__file__).parent
    kept = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(home, folder / "code" / "src" / "spikesweep", ignore=kept)
    plugins = folder / "code" / "src" / "hydra_plugins"
    plugins.mkdir()
    for file in (home.parent / "hydra_plugins").glob("spikesweep_*.py"):
        shutil.copyfile(file, plugins / file.name)
    try:
        needs = [line for line in requires("spikesweep") or () if "extra ==" not in line]
    except PackageNotFoundError:  # run from a source tree
        needs = []
    project = f"""[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "spikesweep"
version = "{software()["version"]}"
requires-python = ">=3.11"
dependencies = {json.dumps(needs)}

[tool.hatch.build.targets.wheel]
packages = ["src/spikesweep", "src/hydra_plugins"]
"""
    (folder / "code" / "pyproject.toml").write_text(project)
    pins = {
        k: v for k, v in attrs["versions"].items() if k not in ("python", "spikesweep") and v != "unknown"
    }
    text = f"# with Python {attrs['versions']['python']}\n" + "".join(f"{k}=={v}\n" for k, v in pins.items())
    (folder / "code" / "requirements.txt").write_text(text)
    for module, model in attrs.get("models", {}).items():
        *parents, name = module.split(".")
        place = folder / "models" / Path(*parents)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.py").write_text(model["source"])
        (place / "__init__.py").touch()


def _described(folder: Path, store: stores.Store) -> dict[str, Any]:
    """Return the JSON-LD of a crate."""
    attrs = store.attrs
    choices = " ".join(f"{k}={v}" for k, v in attrs["configuration"]["choices"].items())
    missing = int(np.count_nonzero(store.told() == MISSING))
    axes = " x ".join(f"{name} {len(values)}" for name, values in store.axis_values().items())
    results = f"results/{store.path.name}/"
    single = [f for f in sorted(folder.iterdir()) if f.is_file() and f.name != _METADATA]
    single += sorted((folder / "results").glob("*.png"))
    files = [_file(folder, file) for file in single]
    files.append(
        {"@id": _MANIFEST, "@type": "File", "name": "SHA-256 of every file", "encodingFormat": "text/plain"}
    )
    names = {results: "the store (Zarr 3, read with xarray)", "code/": "the software, to install"}
    if (folder / "models").exists():
        names["models/"] = "sources of models from outside the software"
    folders = [{"@id": key, "@type": "Dataset", "name": name} for key, name in names.items()]
    articles = [
        {"@id": f"https://doi.org/{doi}", "@type": "ScholarlyArticle", "name": f"source of {', '.join(of)}"}
        for doi, of in papers(attrs["configuration"]).items()
    ]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"{store.path.stem}: a parameter sweep, {choices}",
        "description": f"{axes}; {missing} points are not computed" if missing else axes,
        "datePublished": datetime.now(UTC).isoformat(timespec="seconds"),
        "hasPart": [{"@id": entity["@id"]} for entity in (*files, *folders)],
        "mentions": {"@id": "#run"},
        "citation": [{"@id": article["@id"]} for article in articles],
    }
    made = [*_made(attrs, choices, results)]
    graph = [*made[:1], root, *files, *folders, *made[1:], *articles]
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}


def _made(attrs: Any, choices: str, results: str) -> Iterator[dict[str, Any]]:
    """Yield what says that this is a crate, how the store was made, and by what."""
    told = software()
    run = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"spikesweep {choices}",
        "startTime": attrs.get("created"),
        "instrument": {"@id": "#spikesweep"},
        "object": {"@id": "configuration.json"},
        "result": {"@id": results},
    }
    tool = {
        "@id": "#spikesweep",
        "@type": "SoftwareApplication",
        "name": told["title"],
        "description": told["abstract"],
        "softwareVersion": f"{attrs['versions'].get('spikesweep')}, commit {attrs.get('git_commit')}",
        "softwareRequirements": {"@id": "versions.json"},
    }
    descriptor = {
        "@id": _METADATA,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    yield from (descriptor, run, tool)


def _file(folder: Path, file: Path) -> dict[str, Any]:
    return {
        "@id": file.relative_to(folder).as_posix(),
        "@type": "File",
        "name": file.name,
        "contentSize": str(file.stat().st_size),
        "encodingFormat": _KINDS.get(file.suffix, "application/octet-stream"),
        "sha256": _sha256(file),
    }
