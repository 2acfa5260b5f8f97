"""What several tests need: the real data beside the checkout, where it is there."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import coterie
from coterie.data import ShopTables, shop

# The tests' matrices are small: on them, threads that wait for each other cost more than they bring, above all where
# other work is going on. numpy reads this when it is imported, which none of the imports above does.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Folder of one real data set; the test is skipped, saying so, where it is not on this machine."""

    def find(name: str) -> Path:
        folder = SHARED / name
        if not folder.is_dir():
            pytest.skip(f"real data {name!r} is not beside this checkout (looked in {folder})")
        return folder

    return find


@pytest.fixture(scope="session", autouse=True)
def _quiet_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads the caller's settings; what is cached stays for the whole test run, away from the caller's cache.

    Of the session, so that it is there before any fixture that makes a model.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("COTERIE_")]:
            patch.delenv(name)
        patch.setenv("COTERIE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "coterie-cache"))
        yield


@pytest.fixture(scope="session")
def small_shop() -> ShopTables:
    """The shop's real tables for every eighth customer: some 50,000 events."""
    tables = shop()
    users = tables.users.gather_every(8)
    return ShopTables(tables.events.join(users, on="user_id", how="semi"), tables.items, users)


@pytest.fixture(scope="session")
def shop_part(small_shop: ShopTables) -> ShopTables:
    """The small shop's 800 items bought most, and 40 that nobody in it bought: some 30,000 events, quick to fit."""
    bought = small_shop.events["item_id"].value_counts(sort=True)
    most = bought.sort(["count", "item_id"], descending=[True, False]).head(800).select("item_id")
    unsold = small_shop.items.join(bought, on="item_id", how="anti").head(40).select("item_id")
    return ShopTables(
        small_shop.events.join(most, on="item_id", how="semi"),
        small_shop.items.filter(small_shop.items["item_id"].is_in([*most["item_id"], *unsold["item_id"]])),
        small_shop.users,
    )


@pytest.fixture(scope="session")
def shop_model(shop_part: ShopTables) -> coterie.Model:
    """Six groups of that part of the shop; tests read it and leave it as it is."""
    return coterie.discover(*shop_part, groups=6, encoder="tfidf")


class ChatServer(ThreadingHTTPServer):
    """A chat endpoint on this machine that does what a test says.

    `behave` is called with the handler, the request's body and the number of the request; it answers by `say`, or by
    whatever it does to the connection.
    """

    daemon_threads = True

    def __init__(self, behave: Callable[..., None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behave = behave
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.headers.append(dict(self.headers))
        self.server.behave(self, body, len(self.server.asked))

    def say(self, content: object, status: int = 200, **headers: str) -> None:
        """Answer as a chat endpoint does; bytes are sent as they are."""
        if not isinstance(content, bytes):
            said = content if isinstance(content, str) else json.dumps(content)
            content = json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def chat_server() -> Iterator[Callable[[Callable[..., None]], ChatServer]]:
    """Starts chat endpoints that behave as they are told; they end with the test."""
    running: list[ChatServer] = []

    def start(behave: Callable[..., None]) -> ChatServer:
        server = ChatServer(behave)
        running.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()
