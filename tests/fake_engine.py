"""Engines for tests, in this process: they do work late, twice, out of order, and lose it."""

from __future__ import annotations

import asyncio
import pickle
import random
import threading
import uuid
from typing import ClassVar

from docpager.core.errors import DocpagerError


class _Begun:
    """Work that was not done yet."""

    def __init__(self, work, given, results):
        self.work, self.given, self.results = work, given, results
        self.done = None


class _OneOf:
    def __init__(self, begun, index):
        self.begun, self.index = begun, index


class UnreliableEngine:
    """Does work when its result is asked for, after some that was begun later; each piece may be
    done before by an attempt of which nobody heard, and goes through pickle as on a wire."""

    workers = 3
    nodes = 2

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._waiting: list[_Begun] = []
        self._lock = threading.RLock()
        self.attempts = 0
        self.forgotten = 0
        self.crews = []

    def begin(self, work, *given, results=1):
        begun = _Begun(work, given, results)
        self._waiting.append(begun)
        return [_OneOf(begun, n) for n in range(results)] if results > 1 else begun

    def result(self, begun):
        with self._lock:
            for other in self._random.sample(self._waiting, len(self._waiting) // 2):
                self._do(other)
            return self._value(begun)

    async def arrived(self, begun):
        return await asyncio.to_thread(self.result, begun)

    def crew(self, at_once, get_ready):
        self.crews.append(at_once)
        self.begin(get_ready)
        return self

    def keep(self, make, *given):
        return ForgetfulObject(make, given)

    def forget(self, begun):
        self.forgotten += 1

    def _value(self, begun):
        if isinstance(begun, _OneOf):
            return self._do(begun.begun)[begun.index]
        return self._do(begun)

    def _do(self, begun):
        if begun.done is None:
            given = [
                self._value(each) if isinstance(each, _Begun | _OneOf) else each
                for each in begun.given
            ]
            for _ in range(self._random.choice((1, 1, 2))):
                self.attempts += 1
                work, sent = pickle.loads(pickle.dumps((begun.work, given)))
                try:
                    begun.done = (True, pickle.dumps(work(*sent)))
                except DocpagerError as error:
                    begun.done = (False, pickle.dumps(error))
            self._waiting.remove(begun)
        went_well, content = begun.done
        if not went_well:
            raise pickle.loads(content)
        return pickle.loads(content)


class ForgetfulObject:
    """Kept somewhere else, and made anew again and again."""

    _kept: ClassVar[dict] = {}

    def __init__(self, make, given):
        self.make, self.given, self.key = make, given, str(uuid.uuid4())

    def call(self, method, *given):
        calls, kept = self._kept.get(self.key, (0, None))
        if calls % 5 == 0:
            kept = self.make(*self.given)
        self._kept[self.key] = (calls + 1, kept)
        return getattr(kept, method)(*given)
