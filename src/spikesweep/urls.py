"""Which texts are URLs, how they are shown, and that no run writes to one."""

import re

from spikesweep.errors import InputError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(::[^:/]*)*://")
_SECRET = re.compile(r"(?<=://)[^/\s@]*@|\?[^\s\"']*")


def is_url(text: str) -> bool:
    """Return whether a text is a URL, as fsspec has them, and no path of this machine."""
    return _URL.match(text) is not None


def shown(text: str) -> str:
    """Return a text without what URLs in it may have of credentials: a user's, or those of a signed query."""
    return _SECRET.sub("", text)


def refuse_url(key: str, text: str) -> None:
    """Refuse a URL as the place that something is written to; raise InputError."""
    if is_url(text):
        raise InputError(
            f"{key} = {shown(text)!r} is refused: a run needs locks and renames, which URLs do not have; "
            "allowed: a folder of this machine, and then python -m spikesweep push STORE URL"
        )
