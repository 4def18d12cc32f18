"""In which order questions are asked: those on the same documents near each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

__all__ = ["Line"]

Item = TypeVar("Item")


class Line(Generic[Item]):
    """Questions waiting for their turn, grouped by what their prompts begin with.

    A group's first question goes ahead: what it writes to the server's prompt cache can be read
    only once its first reply has come, so the others of its group let it pass and other groups are
    served meanwhile. Without `leading` everybody may start at once.
    """

    def __init__(
        self,
        items: Iterable[Item],
        *,
        group: Callable[[Item], Hashable],
        leading: bool = False,
    ) -> None:
        self._group = group
        self._waiting: dict[Hashable, deque[Item]] = {}
        self._cold: set[Hashable] = set()
        self._led: set[Hashable] = set()
        for item in items:
            self._waiting.setdefault(group(item), deque()).append(item)
        if leading:
            self._cold.update(key for key, items in self._waiting.items() if len(items) > 1)

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def take(self) -> Item | None:
        """The next one that may start now; None where all must let their leader pass, or at the
        end."""
        for key, items in self._waiting.items():
            if key in self._led:
                continue
            if key in self._cold:
                self._cold.discard(key)
                self._led.add(key)
            item = items.popleft()
            if not items:
                del self._waiting[key]
            return item
        return None

    def put_back(self, item: Item) -> None:
        """It could not start: it is the next one again."""
        key = self._group(item)
        if key in self._led:
            self._led.discard(key)
            self._cold.add(key)
        self._waiting = {key: self._waiting.pop(key, deque()), **self._waiting}
        self._waiting[key].appendleft(item)

    def warmed(self, item: Item) -> None:
        """The first reply to `item` has come, or never will: its group may follow."""
        self._led.discard(self._group(item))
