"""The command that makes a figure of a view, which the page shows."""

import shlex
from collections.abc import Sequence

from spikesweep.store.remote import Place
from spikesweep.view.labels import LONG, plain_text
from spikesweep.view.state import State


def command(places: Sequence[Place], state: State, file: str = "figure.png") -> str:
    """Return the command that writes what a page shows to a file."""
    words = [
        f"{name}={text}" for name, text in state.query().items() if text and not name.startswith("point.")
    ]
    line = shlex.join(["spikesweep", "view", *map(str, places), *words, "--save", file])
    return plain_text(line, LONG)
