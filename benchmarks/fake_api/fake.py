"""FakeApi: the core with its parts put together, over sockets or in process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from benchmarks.fake_api.backend import ANTHROPIC, Backend
from benchmarks.fake_api.batch_routes import BatchRoutes
from benchmarks.fake_api.batches import Batches, BatchSettings
from benchmarks.fake_api.bill import Bill
from benchmarks.fake_api.brain import Asked, Brain, Said, brain_of
from benchmarks.fake_api.cache import CacheModel
from benchmarks.fake_api.clock import Clock, FakeClock
from benchmarks.fake_api.conversations import Conversations
from benchmarks.fake_api.counting import RequestCounter
from benchmarks.fake_api.faults import Faults, faults_of
from benchmarks.fake_api.limits import Limiter, RateLimits
from benchmarks.fake_api.messages import Messages
from benchmarks.fake_api.recording import RecordedRequest, Recorder
from benchmarks.fake_api.service import Service

if TYPE_CHECKING:
    import httpx2

    from benchmarks.fake_api.server import Server

__all__ = ["FakeApi"]


class FakeApi:
    """A server that speaks the Messages API; see the package's docstring."""

    def __init__(
        self,
        brain: Brain | Callable[[Asked], Any] | Iterable[Said] | str | None = None,
        *,
        clock: Clock | None = None,
        counter: RequestCounter | None = None,
        faults: Faults = None,
        faults_elsewhere: Mapping[str, Faults] | None = None,
        limits: RateLimits | None = None,
        batches: BatchSettings | None = None,
        backend: Backend = ANTHROPIC,
        latency_seconds: float = 0.0,
        api_keys: Iterable[str] | None = None,
        enforce_prefix: bool = True,
        keep_bodies: bool = True,
        port: int = 0,
    ) -> None:
        self.clock = clock or FakeClock()
        self.counter = counter or RequestCounter()
        self.bill = Bill()
        self.recorder = Recorder(keep_bodies=keep_bodies)
        messages = Messages(
            brain_of(brain),
            self.counter,
            CacheModel(self.counter),
            backend=backend,
            enforce_prefix=enforce_prefix,
        )
        conversations = Conversations(
            messages, self.clock, self.bill, Limiter(limits), latency_seconds, backend
        )
        self.batches = Batches(batches or BatchSettings(), conversations.batch_item)
        planned = {**(faults_elsewhere or {}), "messages": faults}
        self.service = Service(
            conversations,
            BatchRoutes(self.batches, self.clock),
            self.clock,
            self.recorder,
            {endpoint: faults_of(plan) for endpoint, plan in planned.items()},
            backend,
            None if api_keys is None else frozenset(api_keys),
        )
        self._port = port
        self._server: Server | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        failure = self.stop()
        if failure is not None and error is None:
            raise failure

    def start(self) -> Self:
        """Listen on 127.0.0.1."""
        from benchmarks.fake_api.server import Server

        self._server = Server(self.service.handle, port=self._port)
        self._server.start()
        return self

    def stop(self) -> BaseException | None:
        """Stop listening; returns what the brain raised, if it raised."""
        if self._server is None:
            return None
        self._server.stop()
        failure, self._server = self._server.failure, None
        return failure

    @property
    def url(self) -> str:
        """What to give a client as its base URL."""
        if self._server is None:
            raise RuntimeError("the fake API is not listening; enter it with `with`, or start() it")
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests to the messages endpoint, in order."""
        return self.recorder.messages

    def transport(self) -> httpx2.BaseTransport:
        """For `httpx2.Client(transport=...)`: the same core without a socket."""
        from benchmarks.fake_api.transports import InProcess

        return InProcess(self.service.handle)

    def async_transport(self) -> httpx2.AsyncBaseTransport:
        """For `httpx2.AsyncClient(transport=...)`."""
        from benchmarks.fake_api.transports import AsyncInProcess

        return AsyncInProcess(self.service.handle)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse every new connection for a while."""
        if self._server is None:
            raise RuntimeError("the fake API is not listening")
        self._server.refuse(refused=True)
        try:
            yield
        finally:
            self._server.refuse(refused=False)
