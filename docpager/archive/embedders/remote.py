"""Embedders behind an HTTP address: Voyage, and whatever speaks OpenAI's embeddings protocol.

Nothing is sent before a text must be embedded, and the key is read only then.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from docpager.core.errors import ModelError, UsageError
from docpager.core.retries import TryAgain, with_retries

if TYPE_CHECKING:
    import httpx2

    from docpager.archive.embedders.base import Vector, Vectors

__all__ = ["OPENAI", "VOYAGE", "Provider", "RemoteEmbedder", "openai_embedder", "voyage_embedder"]

_TEXTS_PER_REQUEST = 64
_TIMEOUT_SECONDS = 60
_MAY_PASS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class Provider:
    """Where embeddings are asked for, and in which words."""

    name: str
    """As in `openai:MODEL`."""
    base_url: str
    base_url_variable: str
    """Environment variable that names another address."""
    key_variable: str
    needs_key: bool
    passage_fields: tuple[tuple[str, str], ...] = ()
    query_fields: tuple[tuple[str, str], ...] = ()


VOYAGE = Provider(
    name="voyage",
    base_url="https://api.voyageai.com/v1",
    base_url_variable="VOYAGE_BASE_URL",
    key_variable="VOYAGE_API_KEY",
    needs_key=True,
    passage_fields=(("input_type", "document"),),
    query_fields=(("input_type", "query"),),
)
OPENAI = Provider(
    name="openai",
    base_url="https://api.openai.com/v1",
    base_url_variable="OPENAI_BASE_URL",
    key_variable="OPENAI_API_KEY",
    # A server of one's own asks for none; theirs says so itself.
    needs_key=False,
)


class RemoteEmbedder:
    """A model at a provider's address; texts go there in batches, one request at a time.

    Its vectors are scaled to length 1 here, whatever length the provider gives them.

    Raises (when something is embedded):
        UsageError: a key is missing, or an address is none.
        ModelError: the provider refused, did not answer after six attempts, or answered with
            something else than one vector of numbers for each text.
    """

    is_remote = True
    """What it embeds is paid for, and worth keeping: see `cache`."""

    def __init__(
        self, provider: Provider, model: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        if not model:
            raise UsageError(f'name a model: `embedder="{provider.name}:MODEL"`')
        self.name = f"{provider.name}:{model}"
        self._provider = provider
        self._model = model
        self._sleep = sleep

    @cached_property
    def dimension(self) -> int:
        """Asked of the model with one word, as nothing else says it."""
        return int(self.embed_query("dimension").shape[0])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        batches = [
            self._embed(texts[first : first + _TEXTS_PER_REQUEST], self._provider.passage_fields)
            for first in range(0, len(texts), _TEXTS_PER_REQUEST)
        ]
        return np.concatenate(batches)

    def embed_query(self, text: str) -> Vector:
        vector: Vector = self._embed([text], self._provider.query_fields)[0]
        return vector

    def _embed(self, texts: Sequence[str], fields: Sequence[tuple[str, str]]) -> Vectors:
        # An empty text is refused by both providers.
        inputs = [text if text.strip() else "-" for text in texts]
        url, headers = self._address()
        body = {"model": self._model, "input": inputs, **dict(fields)}
        try:
            answer = with_retries(lambda: self._post(url, headers, body), sleep=self._sleep)
            return _vectors(answer, len(texts))
        except TryAgain as error:
            raise ModelError(
                f"embedder {self.name!r} at {url} failed: {error}; "
                "ingest again later: what was embedded is kept"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"embedder {self.name!r} at {url} answered with something other than "
                f"a list of {len(texts)} embeddings ({error})"
            ) from error

    def _address(self) -> tuple[str, dict[str, str]]:
        """Where embeddings are asked for, and the headers that say who asks."""
        provider = self._provider
        base = os.environ.get(provider.base_url_variable) or provider.base_url
        if not base.startswith(("http://", "https://")):
            raise UsageError(f"{provider.base_url_variable}={base!r} is not an http address")
        url = f"{base.rstrip('/')}/embeddings"
        if key := os.environ.get(provider.key_variable, ""):
            return url, {"Authorization": f"Bearer {key}"}
        if provider.needs_key:
            raise UsageError(
                f"the embedder {self.name!r} needs a key; set the environment variable "
                f'{provider.key_variable}, or choose `embedder="wordllama"`, which needs none'
            )
        return url, {}

    @cached_property
    def _client(self) -> httpx2.Client:
        import httpx2

        # Redirects are not followed: they would take texts, and the key, to a host nobody named.
        return httpx2.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=False)

    def _post(self, url: str, headers: dict[str, str], body: dict[str, Any]) -> bytes:
        """The answer's body.

        Raises:
            TryAgain: it may go better another time.
            ModelError: it will not.
        """
        import httpx2

        try:
            response = self._client.post(url, json=body, headers=headers)
        except httpx2.InvalidURL as error:
            raise UsageError(f"{self._provider.base_url_variable}: {error}") from error
        except httpx2.TransportError as error:
            raise TryAgain(str(error) or type(error).__name__) from error
        if response.is_success:
            return bytes(response.content)
        said = " ".join(response.text.split())[:300]
        message = f"status {response.status_code}" + (f", {said}" if said else "")
        if response.status_code in _MAY_PASS:
            raise TryAgain(message, after_seconds=_seconds(response.headers.get("Retry-After")))
        raise ModelError(f"{url} refused to embed: {message}")


def voyage_embedder(model: str) -> RemoteEmbedder:
    """`voyage:MODEL`."""
    return RemoteEmbedder(VOYAGE, model)


def openai_embedder(model: str) -> RemoteEmbedder:
    """`openai:MODEL`; OPENAI_BASE_URL names any address that speaks the same protocol."""
    return RemoteEmbedder(OPENAI, model)


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None


def _vectors(answer: bytes, count: int) -> Vectors:
    """The embeddings in the order of the texts, scaled to length 1."""
    import numpy as np

    entries = sorted(json.loads(answer)["data"], key=lambda entry: int(entry["index"]))
    if [entry["index"] for entry in entries] != list(range(count)):
        raise ValueError(f"{len(entries)} of them")
    vectors = np.array([entry["embedding"] for entry in entries], dtype=np.float32)
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ValueError("not numbers, or of different lengths")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.divide(vectors, lengths, out=vectors, where=lengths > 0)
    return vectors
