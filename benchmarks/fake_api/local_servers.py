"""Servers that people run themselves: what they tell of themselves, and how they go wrong.

Around the core of `FakeApi`, with the addresses, fields and error bodies of llama.cpp b11434,
Ollama, LM Studio, vLLM and LiteLLM:

| behaviour | what the client meets |
| --- | --- |
| `loading=N` | the first N requests get 503 `Loading model`, whatever they ask |
| `context=N` | longer prompts are refused with `n_ctx` and `n_prompt_tokens` (Ollama: cut unsaid) |
| `shared_cache=True` | two requests at once both end in a flat error inside their streams |
| `unstreamed=True` | one JSON message although a stream was asked for |
| `silent=True` | 404 at every address that would tell of context |
| `counts` | `exact`; `wrong`, less than replies say; `constant`, whatever the prompt; or `none` |
| `closes` | see `Server` |
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Literal, Self

from benchmarks.fake_api.fake import FakeApi
from benchmarks.fake_api.http_types import HttpRequest, HttpResponse, json_response
from benchmarks.fake_api.server import Closes, Server

__all__ = ["LocalServer", "Software"]

Software = Literal["llama.cpp", "Ollama", "LM Studio", "vLLM", "LiteLLM"]
Counts = Literal["exact", "wrong", "constant", "none"]

_FULL = {"code": 500, "message": "Context size has been exceeded.", "type": "server_error"}
_LOADING = {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}
_TOGETHER_SECONDS = 0.2
"""How long a request of a shared cache is under way."""


@dataclass(slots=True)
class LocalServer:
    """One server of that software around an API whose backend is not Anthropic's."""

    api: FakeApi
    software: Software = "llama.cpp"
    context: int = 32_768
    model: str = "local-model"
    loaded: bool = True
    """Whether Ollama has the model in memory, and so can tell its context."""
    silent: bool = False
    """Whether it tells nothing of itself."""
    loading: int = 0
    shared_cache: bool = False
    unstreamed: bool = False
    counts: Counts = "exact"
    closes: Closes = ""
    asked: list[str] = field(default_factory=list)
    """Paths of all requests, in order."""
    keys: list[str] = field(default_factory=list)
    """What stood in their authorization."""
    _server: Server | None = None
    _under_way: list[tuple[float, HttpResponse]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = Server(self._handle, closes=self.closes)
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.stop()
        if self._server.failure is not None and error is None:
            raise self._server.failure

    @property
    def url(self) -> str:
        assert self._server is not None, "enter it with `with`"
        return f"http://127.0.0.1:{self._server.port}"

    def _handle(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request.path)
        self.keys.append(request.headers.get("authorization", ""))
        if self.loading > 0:
            self.loading -= 1
            return json_response(_LOADING, {}, 503)
        if request.path == "/v1/messages":
            return self._message(request)
        if request.path == "/v1/messages/count_tokens":
            return self._count(request)
        told = self._told(request.path)
        return json_response(told, {}) if told is not None else json_response({}, {}, 404)

    def _told(self, path: str) -> dict[str, Any] | None:
        """What the server says of itself at an address; None where it has none."""
        if self.silent:
            return None
        own: dict[tuple[str, str], dict[str, Any]] = {
            ("llama.cpp", "/props"): {
                "default_generation_settings": {"n_ctx": self.context},
                "total_slots": 4,
            },
            ("Ollama", "/api/ps"): {"models": self._in_memory()},
            ("Ollama", "/api/show"): {"parameters": "temperature 0", "model_info": {}},
            ("LM Studio", "/api/v0/models"): {
                "data": [
                    {"id": self.model, "state": "loaded", "loaded_context_length": self.context}
                ]
            },
        }
        if path == "/v1/models":
            more: dict[str, dict[str, Any]] = {
                "llama.cpp": {"owned_by": "llamacpp", "meta": {"n_ctx": self.context}},
                "vLLM": {"owned_by": "vllm", "max_model_len": self.context},
                "LiteLLM": {"max_input_tokens": self.context},
            }
            entry = {"id": self.model, "object": "model", **more.get(self.software, {})}
            return {"object": "list", "data": [entry]}
        return own.get((self.software, path))

    def _in_memory(self) -> list[dict[str, Any]]:
        if not self.loaded:
            return []
        return [{"name": self.model, "model": self.model, "context_length": self.context}]

    def _count(self, request: HttpRequest) -> HttpResponse:
        response = self.api.service.handle(request)
        if self.counts == "none" or response.status != 200:
            return json_response({}, {}, 404)
        tokens = json.loads(response.body)["input_tokens"]
        told = {"exact": tokens, "wrong": tokens // 2 + 1, "constant": 33}[self.counts]
        return json_response({"input_tokens": told}, {})

    def _message(self, request: HttpRequest) -> HttpResponse:
        body = json.loads(request.body)
        tokens = self._prompt_tokens(request, body)
        if tokens > self.context and self.software != "Ollama":
            return json_response(self._too_long(tokens), {}, 400)
        if self.unstreamed:
            request = replace(request, body=json.dumps({**body, "stream": False}).encode())
        response = self.api.service.handle(request)
        self.loaded = True
        if tokens > self.context:
            # It dropped the beginning, and counts what is left.
            cut = f'"input_tokens":{self.context}'.encode()
            whole = f'"input_tokens":{tokens}'.encode()
            response.chunks = tuple(chunk.replace(whole, cut) for chunk in response.chunks)
        return self._beside_others(response) if self.shared_cache else response

    def _prompt_tokens(self, request: HttpRequest, body: dict[str, Any]) -> int:
        asked = {k: v for k, v in body.items() if k not in ("max_tokens", "stream")}
        path = "/v1/messages/count_tokens"
        counted = self.api.service.handle(
            replace(request, path=path, body=json.dumps(asked).encode())
        )
        return int(json.loads(counted.body).get("input_tokens", 0))

    def _too_long(self, tokens: int) -> dict[str, Any]:
        if self.software == "LiteLLM":
            message = (
                "litellm.ContextWindowExceededError: litellm.BadRequestError: This model's maximum "
                f"context length is {self.context} tokens. However, you requested {tokens} tokens."
                " Received Model Group=x\nAvailable Model Group Fallbacks=None"
            )
            return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
        message = (
            f"request ({tokens} tokens) exceeds the available context size ({self.context} "
            "tokens), try increasing it"
        )
        sizes = {"n_prompt_tokens": tokens, "n_ctx": self.context}
        kind = "exceed_context_size_error"
        return {"error": {"code": 400, "message": message, "type": kind, **sizes}}

    def _beside_others(self, response: HttpResponse) -> HttpResponse:
        """Both fail where another request is under way: their prompts share one cache."""
        now = time.monotonic()
        others = [each for end, each in self._under_way if end > now]
        response.wait_seconds = max(response.wait_seconds, _TOGETHER_SECONDS)
        self._under_way = [(now + response.wait_seconds, response)]
        for each in (*others, response) if others else ():
            each.chunks = (b"event: error\ndata: " + json.dumps(_FULL).encode() + b"\n\n",)
        return response
