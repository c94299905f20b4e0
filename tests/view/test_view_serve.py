"""Who may see the page: browsers of this machine that know its address, and nobody else."""

import base64
import gc
import http.client
import os
import socket
import threading
from urllib.parse import urlsplit

import made
import numpy as np
import pytest
from listening import addresses

from spikesweep.view.hub import Hub
from spikesweep.view.serve import served


def made_in(folder):
    grid = made.grid_of(fe=(np.arange(4.0), "Hz"), fi=(np.arange(3.0), "Hz"))
    store = made.make(folder / "a.zarr", grid, (2, 3))
    made.fill(store, grid, slice(0, 1))
    return store


@pytest.fixture
def store(tmp_path):
    return made_in(tmp_path)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with served(Hub([made_in(tmp_path_factory.mktemp("served")).path])) as address:
        yield address


def ask(address, path=None, **headers):
    """Return the code, the headers and the content of an answer."""
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    try:
        connection.request("GET", url.path if path is None else path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_the_page_is_there_for_who_knows_its_address(address):
    code, headers, page = ask(address)
    assert code == 200
    assert b"bokeh" in page
    assert b"http://" not in page.replace(address.rsplit("/", 2)[0].encode(), b"").replace(
        b"http://www.w3.org", b""
    )
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert addresses([os.getpid()]) == {"0100007F"}


@pytest.mark.parametrize(
    "path",
    ["/", "/sweep", "/static/js/bokeh.min.js", "/x/sweep", "/favicon.ico", "/%2e%2e/sweep", "/sweep/ws"],
)
def test_without_the_token_there_is_nothing(address, path):
    assert ask(address, path)[0] == 403
    token = urlsplit(address).path.split("/")[1]
    for wrong in (token[:-1], f"{token}x", token.swapcase(), "", f"/{token}"):
        assert ask(address, f"/{wrong}{path}")[0] in (403, 404)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "[::1]", "0.0.0.0", "localhost.evil"]
)
def test_a_name_that_another_gave_to_this_machine_is_refused(address, host):
    assert ask(address, Host=f"{host}:{urlsplit(address).port}")[0] == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9999", "LOCALHOST:8888"])
def test_the_end_of_a_tunnel_is_this_machine_too(address, host):
    assert ask(address, Host=host, Origin=f"http://{host}")[0] == 200


def websocket(address, **headers):
    """Return the code by which a WebSocket of the page is answered."""
    key = base64.b64encode(os.urandom(16)).decode()
    own = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
    }
    url = urlsplit(address)
    with socket.create_connection((url.hostname, url.port), 60) as found:
        lines = {"Host": url.netloc, **own, **headers}
        text = "".join(f"{k}: {v}\r\n" for k, v in lines.items())
        found.sendall(f"GET {url.path}/ws HTTP/1.1\r\n{text}\r\n".encode())
        return int(found.recv(4096).split()[1])


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:1", "null", "https://127.0.0.1", ""]
)
def test_another_page_may_not_ask_in_its_users_name(address, origin):
    assert ask(address, Origin=origin)[0] == 403
    assert websocket(address, Origin=origin) == 403


def test_a_websocket_needs_a_session_of_this_server(address):
    own = address.rsplit("/", 2)[0]
    assert websocket(address, Origin=own) in (101, 403)  # 101 is closed at once: it names no session
    assert websocket(address, Origin=own, **{"Sec-WebSocket-Protocol": "bokeh, bm90aGluZw"}) in (101, 403)


def test_a_figure_is_that_of_its_query(address):
    base = address.rsplit("/", 1)[0]
    path = urlsplit(base).path
    code, headers, data = ask(address, f"{path}/figure.png?x=fi&layer=status")
    assert code == 200
    assert data[:4] == b"\x89PNG"
    assert "attachment" in headers["Content-Disposition"]
    assert b"<svg" in ask(address, f"{path}/figure.svg")[2]
    assert ask(address, f"{path}/figure.png?layer=none")[0] == 404
    assert ask(address, f"{path}/figure.gif")[0] == 404


def test_a_hostile_store_is_an_error_on_the_page_and_nothing_else(store):
    (store.path / "rate" / "c.9").symlink_to("/etc/passwd")
    with served(Hub([store.path])) as address:
        code, _, page = ask(address)
        assert code == 200
        assert b"root:" not in page
        path = urlsplit(address).path.rsplit("/", 1)[0]
        assert ask(address, f"{path}/figure.png")[0] == 404


def test_nothing_is_left_of_it(store):
    with served(Hub([store.path])) as address:
        assert ask(address)[0] == 200
        port = urlsplit(address).port
    assert not any(thread.name == f"spikesweep view {port}" for thread in threading.enumerate())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 10)
    gc.collect()  # a warning of what was not closed is an error
