"""Ray. The only module that imports it.

Ray executes what it is sent, so its token stays on, and its dashboard and its usage reports are
off. Its raylet and its GCS listen on all interfaces whatever address they are given: the token, and
the network, are what keeps strangers out.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from docpager.core.errors import DocpagerError, UsageError
from docpager.engines.engine import EngineError

__all__ = ["RayCrew", "RayEngine", "RayObject", "ray_engine"]

_REPEATED = 100
"""How often work is begun again whose process or machine was lost."""
_LOOK_SECONDS = 0.5
_CALL_OF_CLIENT_SERVER = "/ray.rpc.RayletDriver/ClusterInfo"
_ANSWER_SECONDS = 5.0
_MOST_STORE_BYTES = 2 * 10**9
"""What a cluster of this machine may hold of results that others still need."""


class RayEngine:
    """A Ray cluster that this process is connected to."""

    @property
    def workers(self) -> int:
        cpus = ray.cluster_resources().get("CPU", 1)  # type: ignore[no-untyped-call,unused-ignore]
        return max(1, int(cpus))

    @property
    def nodes(self) -> int:
        listed = ray.nodes()  # type: ignore[no-untyped-call,unused-ignore]
        return sum(bool(node["Alive"]) for node in listed)

    def begin(self, work: Callable[..., Any], *given: Any, results: int = 1) -> Any:
        task = _run.options(num_returns=results, name=work.__name__)
        return task.remote(work, *given)

    def result(self, begun: Any) -> Any:
        return _value(begun)

    async def arrived(self, begun: Any) -> Any:
        with _own_errors():
            return await asyncio.wrap_future(begun.future())

    def crew(self, at_once: int, get_ready: Callable[[], object]) -> RayCrew:
        count = min(self.workers, at_once)
        each = math.ceil(at_once / count)
        members = [_Member.options(max_concurrency=each).remote() for _ in range(count)]  # type: ignore[attr-defined]
        for member in members:
            member.do.remote(get_ready)
        return RayCrew(members)

    def keep(self, make: Callable[..., Any], *given: Any) -> RayObject:
        return RayObject(_Keeper.remote(make, *given))  # type: ignore[attr-defined]

    def forget(self, begun: Any) -> None:
        for each in begun if isinstance(begun, list) else [begun]:
            ray.cancel(each)


@dataclass(frozen=True, slots=True)
class RayObject:
    """An object in an actor."""

    actor: Any

    def call(self, method: str, *given: Any) -> Any:
        return _value(self.actor.call.remote(method, *given))


class RayCrew:
    """Actors, each with threads that do work."""

    def __init__(self, members: Sequence[Any]) -> None:
        self._members = members
        self._doing = [0] * len(members)
        self._lock = threading.Lock()

    def begin(self, work: Callable[..., Any], *given: Any) -> Any:
        with self._lock:
            number = self._doing.index(min(self._doing))
            self._doing[number] += 1
        begun = self._members[number].do.remote(work, *given)

        def ended(_: object) -> None:
            with self._lock:
                self._doing[number] -= 1

        begun.future().add_done_callback(ended)
        return begun


@contextmanager
def ray_engine(address: str, *, workers: int | None = None) -> Iterator[RayEngine]:
    """A cluster of this machine, which ends with the block, or the one at `address`: that of its
    head (GCS), of which this machine must be a node, or of its client server.

    Meanwhile, nothing that is written to descriptor 1 is shown: Ray writes there of workers that
    died, and standard output is for results.

    Raises:
        UsageError: token authentication is switched off.
        EngineError: it cannot be started or reached.
    """
    if os.environ.get("RAY_AUTH_MODE", "token").lower() != "token":
        raise UsageError(
            "RAY_AUTH_MODE switches Ray's token off, and Ray executes what anybody sends it; "
            "unset it"
        )
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address:
        by_client = _is_client_server(address)
        own: dict[str, Any] = {"address": f"ray://{address}" if by_client else address}
    else:
        own = {
            "address": "local",
            "num_cpus": workers or _cores(),
            "include_dashboard": False,
            "object_store_memory": _store_bytes(),
        }
    with _descriptor_1_elsewhere(), _own_signals() as put_back:
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **own)
        except Exception as error:
            ray.shutdown()
            said = " ".join(str(error).split())[:300]
            if not address:
                raise EngineError(f"Ray cannot be started here: {said}") from error
            raise EngineError(f"Ray cannot be reached at {address!r}: {said}{_hint()}") from error
        put_back()
        try:
            yield RayEngine()
        finally:
            ray.shutdown()


def _is_client_server(address: str) -> bool:
    """Whether Ray's client server answers there. A head answers too: that it knows no such call."""
    try:
        import grpc
    except ImportError:  # an extra of Ray's, without which it has no client
        return False
    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary(_CALL_OF_CLIENT_SERVER)(b"", timeout=_ANSWER_SECONDS)
        except grpc.RpcError as error:
            return bool(error.code() == grpc.StatusCode.UNAUTHENTICATED)
    return True


def _hint() -> str:
    if find_spec("grpc") is not None:
        return ""
    return "; if that is the port of a client server, pip install 'ray[client]'"


@ray.remote(num_cpus=1, max_retries=_REPEATED, retry_exceptions=False)  # type: ignore[untyped-decorator,unused-ignore]
def _run(work: Callable[..., Any], *given: Any) -> Any:
    return _done_here(work, *given)


# Half a core each: they mostly wait, fill nodes by their size (Ray fills a node up to its half
# before it looks at the next), and find room again where up to half of the nodes are lost.
@ray.remote(num_cpus=0.5, max_restarts=-1, max_task_retries=_REPEATED)
class _Member:
    """Does work in several threads."""

    def do(self, work: Callable[..., Any], *given: Any) -> Any:
        return _done_here(work, *given)


def _done_here(work: Callable[..., Any], *given: Any) -> Any:
    """Do it. A `SystemExit` would count as a crash, and be repeated without end."""
    try:
        return work(*given)
    except SystemExit as error:
        raise RuntimeError(f"it left with exit code {error.code}") from error


@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)
class _Keeper:
    """Keeps an object; made anew, with the same arguments, when its process is lost."""

    def __init__(self, make: Callable[..., Any], *given: Any) -> None:
        self._kept = make(*given)

    def call(self, method: str, *given: Any) -> Any:
        return getattr(self._kept, method)(*given)


def _value(begun: Any) -> Any:
    with _own_errors():
        while True:
            try:
                # In steps: a wait inside Ray's library would hold back Ctrl-C and SIGTERM.
                return ray.get(begun, timeout=_LOOK_SECONDS)
            except GetTimeoutError:
                continue


@contextmanager
def _own_errors() -> Iterator[None]:
    """What work raised: itself where it is docpager's or the system's, else what Ray says."""
    try:
        yield
    except RayTaskError as error:
        cause = error.cause
        if isinstance(cause, DocpagerError | OSError):
            raise cause from None
        raise EngineError(f"work on the cluster failed: {cause!r}") from error
    except RayError as error:
        said = " ".join(str(error).split())[:300]
        raise EngineError(f"the cluster lost work again and again: {said}") from error


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _store_bytes() -> int:
    try:
        free = os.statvfs("/dev/shm")
    except (OSError, AttributeError):
        return _MOST_STORE_BYTES // 4
    return max(80 * 2**20, min(_MOST_STORE_BYTES, free.f_bavail * free.f_frsize // 2))


@contextmanager
def _own_signals() -> Iterator[Callable[[], None]]:
    """Ray replaces the handlers of the program that starts it: what is given puts them back.

    Where SIGTERM would end the process at once it leaves in order, so that the cluster ends too.
    """
    kept: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        kept = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}

    def put_back(*, ordinary: bool = False) -> None:
        for each, handler in kept.items():
            in_order = each == signal.SIGTERM and handler == signal.SIG_DFL and not ordinary
            if handler is not None:
                signal.signal(each, _leave if in_order else handler)

    try:
        yield put_back
    finally:
        put_back(ordinary=True)


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)


@contextmanager
def _descriptor_1_elsewhere() -> Iterator[None]:
    # The descriptor, not `sys.stdout`: processes that Ray starts inherit it.
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(nowhere)
        os.close(kept)
