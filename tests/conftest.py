"""What several tests need: the real data beside the checkout, where it is there."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
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


class TinyModels:
    """Encoders of random weights, written into folders as transformers writes them, without transformers.

    Two layers, 32 wide; a token for each letter and Chinese character of `LETTERS`, and the start of a word apart.
    """

    LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:;&<>'-微积分是高等数学的基础本课程介绍极限导与中国文化概论艺术哲"

    def __init__(self, place: Path) -> None:
        self._place = place

    def bert(self, name: str = "bert", *, seed: int = 0, said: dict[str, Any] | None = None, **config: Any) -> Path:
        """A folder with config.json, model.safetensors and tokenizer.json.

        Args:
            name: of the folder; made once.
            seed: of the weights.
            said: other files of JSON, by name.
            config: what differs in config.json.
        """
        folder = self._place / name
        if folder.is_dir():
            return folder
        pytest.importorskip("tokenizers", reason="tokenizers, a development extra, is not installed")
        from safetensors.numpy import save_file

        folder.mkdir(parents=True)
        vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *self.LETTERS, *(f"##{letter}" for letter in self.LETTERS)]
        shape = {
            "model_type": "bert",
            "architectures": ["BertModel"],
            "vocab_size": len(vocabulary),
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 48,
            "max_position_embeddings": 66,
            "type_vocab_size": 2,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-12,
            "pad_token_id": 0,
            **config,
        }
        (folder / "config.json").write_text(json.dumps(shape))
        save_file(_weights(shape, seed), folder / "model.safetensors")
        _tokenizer(vocabulary).save(str(folder / "tokenizer.json"))
        for file, content in (said or {}).items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(json.dumps(content))
        return folder


def _weights(shape: dict[str, Any], seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    width, wide = shape["hidden_size"], shape["intermediate_size"]
    sizes = {
        "embeddings.word_embeddings": (shape["vocab_size"], width),
        "embeddings.position_embeddings": (shape["max_position_embeddings"], width),
        "embeddings.token_type_embeddings": (shape["type_vocab_size"], width),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(shape["num_hidden_layers"]):
        name = f"encoder.layer.{layer}"
        sizes |= {f"{name}.attention.self.{part}": (width, width) for part in ("query", "key", "value")}
        sizes |= {f"{name}.attention.output.dense": (width, width)}
        sizes |= {f"{name}.intermediate.dense": (wide, width), f"{name}.output.dense": (width, wide)}
        norms += [f"{name}.attention.output.LayerNorm", f"{name}.output.LayerNorm"]
    weights = {f"{name}.weight": rng.normal(0, 0.3, size).astype(np.float32) for name, size in sizes.items()}
    # positions say little, as in a model that was trained
    weights["embeddings.position_embeddings.weight"] *= 0.1
    for name, (rows, _) in sizes.items():
        if name.startswith("encoder"):
            weights[f"{name}.bias"] = rng.normal(0, 0.1, rows).astype(np.float32)
    for name in norms:
        weights[f"{name}.weight"] = rng.uniform(0.5, 1.5, width).astype(np.float32)
        weights[f"{name}.bias"] = rng.normal(0, 0.1, width).astype(np.float32)
    return weights


def _tokenizer(vocabulary: list[str]) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    ids = {token: row for row, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100_000))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    return tokenizer


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    """Makes encoders of random weights."""
    return TinyModels(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def exported(tiny_models: TinyModels, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tiny BERT as an ONNX folder, in int8 or float32."""
    folder = tmp_path_factory.mktemp("exported")

    def export(precision: str) -> Path:
        for package in ("onnx", "onnxruntime"):
            pytest.importorskip(package, reason=f"{package}, a development extra, is not installed")
        from coterie.language.export import write_exported

        if not (folder / precision).is_dir():
            texts = ["a wooden star", "数学课程介绍", "red glass holder, set of 6", "histoire de l'art"] * 8
            write_exported(tiny_models.bert(), folder / precision, texts, precision=precision)
        return folder / precision

    return export


def embed(texts: list[str], width: int = 24) -> list[list[float]]:
    """What the tests' embeddings endpoint answers: sums of random vectors, one for each pair of letters."""
    vectors = []
    for text in texts:
        pairs = [first + second for first, second in zip(f" {text}", f"{text} ", strict=True)]
        rows = [np.random.default_rng(list(pair.encode())).normal(size=width) for pair in pairs[:400]]
        vectors.append(np.sum(rows, axis=0).tolist())
    return vectors


@pytest.fixture(scope="session")
def embeddings_url() -> Iterator[str]:
    """Address of an embeddings endpoint on this machine."""
    server = ChatServer(answer_embeddings)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.url
    server.shutdown()
    server.server_close()


def answer_embeddings(handler: Any, body: dict[str, Any], number: int) -> None:
    """Answer as an embeddings endpoint does."""
    data = [{"index": row, "embedding": vector} for row, vector in enumerate(embed(body["input"]))]
    handler.say(json.dumps({"object": "list", "data": data}).encode())


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
