"""Engines for tests, in this process: they do work late, twice, out of order, and lose it."""

from __future__ import annotations

import pickle
import random


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

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._waiting: list[_Begun] = []
        self.attempts = 0
        self.forgotten = 0

    def begin(self, work, *given, results=1):
        begun = _Begun(work, given, results)
        self._waiting.append(begun)
        return [_OneOf(begun, n) for n in range(results)] if results > 1 else begun

    def result(self, begun):
        for other in self._random.sample(self._waiting, len(self._waiting) // 2):
            self._do(other)
        return self._value(begun)

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
                begun.done = [pickle.dumps(work(*sent))]
            self._waiting.remove(begun)
        return pickle.loads(begun.done[0])
