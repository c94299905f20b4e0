"""The page of a sweep that runs here, beside Dask's dashboard: it reads the store only, and seldom."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

#: The part of one processor that looks may take, and that each page may take to draw what is new.
SHARE = 0.003
#: Set to 0 or off: a run serves no page.
SWITCH = "SPIKESWEEP_PAGE"


def beside(path: Path) -> Callable[[str | None], AbstractContextManager[str]] | None:
    """Return what serves the page of a store, given Dask's dashboard; None where that is switched off."""
    if os.environ.get(SWITCH, "").lower() in ("0", "off", "false", "no"):
        return None

    @contextmanager
    def page(dashboard: str | None) -> Iterator[str]:
        from spikesweep.view.hub import Hub  # late: a run that has nothing to compute serves none
        from spikesweep.view.serve import served

        with served(Hub([path.absolute()], SHARE, dashboard, title=str(path))) as address:
            yield address

    return page
