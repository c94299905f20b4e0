"""The server of a page: for browsers of this machine that know its address, and for its own pages alone.

It listens on the loopback; the end of a tunnel is loopback too. Its address has a token, compared in constant
time before anything else is done with a request. A request must name this machine as its host, and come from
the page itself where it says where it comes from: another site's page that found the port, or a name for
127.0.0.1, learns nothing. Nothing is loaded from elsewhere. Bokeh is imported for the first page.
"""

import asyncio
import hmac
import logging
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.web import Application, ErrorHandler, OutputTransform, RequestHandler

from spikesweep.errors import InputError
from spikesweep.view.hub import Hub

#: How a browser of this machine, or the end of a tunnel, names it.
HERE = ("127.0.0.1", "localhost")
_ADDRESS = "127.0.0.1"
_THREAD = "spikesweep view"
_LEVEL = logging.CRITICAL
#: What a page may do: nothing that is not of this server. Bokeh makes functions of texts (unsafe-eval).
_POLICY = (
    "default-src 'none'",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "connect-src 'self' ws: wss:",
    "font-src 'self' data:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
)
_HEADERS = {
    "Content-Security-Policy": "; ".join(_POLICY),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Front(Application):
    """What answers first: it lets through who may ask."""

    def __init__(self, hub: Hub, token: str) -> None:
        super().__init__()
        self.hub, self._token = hub, token
        self._pages: Any = None
        self.add_transform(_Headers)

    def find_handler(self, request: Any, **more: Any) -> Any:
        """Return what answers a request."""
        if status := self._refusal(request):
            return self.get_handler_delegate(request, ErrorHandler, {"status_code": status})
        if self._pages is None:
            self._pages = _pages(self.hub, self._token)
        return self._pages.find_handler(request, **more)

    def _refusal(self, request: Any) -> int:
        """Return the code by which a request is refused, 0 where it is not."""
        if request.host_name not in HERE:
            return 403
        first = request.path.lstrip("/").partition("/")[0]
        if not hmac.compare_digest(first.encode(), self._token.encode()):
            return 403
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            return 403
        return 0

    def stop(self) -> None:
        """End what goes on for pages."""
        if self._pages is not None:
            self._pages.stop()


class _Headers(OutputTransform):
    """Adds what keeps other sites out to every answer."""

    def transform_first_chunk(self, status_code: int, headers: Any, chunk: bytes, finishing: bool) -> Any:
        """Return an answer with these headers."""
        for name, value in _HEADERS.items():
            headers[name] = value
        return status_code, headers, chunk


def _pages(hub: Hub, token: str) -> Any:
    """Return Bokeh's application; it is imported now."""
    from bokeh.application import Application as Pages
    from bokeh.application.handlers.function import FunctionHandler
    from bokeh.server.tornado import BokehTornado

    from spikesweep.view.page import Page

    for name in ("bokeh", "tornado.access", "tornado.application"):
        logging.getLogger(name).setLevel(_LEVEL)  # a browser that goes away is nothing to tell of

    def made(doc: Any) -> None:
        Page(doc, hub)  # its callbacks keep it

    found = BokehTornado(
        {"/sweep": Pages(FunctionHandler(made))},
        prefix=token,
        extra_websocket_origins=[f"{host}:*" for host in HERE],
        extra_patterns=[(r"/figure\.(png|svg)", _Figure, {"hub": hub})],
        include_cookies=[],
        include_headers=[],
        secret_key=secrets.token_bytes(32),
        sign_sessions=True,
        unused_session_lifetime_milliseconds=10_000,
        check_unused_sessions_milliseconds=5_000,
    )
    found.add_transform(_Headers)
    found.initialize(IOLoop.current())
    found.start()
    return found


class _Figure(RequestHandler):
    """A view as a file."""

    def initialize(self, hub: Hub) -> None:
        """Keep the stores."""
        self.hub = hub

    async def get(self, kind: str) -> None:
        """Answer with the figure of the query."""
        from spikesweep.view.figure import image
        from spikesweep.view.source import Source
        from spikesweep.view.state import State

        query = {k: v[-1].decode("utf-8", "replace") for k, v in self.request.query_arguments.items()}
        found = [(name, one) for name, one in self.hub.sources() if isinstance(one, Source)]
        try:
            data = await asyncio.to_thread(image, found, State.of(query), kind)
        except (InputError, IndexError):
            self.set_status(404)
            return
        self.set_header("Content-Type", "image/png" if kind == "png" else "image/svg+xml")
        self.set_header("Content-Disposition", f'attachment; filename="sweep.{kind}"')
        self.write(data)


@contextmanager
def served(hub: Hub, port: int = 0) -> Iterator[str]:
    """Serve stores from a thread; yield the address. Raises OSError where the port is not free."""
    token = secrets.token_urlsafe(24)
    sockets = bind_sockets(port, _ADDRESS)
    real = sockets[0].getsockname()[1]
    ready, loops = threading.Event(), []

    async def work() -> None:
        front, end = Front(hub, token), asyncio.Event()
        server = HTTPServer(front)
        server.add_sockets(sockets)
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(4, thread_name_prefix=_THREAD))
        loops.append((loop, end))
        ready.set()
        await end.wait()
        server.stop()
        front.stop()
        for process in [*hub.running]:  # of replays: nobody waits for them any more
            process.kill()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(server.close_all_connections(), 2.0)
        # what is being sent to pages ends by itself once nobody listens
        if rest := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(rest, timeout=2.0)

    thread = threading.Thread(target=asyncio.run, args=(work(),), name=f"{_THREAD} {real}", daemon=True)
    thread.start()
    ready.wait()
    try:
        yield f"http://{_ADDRESS}:{real}/{token}/sweep"
    finally:
        loop, end = loops[0]
        with suppress(RuntimeError):  # it has ended by itself
            loop.call_soon_threadsafe(end.set)
        thread.join(10.0)
