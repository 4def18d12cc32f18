"""What can be used now, and what is missing: on this machine and at `base_url`.

A trial: one request so small that it costs next to nothing, to see whether a model answers.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points, version
from importlib.util import find_spec
from time import perf_counter
from urllib.parse import urlsplit

from docpager.core.errors import ArchiveError, StorageError, UsageError
from docpager.core.locations import ObjectPath
from docpager.core.settings import PLAIN_UP_TO
from docpager.models.messages import ChatModel, ModelRequest, UserTurn
from docpager.models.pricing import price_of
from docpager.models.registry import ModelSource
from docpager.models.servers import (
    CHAT_COUNTS,
    MESSAGE_COUNTS,
    SPEAKS_NO_HTTP,
    TIMED_OUT,
    ServerFacts,
    is_paid_host,
    key_from,
    look_at,
)
from docpager.version import __version__

__all__ = [
    "MOST_OUTPUT_TOKENS",
    "Finding",
    "ask_something",
    "check_embedders",
    "check_engine",
    "check_exporters",
    "check_models",
    "check_recognition",
    "check_servers",
    "check_storage",
    "check_tokenizers",
    "worst_case_usd",
]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_USUAL_PORTS = {
    11434: "Ollama",
    8080: "llama.cpp",
    8000: "vLLM",
    1234: "LM Studio",
    4000: "LiteLLM",
}
_CONNECT_SECONDS = 0.3
_MOST_LANGUAGES = 12
_LOOKS = 5
"""At an object, for how long replies take."""
_MOST_MODELS = 8
"""Names of a server's models that are shown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, whether it can be used, and why or how not."""

    part: str
    """`model`, `server`, `embedder`, `tokenizer`, `scanned page`, `exporter`, `storage`, `engine`
    or `live request`."""
    name: str
    state: str
    """`usable`, `not ready` (yet), `missing`, `failed`, or `not asked` where only a request could
    tell."""
    detail: str = ""


def check_models(name: str, *, source: ModelSource) -> Iterator[Finding]:
    """The built-in reader, and the model called `name`.

    Raises:
        UsageError: the address is none, or there is no such backend, protocol or model.
    """
    from docpager.models.claude.backends import OFFICIAL_URL, address, backend_for
    from docpager.models.claude.client import has_credentials
    from docpager.models.pricing import price_of
    from docpager.models.registry import READER, model_from

    model_from(name, source)
    yield Finding("model", READER, "usable", "the rule-based reader, not a language model")
    if name == READER:
        return
    price = price_of(name)
    priced = f"prices of {price.as_of}" if price else "its price is not known"
    if source.api == "openai":
        from docpager.models.openai.client import address as openai_address

        there = openai_address(source.base_url or None)
        yield Finding("model", name, "not asked", f"at {there}, by Chat Completions; {priced}")
        return
    url = address(source.base_url or None)
    if url != OFFICIAL_URL:
        kind = backend_for(url, source.backend or None).name
        yield Finding("model", name, "not asked", f"at {url}, backend {kind}; {priced}")
    elif has_credentials():
        yield Finding("model", name, "not asked", f"there are credentials; {priced}")
    else:
        detail = "set ANTHROPIC_API_KEY, or name a server with `base_url=`"
        yield Finding("model", name, "missing", detail)


def check_servers(source: ModelSource, *, model: str = "") -> Iterator[Finding]:
    """The server the user named, and whatever answers where local servers usually do.

    Raises:
        ModelError: a key is named for it that is not set.
    """
    from docpager.models.claude.backends import address
    from docpager.models.openai.client import address as openai_address

    url = (openai_address if source.api == "openai" else address)(source.base_url or None)
    if not is_paid_host(url) and (source.base_url or urlsplit(url).hostname in _LOOPBACK):
        yield _server(url, model=model, source=source)
    else:
        yield Finding("server", url, "not asked", "`live=True` sends one small request")
    for port, server in _USUAL_PORTS.items():
        if urlsplit(url).port != port and _answers("127.0.0.1", port):
            detail = f"something answers where {server} usually does; try `base_url=`"
            yield Finding("server", f"http://127.0.0.1:{port}", "not asked", detail)


def check_embedders() -> Iterator[Finding]:
    """Every embedder that can be named."""
    from docpager.archive.embedders.base import ENTRY_POINTS
    from docpager.archive.embedders.remote import OPENAI, VOYAGE

    yield _wordllama()
    installed = find_spec("sentence_transformers") is not None
    yield Finding(
        "embedder",
        "sentence-transformers:MODEL",
        "usable" if installed else "missing",
        "" if installed else "pip install 'docpager[sentence-transformers]'",
    )
    for provider in (VOYAGE, OPENAI):
        settings = (provider.key_variable, provider.base_url_variable)
        found = [name for name in settings if os.environ.get(name)]
        usable = provider.key_variable in found or (found and not provider.needs_key)
        yield Finding(
            "embedder",
            f"{provider.name}:MODEL",
            "not asked" if usable else "missing",
            f"{' and '.join(found)} set" if usable else f"set {provider.key_variable}",
        )
    for entry in entry_points(group=ENTRY_POINTS):
        yield Finding("embedder", entry.name, "usable", f"from {entry.value}")


def check_tokenizers() -> Iterator[Finding]:
    """What counts tokens before a server does."""
    from docpager.core.tokens import BuiltInEstimator, cached_tiktoken, rank_file

    yield Finding("tokenizer", BuiltInEstimator.name, "usable", "an estimate that needs no file")
    name, path = "tiktoken-o200k_base", rank_file()
    if cached_tiktoken() is not None:
        yield Finding("tokenizer", name, "usable", str(path))
    elif path is None:
        yield Finding("tokenizer", name, "missing", "TIKTOKEN_CACHE_DIR is empty: no cache")
    else:
        detail = f"no {path}; `fetch_tokenizer=True` downloads 3.6 MB"
        yield Finding("tokenizer", name, "missing", detail)


def check_recognition() -> Iterator[Finding]:
    """What recognises text on pages that are pictures, which `ReadingSettings.ocr` asks for."""
    from docpager.documents.ocr.recognition import ENGINE
    from docpager.documents.ocr.tesseract import installed_tesseract

    try:
        version, languages = installed_tesseract()
    except UsageError as error:
        yield Finding("scanned page", ENGINE, "missing", str(error))
        return
    if not languages:
        yield Finding("scanned page", ENGINE, "not ready", f"{version}, without any language")
        return
    shown = ", ".join(languages[:_MOST_LANGUAGES])
    more = len(languages) - _MOST_LANGUAGES
    known = f"{shown} and {more} more" if more > 0 else shown
    detail = f"{version}; languages {known}: `ReadingSettings.ocr=True`"
    yield Finding("scanned page", ENGINE, "usable", detail)


def check_exporters() -> Iterator[Finding]:
    """Where spans of runs go."""
    from docpager.run.observer import tracing_is_wanted

    name, extra = "OpenTelemetry", "pip install 'docpager[otel]'"
    try:
        installed = find_spec("opentelemetry.sdk") is not None
    except ModuleNotFoundError:
        installed = False
    if not tracing_is_wanted(os.environ):
        needed = "" if installed else f" and {extra}"
        detail = f"off; OTEL_EXPORTER_OTLP_ENDPOINT=http://...{needed} turns spans of runs on"
        yield Finding("exporter", name, "not asked", detail)
    elif not installed:
        yield Finding("exporter", name, "missing", f"its variables are set; {extra}")
    else:
        yield Finding("exporter", name, "usable", "spans of runs are sent as its variables say")


def check_storage(place: ObjectPath | None) -> Iterator[Finding]:
    """Whether object storage can be used, and what `place` in it takes; a probe is written there.

    Without a place only what is installed is looked at.
    """
    if find_spec("obstore") is None:
        yield Finding("storage", "s3://BUCKET", "missing", "pip install 'docpager[s3]'")
        return
    if place is None:
        yield Finding("storage", "s3://BUCKET", "not asked", "obstore is installed")
        return
    from docpager.storage.object_store import Bucket, where_credentials_are
    from docpager.storage.part_cache import PartCache

    try:
        bucket = Bucket(place.bucket)
        at = bucket.endpoint or "AWS"
        bucket.check_conditions(place.key)
        waits = []
        for _ in range(_LOOKS):
            began = perf_counter()
            bucket.look((place / "conditional-put-check").key)
            waits.append(perf_counter() - began)
    except (StorageError, UsageError) as error:
        yield Finding("storage", str(place), "failed", str(error))
        return
    detail = (
        f"at {at}, with {where_credentials_are()}; conditional puts are kept; replies after "
        f"{sorted(waits)[_LOOKS // 2] * 1000:.0f} ms"
    )
    yield Finding("storage", str(place), "usable", detail)
    cache = PartCache.of_user()
    sizes = {
        (stat.st_dev, stat.st_ino): stat.st_size
        for stat in (path.stat() for path in cache.root.glob("files/*"))
    }
    held = f"{sum(sizes.values()) / 1e9:.2f} of at most {cache.most_bytes / 1e9:g} GB"
    yield Finding("storage", "part cache", "usable", f"'{cache.root}' holds {held}")


def check_engine(name: str | None) -> Iterator[Finding]:
    """Whether work can be done on an engine: the one of this `name` is started or joined, and does
    a piece of it. Without a name only what is installed is looked at.

    Raises:
        UsageError: there is no such engine.
    """
    from docpager.engines.engine import ENGINE_EXTRA, EngineError, engine_address, engine_at

    if name is not None:
        engine_address(name)
    if find_spec("ray") is None:
        yield Finding("engine", name or "ray", "missing", f"pip install 'docpager[{ENGINE_EXTRA}]'")
        return
    if name is None:
        yield Finding("engine", "ray", "not asked", f"ray {version('ray')} is installed; {_OPEN}")
        return
    try:
        began = perf_counter()
        with engine_at(name) as engine:
            ready = perf_counter()
            theirs = engine.result(engine.begin(_docpager_there))
            seconds, done = ready - began, perf_counter() - ready
            workers = engine.workers
    except (EngineError, UsageError) as error:
        yield Finding("engine", name, "failed", str(error))
        return
    if theirs != __version__:
        detail = f"workers have docpager {theirs}, and this is {__version__}; install the same"
        yield Finding("engine", name, "failed", detail)
        return
    detail = f"{workers} workers, there after {seconds:.1f} s, a first piece of work {done:.1f} s"
    yield Finding("engine", name, "usable", f"{detail}; token on; {_OPEN}")


_OPEN = "its raylet and GCS listen on all interfaces: only on machines and networks you trust"


def _docpager_there() -> str:
    """Runs on a worker."""
    return __version__


def _wordllama() -> Finding:
    from docpager.archive.embedders.wordllama_embedder import WordllamaEmbedder

    try:
        WordllamaEmbedder()
    except (ArchiveError, ImportError, OSError) as error:
        return Finding("embedder", "wordllama", "missing", str(error))
    return Finding("embedder", "wordllama", "usable", "the default; its weights are installed")


def _server(url: str, *, model: str, source: ModelSource) -> Finding:
    """What one look at a server tells; only a key that was named for it is sent."""
    counting = CHAT_COUNTS if source.api == "openai" else MESSAGE_COUNTS
    facts = look_at(url, model=model, key=key_from(source.api_key_env), counting=counting)
    if facts.loading:
        return Finding("server", url, "not ready", "it is still loading its model")
    if not facts.reachable:
        return Finding("server", url, *_out_of_reach(facts.problem))
    if facts.status in (401, 403):
        detail = f"it wants a key ({facts.status}); name the variable that holds it: `api_key_env=`"
        return Finding("server", url, "failed", detail)
    if facts.status >= 400 and facts.status != 404:
        # LiteLLM without a database says 400 or 500 where a key is missing or wrong.
        key = (
            "and at the key"
            if source.api_key_env
            else ("and if it wants a key, name it with `api_key_env=`")
        )
        detail = f"said {facts.status} when asked for its models: look at its log, {key}"
        return Finding("server", url, "failed", detail)
    # What lists no models may answer questions all the same.
    state = "usable" if facts.models else "not asked"
    return Finding("server", url, state, "; ".join(_told(facts, model)))


def _out_of_reach(problem: str) -> tuple[str, str]:
    """State and detail of a server that gave no answer of HTTP."""
    if problem == SPEAKS_NO_HTTP:
        return "failed", problem
    if problem in TIMED_OUT:
        return "not ready", "no answer within 2 seconds: it is busy, or still starting"
    return "missing", f"does not answer ({problem})"


def _told(facts: ServerFacts, model: str) -> Iterator[str]:
    if facts.software:
        yield facts.software
    if facts.models:
        shown = ", ".join(facts.models[:_MOST_MODELS])
        more = len(facts.models) - _MOST_MODELS
        yield f"serves {shown}" + (f" and {more} more" if more > 0 else "")
        if model and model not in facts.models:
            any_name = facts.software == "llama.cpp" and len(facts.models) == 1
            yield f"answers to {model} too" if any_name else f"{model} is not among its models"
    else:
        yield "answers, but lists no models: `live=True` sends one small request"
    if facts.parameters is not None:
        plainly = facts.parameters <= PLAIN_UP_TO
        how = "asked plainly" if plainly else "offered all functions"
        yield f"{facts.parameters / 1e9:.1f} billion parameters: {how}"
    if facts.context is None:
        yield "does not say how large its context is"
    elif facts.certain:
        yield f"context {facts.context:,} tokens: `window={facts.context}` or less"
    else:
        yield f"context probably {facts.context:,} tokens"
    yield "counts tokens" if facts.counts else "counts no tokens beforehand"


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False


MOST_OUTPUT_TOKENS = 64
_MOST_PROMPT_TOKENS = 100
_REQUEST = ModelRequest(
    instructions="",
    functions=(),
    turns=(UserTurn("Reply with the single word: ready"),),
    max_output_tokens=MOST_OUTPUT_TOKENS,
)


def worst_case_usd(model_name: str) -> float | None:
    """The most that the trial can cost; None where no price is known."""
    price = price_of(model_name)
    if price is None:
        return None
    return price.worst_case(prompt_tokens=_MOST_PROMPT_TOKENS, output_tokens=MOST_OUTPUT_TOKENS)


async def ask_something(model: ChatModel) -> str:
    """What came back, and what it took, in one line.

    Raises:
        ModelError: the model does not answer.
    """
    reply = await model.complete(_REQUEST)
    said = f"replied {reply.text!r}" if reply.text else f"replied ({reply.stop_reason})"
    if reply.usage is None:
        return f"{said}; it does not count tokens"
    tokens = f"{reply.usage.prompt_tokens} tokens in, {reply.usage.output_tokens} out"
    cost = "" if reply.cost_usd is None else f", {reply.cost_usd:.6f} USD"
    return f"{said}; {tokens}{cost}{await _of_counts(model)}"


async def _of_counts(model: ChatModel) -> str:
    """What a server that costs nothing does beside replying: its counts, its cache."""
    if not model.may_measure:
        return ""
    measured = await model.measure_tokens("", ())
    counts = "agree with themselves" if measured else "are not to be relied on: sizes are estimated"
    again = (await model.complete(_REQUEST)).usage
    cached = again.cache_read_tokens if again is not None else 0
    keeps = f"{cached} prompt tokens came from its cache" if cached else "no cache was seen"
    return f"; its counts {counts}; asked again, {keeps}"
