"""Servers other than a provider's own: what one look at them tells, and which key they are sent.

The look: what is served, with how much context, and whether it is ready. Addresses and fields are
those of llama.cpp b11434 (`/v1/models` with `meta.n_ctx`, `/props`), Ollama (`/api/show`,
`/api/ps`), LM Studio (`/api/v0/models`), vLLM (`max_model_len`) and LiteLLM (`max_input_tokens`).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from docpager.core.errors import ModelError, UsageError
from docpager.models.messages import ServedContext

__all__ = [
    "CHAT_COUNTS",
    "MESSAGE_COUNTS",
    "PLACEHOLDER",
    "ServerFacts",
    "ServerLook",
    "check_window",
    "is_paid_host",
    "key_from",
    "look_at",
    "token_count",
]

PLACEHOLDER = "none"
"""What servers that want no key are sent: the SDKs send nothing without one."""

PROBE_SECONDS = 2.0
"""How long each question may take that only looks at a server."""

MESSAGE_COUNTS = ("/v1/messages/count_tokens",)
CHAT_COUNTS = ("/v1/chat/completions/input_tokens", "/tokenize")
"""Where servers of either protocol count the tokens of a prompt: of Chat Completions llama.cpp and
vLLM, which no standard names."""

TIMED_OUT = ("no answer within 2 seconds", "timed out")
"""Problems of a server that took a connection and said nothing, as we say it and as sockets do."""

SPEAKS_NO_HTTP = "it speaks no HTTP"
"""The problem of a server whose answers are none."""

_LOADING_SECONDS = 2.0
"""Between two looks at a server that is loading its model."""

_PAID_HOSTS = ("anthropic.com", "openai.com", "azure.com", "amazonaws.com", "googleapis.com",
               "mistral.ai", "groq.com", "together.xyz", "together.ai", "fireworks.ai",
               "openrouter.ai", "deepseek.com", "x.ai", "cohere.com", "perplexity.ai",
               "cerebras.ai", "nvidia.com", "voyageai.com")  # fmt: skip
"""Domains of those who sell tokens: they are asked for replies and nothing else."""

_MOST_BYTES = 4 << 20
_OLLAMA_DEFAULT = 4_096

_HOW_TO_RAISE = {
    "llama.cpp": "start llama-server with -c {window}",
    "Ollama": "start Ollama with OLLAMA_CONTEXT_LENGTH={window}, or give the model "
    "PARAMETER num_ctx {window} in its Modelfile",
    "LM Studio": "load {model} there with a context length of {window}",
    "vLLM": "start vLLM with its option max-model-len at {window}",
}


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a look at a server tells."""

    url: str
    software: str = ""
    """`llama.cpp`, `Ollama`, `LM Studio`, `vLLM` or `LiteLLM`; empty where it cannot be told."""
    models: tuple[str, ...] = ()
    """Names of what it serves, as far as it lists them."""
    context: int | None = None
    """Tokens that prompt and reply may use together at this server; None where it does not say."""
    certain: bool = True
    """Whether `context` is what is served now, and not what a table says or a default is."""
    counts: bool = False
    """Whether it counts the tokens of a prompt when asked to."""
    loading: bool = False
    """Whether it is still loading its model."""
    reachable: bool = True
    parameters: int | None = None
    """How many the model has; None where the server does not say."""
    problem: str = ""
    """Why it told nothing, in words."""
    status: int = 200
    """What it said when it was asked for its models, as a status of HTTP."""


def is_paid_host(url: str) -> bool:
    """Whether tokens are sold at that address, so that it is not asked anything beside."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    return any(host == domain or host.endswith(f".{domain}") for domain in _PAID_HOSTS)


def key_from(variable: str) -> str | None:
    """The key in the environment variable of that name; None where no variable is named.

    Raises:
        ModelError: it is not set.
    """
    if not variable:
        return None
    if key := os.environ.get(variable):
        return key
    raise ModelError(f"`api_key_env={variable}` names a variable that is not set; set it to a key")


def check_window(facts: ServerFacts, *, model: str, window: int) -> None:
    """Refuse a window that the server would not hold.

    Raises:
        UsageError: it is larger than the context that is certainly served.
    """
    if facts.context is None or not facts.certain or window <= facts.context:
        return
    raise UsageError(_too_large(facts, model=model, window=window))


def doubts(facts: ServerFacts, *, model: str, window: int) -> str:
    """What speaks against a window without deciding it, in a sentence; empty where nothing does."""
    if facts.context is None or facts.certain or window <= facts.context:
        return ""
    if facts.software == "Ollama":
        return (
            f"Ollama has not loaded {model!r} and serves {facts.context:,} tokens unless told "
            f"otherwise, not the {window:,} of the window; "
            f"{_HOW_TO_RAISE['Ollama'].format(window=window)}"
        )
    return f"{facts.url} says that {model!r} takes {facts.context:,} tokens, less than the window"


class ServerLook:
    """What one model's server is like, looked at before the first request of a run."""

    def __init__(self, url: str, *, model: str, api_key_env: str = "") -> None:
        self._url = url
        self._model = model
        self._api_key_env = api_key_env
        self._facts: ServerFacts | None = None
        self._seen: ServerFacts | None = None
        """What the newest look told; None while there was none."""
        self._ready: ServerFacts | None = None
        """What the server was like when it was waited for; None once that was checked."""
        self._window = 0

    async def context(self, *, told: Callable[[str], None]) -> ServedContext | None:
        """Wait until the server is ready; the context that it certainly serves, if it says so."""
        self._ready = facts = await self._wait(told, asyncio.sleep)
        if facts.context is None or not facts.certain:
            return None
        raising = _how_to_raise(facts).replace("{model}", self._model)
        server = f"{facts.software or 'the server'} at {facts.url}"
        return ServedContext(facts.context, server, raising)

    async def check(
        self,
        *,
        window: int,
        told: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Wait until the server is ready, then see that it holds the window.

        Raises:
            UsageError: its context is smaller.
        """
        facts = self._ready or await self._wait(told, sleep)
        self._ready, self._facts, self._window = None, facts, window
        check_window(facts, model=self._model, window=window)
        if doubt := doubts(facts, model=self._model, window=window):
            told(doubt)

    async def parameters(self) -> int | None:
        """How many parameters the model has; asked once."""
        return (self._seen or await self._look()).parameters

    async def software(self) -> str:
        """What serves the model; empty where it cannot be told. Asked once."""
        return (self._seen or await self._look()).software

    async def after_a_reply(self) -> None:
        """Look again where only a loaded model tells its context, as Ollama's do.

        Raises:
            ModelError: it is smaller than the window.
        """
        facts, self._facts = self._facts, None
        if facts is None or facts.certain or facts.software != "Ollama":
            return
        now = await self._look()
        try:
            check_window(now, model=self._model, window=self._window)
        except UsageError as error:
            raise ModelError(str(error)) from error

    async def _wait(
        self, told: Callable[[str], None], sleep: Callable[[float], Awaitable[None]]
    ) -> ServerFacts:
        facts = await self._look()
        if facts.loading:
            told(f"{self._url} is still loading its model; docpager waits for it")
        while facts.loading:
            await sleep(_LOADING_SECONDS)
            facts = await self._look()
        return facts

    async def _look(self) -> ServerFacts:
        key = key_from(self._api_key_env)
        self._seen = await asyncio.to_thread(look_at, self._url, model=self._model, key=key)
        return self._seen


def look_at(
    url: str, *, model: str = "", key: str | None = None, counting: Sequence[str] = ()
) -> ServerFacts:
    """Ask a server what it serves; costs nothing, sends `key` if there is one, at most 2 seconds
    for each of two rounds. Whether it counts tokens is asked at the paths `counting`.

    Redirects are not followed: a key and a question go to the address that was named, or nowhere.
    """
    root = url.rstrip("/").removesuffix("/v1")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    asked = {
        "models": _Question(f"{root}/v1/models", headers),
        "props": _Question(f"{root}/props", headers),
        "ps": _Question(f"{root}/api/ps", headers),
        "lm_studio": _Question(f"{root}/api/v0/models", headers),
        "one": _Question(f"{root}/v1/models/{quote(model, safe='')}", headers),
    }
    answers = _answers(asked)
    # Only what must be posted is asked after something else said that it makes sense.
    further = {}
    if isinstance(_of(answers["ps"].json, "models"), list):
        further["show"] = _Question(f"{root}/api/show", headers, {"model": model})
    body = {"model": model, "messages": [{"role": "user", "content": "."}]}
    further |= {path: _Question(f"{root}{path}", headers, body) for path in counting}
    answers |= {"show": _Answer(), **_answers(further)}
    listed = answers["models"]
    if any(
        answer.status == 503 and "loading" in answer.text.lower() for answer in answers.values()
    ):
        return ServerFacts(url, loading=True, problem="it is still loading its model")
    if not any(answer.status for answer in answers.values()):
        return ServerFacts(url, reachable=False, problem=listed.problem)
    names = tuple(str(each["id"]) for each in _entries(listed.json) if "id" in each)
    counts = any(token_count(answers[path].json) is not None for path in counting)
    size = _parameters(answers, model)
    for software, context, certain in _contexts(answers, model):
        return ServerFacts(url, software, names, context, certain, counts, parameters=size)
    problem = "" if listed.status == 200 else f"lists no models ({listed.status or listed.problem})"
    return ServerFacts(
        url, _software(answers), names, counts=counts, parameters=size, problem=problem,
        status=listed.status,
    )  # fmt: skip


def _parameters(answers: Mapping[str, _Answer], model: str) -> int | None:
    """Parameters of the model: llama.cpp's `meta.n_params`, of Ollama's `/api/show` the
    `general.parameter_count`; else what its name says, where the server lists models."""
    told = _of(_of(_own(answers, model), "meta"), "n_params")
    shown = _of(_of(answers["show"].json, "model_info"), "general.parameter_count")
    named = _named_parameters(model) if any(_entries(answers["models"].json)) else None
    return next((each for each in (told, shown, named) if type(each) is int and each > 0), None)


_NAMED_SIZE = re.compile(r"(?:^|[-:/_ ])(\d{1,4}(?:\.\d{1,2})?)([bm])(?![a-z0-9])", re.IGNORECASE)
"""`1.5b` in `qwen2.5-coder:1.5b`, `270m` in `gemma-3-270m-it`; neither `4k` nor `8x7b`."""


def _named_parameters(model: str) -> int | None:
    """How many parameters a model has by its name; None where it does not say."""
    found = _NAMED_SIZE.search(model)
    if found is None:
        return None
    return round(float(found[1]) * (10**9 if found[2] in "bB" else 10**6))


def _own(answers: Mapping[str, _Answer], model: str) -> Mapping[str, Any]:
    """What a list of models says of this one; of the first where none has its name."""
    entries = list(_entries(answers["models"].json))
    first = entries[0] if entries else {}
    return next((each for each in entries if each.get("id") == model), first)


def _contexts(answers: Mapping[str, _Answer], model: str) -> Iterator[tuple[str, int, bool]]:
    """Software, context, and whether it is certain: the best source first."""
    own = _own(answers, model)
    props = _of(_of(answers["props"].json, "default_generation_settings"), "n_ctx")
    served = [n for n in (_tokens(_of(own.get("meta"), "n_ctx")), _tokens(props)) if n]
    if served:
        yield "llama.cpp", min(served), True
    yield from _of_lm_studio(answers["lm_studio"].json, model)
    yield from _of_ollama(answers, model)
    if longest := _tokens(own.get("max_model_len")):
        yield "vLLM", longest, True
    for told in (own, answers["one"].json):
        # LiteLLM looks names up in a table, which may be right and may be wrong.
        if most := _tokens(_of(told, "max_input_tokens")):
            yield "LiteLLM", most, False


def _of_lm_studio(told: object, model: str) -> Iterator[tuple[str, int, bool]]:
    for each in _entries(told):
        if each.get("id") == model and (loaded := _tokens(each.get("loaded_context_length"))):
            yield "LM Studio", loaded, each.get("state") == "loaded"


def _of_ollama(answers: Mapping[str, _Answer], model: str) -> Iterator[tuple[str, int, bool]]:
    running, shown = answers["ps"].json, answers["show"].json
    if not isinstance(_of(running, "models"), list):
        return
    for each in _of(running, "models"):
        names = (_of(each, "name"), _of(each, "model"))
        served = _tokens(_of(each, "context_length"))
        if served and (model in names or f"{model}:latest" in names):
            yield "Ollama", served, True
    if isinstance(parameters := _of(shown, "parameters"), str):
        for line in parameters.splitlines():
            name, _, value = line.strip().partition(" ")
            if name == "num_ctx" and value.strip().isdecimal():
                yield "Ollama", int(value), True
    yield "Ollama", _OLLAMA_DEFAULT, False


def _software(answers: Mapping[str, _Answer]) -> str:
    owners = {str(each.get("owned_by", "")) for each in _entries(answers["models"].json)}
    known = {"llamacpp": "llama.cpp", "vllm": "vLLM", "organization_owner": "LM Studio"}
    return next((known[owner] for owner in sorted(owners) if owner in known), "")


def _how_to_raise(facts: ServerFacts) -> str:
    return _HOW_TO_RAISE.get(facts.software, "raise the context of the server to {window}")


def _too_large(facts: ServerFacts, *, model: str, window: int) -> str:
    raising = _how_to_raise(facts)
    return (
        f"the context of {facts.software or 'the server'} at {facts.url} is {facts.context:,} "
        f"tokens, less than the window of {window:,}; pass `window={facts.context}` or less, or "
        f"{raising.format(window=window, model=model)}"
    )


@dataclass(frozen=True, slots=True)
class _Question:
    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int = 0
    """0 where there was none."""
    text: str = ""
    json: object = None
    problem: str = TIMED_OUT[0]


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _answers(asked: Mapping[str, _Question]) -> dict[str, _Answer]:
    """What came back in time; the questions are asked beside one another."""
    found: dict[str, _Answer] = {}

    def ask(name: str, question: _Question) -> None:
        found[name] = _asked(question)

    threads = [
        # Daemons, because a server that sends a byte now and then must not hold up the exit.
        threading.Thread(target=ask, args=each, daemon=True, name="look at a server")
        for each in asked.items()
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + PROBE_SECONDS
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return {name: found.get(name, _Answer()) for name in asked}


def _asked(question: _Question) -> _Answer:
    data = None if question.body is None else json.dumps(question.body).encode()
    headers = {"content-type": "application/json", **question.headers}
    request = Request(question.url, data=data, headers=headers)
    try:
        with build_opener(_NoRedirects).open(request, timeout=PROBE_SECONDS) as answer:
            return _read(answer.status, answer.read(_MOST_BYTES))
    except HTTPError as error:
        with error:
            return _read(error.code, error.read(_MOST_BYTES))
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        told = str(reason) if isinstance(error, OSError) else SPEAKS_NO_HTTP
        return _Answer(problem=told)


def _read(status: int, body: bytes) -> _Answer:
    text = body.decode("utf-8", "replace")
    try:
        told: object = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    return _Answer(status, text[:2_000], told if status == 200 else None, f"it said {status}")


def token_count(told: object) -> int | None:
    """The tokens of a prompt by an answer of llama.cpp (`input_tokens`) or of vLLM (`count`)."""
    return _tokens(_of(told, "input_tokens")) or _tokens(_of(told, "count"))


def _entries(told: object) -> Iterator[Mapping[str, Any]]:
    data = _of(told, "data")
    if isinstance(data, list):
        yield from (each for each in data if isinstance(each, dict))


def _of(told: object, name: str) -> Any:
    return told.get(name) if isinstance(told, dict) else None


def _tokens(value: object) -> int | None:
    return value if type(value) is int and 0 < value < 10**9 else None
