"""What keeps the other users of this machine, and the pages of a browser, out of a Dask cluster."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

#: How a browser of this machine, or the end of a tunnel, names it.
_HERE = ("127.0.0.1", "localhost")


def answer_here_only(server: Any) -> None:
    """Let the HTTP server of a scheduler or worker refuse requests that name another host than this one.

    A page of the user's browser may let a name of its own mean 127.0.0.1, and would read the answers.
    """
    from tornado.web import ErrorHandler

    application = getattr(server, "http_application", None)
    if application is None:  # a nanny's worker has its own, without pages
        return
    find = application.find_handler

    def find_here(request: Any, **more: Any) -> Any:
        if request.host_name not in _HERE:
            return application.get_handler_delegate(request, ErrorHandler, {"status_code": 403})
        return find(request, **more)

    application.find_handler = find_here


def own_folder() -> Path:
    """Return a folder for what workers keep, that nobody else can write to."""
    folder = Path(tempfile.gettempdir()) / f"spikesweep-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
        return folder
    return Path(tempfile.mkdtemp(prefix="spikesweep-"))
