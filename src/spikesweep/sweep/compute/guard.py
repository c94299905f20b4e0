"""Processes that are started anew run the script of their parent again, up to where it asks what it is."""

import ast
import sys
from pathlib import Path
from typing import Any

from spikesweep.errors import InputError


def refuse_unguarded() -> None:
    """Refuse a script that would run this sweep again in each of its workers; raise InputError.

    Nothing is started: the line of the main module that is being run is looked at. Where no `if` around it
    asks for `__name__`, a worker that imports the module comes to it as well.
    """
    main = sys.modules.get("__main__")
    path, own = getattr(main, "__file__", None), getattr(main, "__dict__", None)
    frame: Any = sys._getframe()
    while frame is not None and not (frame.f_globals is own and frame.f_code.co_name == "<module>"):
        frame = frame.f_back
    if path is None or frame is None or not Path(path).is_file():
        return
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (SyntaxError, ValueError):
        return
    ifs = [node for node in ast.walk(tree) if isinstance(node, ast.If)]
    asked = [node for node in ifs if any(getattr(n, "id", "") == "__name__" for n in ast.walk(node.test))]
    if not any(node.lineno <= frame.f_lineno <= (node.end_lineno or 0) for node in asked):
        raise InputError(
            f"compute=processes is refused: each worker would run {path} again, line {frame.f_lineno} too; "
            "allowed: that line below `if __name__ == '__main__':`, or compute=threads"
        )
