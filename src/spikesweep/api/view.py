"""The command `view`: the space of sweeps while they fill, on a page, in a terminal, or as a file."""

import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from spikesweep import store as stores
from spikesweep import trust
from spikesweep.errors import InputError
from spikesweep.store import durable
from spikesweep.store.paths import store_paths
from spikesweep.view.hub import MOST_STORES, Hub
from spikesweep.view.state import State

#: Seconds between two looks of a terminal, at least.
_EVERY = 2.0


def command(parsed: Any) -> int:
    """Show sweeps until Ctrl-C, or write what is asked for."""
    words = [word for word in parsed.paths if "=" in word and not Path(word).exists()]
    models = [word for word in words if word.startswith("models=")]
    trust.named_words(models)
    places = _places([path for path in parsed.paths if path not in words])
    query = dict(word.split("=", 1) for word in words if word not in models)
    state, hub = State.of(query), Hub(places, title=", ".join(map(str, places)))
    if parsed.save is not None:
        return _save(hub, state, Path(parsed.save))
    if parsed.text:
        return _text(hub, state)
    return _serve(hub, state, parsed.port)


def _places(paths: list[str]) -> list[stores.Place]:
    """Return the places of stores, those below a folder each."""
    found: list[stores.Place] = []
    for path in paths:
        place = stores.place(path)
        is_store = (place / "zarr.json").exists() or place.name.endswith(".zarr") or not place.is_dir()
        below = [place] if is_store else list(store_paths(place))
        if not below:
            raise InputError(
                f"{place} holds no store; allowed: the path or the URL of a store, or of a folder"
            )
        found += below
    if not found:
        raise InputError("view needs the path of a store; allowed: spikesweep view PATH...")
    if len(found) > MOST_STORES:
        raise InputError(f"{len(found)} stores are too many; allowed: {MOST_STORES} side by side")
    for place in found:
        if not place.exists():
            raise InputError(f"{place} does not exist; allowed: the path or the URL of a store (.zarr)")
    return found


def _save(hub: Hub, state: State, file: Path) -> int:
    from spikesweep.view.figure import FORMATS, image

    kind = file.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise InputError(f"--save {file} is refused; allowed: a name that ends with .png or .svg")
    found = []
    for name, one in hub.sources():
        if isinstance(one, str):
            raise InputError(one)
        found.append((name, one))
    durable.write(file, image(found, state, kind))
    print(file)
    return 0


def _text(hub: Hub, state: State) -> int:
    """Print the stores; on a terminal again and again, until they are complete."""
    from spikesweep.view.facts import progress
    from spikesweep.view.text import text

    live = sys.stdout.isatty()
    coloured = live and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    shown = None
    while True:
        hub.refresh()
        found = hub.sources()
        size = shutil.get_terminal_size((80, 24))
        now = text(found, state, (size.columns, size.lines - 1), coloured)
        if not live:
            print(now)
            return 1 if any(isinstance(one, str) for _, one in found) else 0
        if now != shown:
            print(f"\x1b[2J\x1b[H{now}", flush=True)
            shown = now
        if not any(not isinstance(one, str) and progress(one).missing for _, one in found):
            return 0
        threading.Event().wait(_EVERY)


def _serve(hub: Hub, state: State, port: int) -> int:
    from urllib.parse import urlencode

    from spikesweep.view.serve import served

    with served(hub, port) as address:
        query = urlencode({k: v for k, v in state.query().items() if v and (k, v) != ("layer", "value")})
        print(f"page: {address}{'?' if query else ''}{query}", flush=True)
        print(
            "for this machine alone, by this address; from another: ssh -L; Ctrl-C ends it", file=sys.stderr
        )
        threading.Event().wait()
    return 0
