"""What a shell offers behind `spikesweep`: commands, their options, and keys of the configuration.

The script that a shell runs, and what may follow in words of a configuration, are Hydra's.
"""

import argparse
import os
import re
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO

from spikesweep.errors import InputError

#: Commands whose words are keys and values.
_KEYS = ("run", "plan", "fit", "explain")


def complete(words: Sequence[str], parser: argparse.ArgumentParser) -> None:
    """Print the script of `install=SHELL`, or what may follow the line that `query=SHELL` is asked about."""
    if len(words) != 1 or not re.fullmatch("(install|uninstall|query)=(bash|zsh|fish)", words[0]):
        raise InputError(f"-sc {' '.join(words)} is refused; allowed: install=bash, install=fish")
    if not words[0].startswith("query="):
        _hydra(words[0])
        return
    typed = os.environ.get("COMP_LINE", "").split(" ")
    at = typed.index("spikesweep") + 1 if "spikesweep" in typed else 1  # behind python -m spikesweep
    line = [word for word in typed[at:-1] if word] + typed[at:][-1:]
    separator = "\n" if words[0] == "query=fish" else " "
    if len(line) > 1 and line[0] in _KEYS:
        os.environ["COMP_LINE"] = " ".join(["spikesweep", *line[1:]])
        said = StringIO()
        with redirect_stdout(said):
            _hydra(words[0])
        found = said.getvalue().split()
        if line[0] == "explain":  # the key, not its value
            found = [
                word.removesuffix("=") if "." in word else word for word in found if "_target_" not in word
            ]
        found += _options(parser, line) if line[0] == "explain" else []
    else:
        found = _options(parser, line)
    print(separator.join(found))


def _hydra(word: str) -> None:
    from spikesweep.config.application import run  # late: other commands need no Hydra

    run(lambda cfg, choices: None, ["-sc", word])


def _options(parser: argparse.ArgumentParser, line: Sequence[str]) -> list[str]:
    """Return the commands, or the options and choices of one, that begin with the last word of a line."""
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    last = line[-1] if line else ""
    actions = parser._actions
    if len(line) > 1:
        if line[0] not in commands.choices:
            return []
        actions = commands.choices[line[0]]._actions
    words = [word for action in actions for word in (*action.option_strings, *(action.choices or ()))]
    if not last.startswith("-"):
        words = [word for word in words if not word.startswith("-")]
    return [word for word in words if word.startswith(last)]
