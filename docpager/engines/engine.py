"""An engine runs pieces of work elsewhere, and is found by how it is named: `ray`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from docpager.core.errors import DocpagerError, UsageError
from docpager.core.inputs import check_text

__all__ = [
    "ENGINE_EXTRA",
    "Crew",
    "Engine",
    "EngineError",
    "KeptObject",
    "engine_address",
    "engine_at",
    "engine_or_none",
]

ENGINE_EXTRA = "ray"
"""The extra of the package that runs work on a cluster."""
_RAY = "ray"


class EngineError(DocpagerError):
    """The engine cannot be started, or a piece of work failed there again and again."""


class KeptObject(Protocol):
    """An object that an engine keeps in a process of its own. It can be sent to other work."""

    def call(self, method: str, *given: Any) -> Any:
        """What a method of it returns. Where its process is lost, the object is made anew and asked
        again, so that it must bear both.

        Raises:
            DocpagerError: as the method raised it.
            EngineError: it failed otherwise.
        """
        ...


class Crew(Protocol):
    """A process for each worker of an engine, where each does several pieces of work at once."""

    def begin(self, work: Callable[..., Any], *given: Any) -> Any:
        """As `Engine.begin`, by the process that has least to do. All that a process was doing is
        repeated when it is lost."""
        ...


class Engine(Protocol):
    """Runs functions of docpager in processes that may stand on other machines and may die."""

    @property
    def workers(self) -> int:
        """How many pieces of work it does at once."""
        ...

    @property
    def nodes(self) -> int:
        """How many machines, or processes that stand for one, are there now."""
        ...

    def begin(self, work: Callable[..., Any], *given: Any, results: int = 1) -> Any:
        """Begin a piece of work: what stands for its result, or for each of several.

        What stands for a result may be `given` to other work, which then gets the result. Work is
        repeated when its process or machine is lost, so it must bear that.
        """
        ...

    def result(self, begun: Any) -> Any:
        """Wait for a result.

        Raises:
            DocpagerError: as the work raised it.
            EngineError: it failed otherwise.
        """
        ...

    async def arrived(self, begun: Any) -> Any:
        """As `result`, while the running event loop goes on."""
        ...

    def crew(self, at_once: int, get_ready: Callable[[], object]) -> Crew:
        """Processes that do so many pieces of work at once, all together: for work that waits for
        others most of the time. Each begins with `get_ready`, and whatever that raises is left for
        the work to meet."""
        ...

    def keep(self, make: Callable[..., Any], *given: Any) -> KeptObject:
        """Have an object made and kept by the engine, until it ends."""
        ...

    def forget(self, begun: Any) -> None:
        """Nobody waits for this any more: it need not be done."""
        ...


def engine_address(name: str) -> str:
    """The address in an engine's name: empty for `ray`, `HOST:PORT` for `ray://HOST:PORT`.

    Raises:
        UsageError: there is no such engine.

    >>> engine_address("ray://10.0.0.1:6379")
    '10.0.0.1:6379'
    """
    check_text(name, "engine")
    kind, _, address = name.partition("://")
    if kind != _RAY or (name != _RAY and not address.strip("/")):
        raise UsageError(f"there is no engine {name!r}; name `engine='ray'` or 'ray://HOST:PORT'")
    return address.strip("/")


@contextmanager
def engine_at(name: str, *, workers: int | None = None) -> Iterator[Engine]:
    """The engine of this name, for as long as it is needed: `ray` starts a cluster on this machine,
    of so many workers, `ray://HOST:PORT` joins one, as one of its nodes or through its client
    server, whichever answers there.

    Raises:
        UsageError: there is no such engine, or it is not installed.
        EngineError: it cannot be started or reached.
    """
    address = engine_address(name)
    if "RAY_AUTH_MODE" not in os.environ:
        if address and "ray" in sys.modules:
            raise UsageError("set RAY_AUTH_MODE=token before `import ray`: it is read there")
        # Where it is unset, Ray has a token for clusters that it starts, and sends none to others.
        os.environ["RAY_AUTH_MODE"] = "token"
    try:
        from docpager.engines.ray_engine import ray_engine
    except ImportError as error:
        raise UsageError(
            f"the engine {name!r} needs Ray: pip install 'docpager[{ENGINE_EXTRA}]'"
        ) from error
    with ray_engine(address, workers=workers) as engine:
        yield engine


@contextmanager
def engine_or_none(name: str | None) -> Iterator[Engine | None]:
    """As `engine_at`; None where no engine is asked for, and then nothing is imported for one."""
    if name is None:
        yield None
        return
    with engine_at(name) as engine:
        yield engine
