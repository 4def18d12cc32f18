"""Profiles: sets of runs with their sizes."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.starting import RunWish
from benchmarks.systems.registry import ABLATIONS, BASELINES

__all__ = ["PROFILES"]

ALL = ("docpager", *BASELINES)
ABLATED = ("docpager", *ABLATIONS)

QUICK = {
    "nested-140": RunWish("nested_kv", ALL, (8_000,), {"pairs": (140,)}, per_cell=10),
}

PROFILES: Mapping[str, Mapping[str, RunWish]] = {"quick": QUICK}
