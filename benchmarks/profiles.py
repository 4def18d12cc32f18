"""Profiles: sets of runs with their sizes, those first that say most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from benchmarks.running import RunConfig
from benchmarks.systems.registry import ABLATIONS, BASELINES

__all__ = ["PROFILES"]

SHORT = tuple(name for name in BASELINES if name not in ("sliding-notes", "map-reduce", "refine"))
"""Systems that do not read everything window by window."""
ONE_WINDOW = tuple(name for name in SHORT if name != "whole-text")
EQUAL = "retrieve-once:tokens=docpager"
WINDOWS = ("minimum", 8_000, 24_000, 64_000)
K = (1, 5, 10, 20, 50, 100, 200)
RETRIEVED = tuple(f"{name}:k={k}" for name in ("equal-share", "equal-share-characters") for k in K)

QUICK: Mapping[str, RunConfig] = {
    "nested-140": RunConfig(
        "nested_kv", ("docpager", *BASELINES), ("minimum", 8_000), {"pairs": (140,)}, per_cell=5
    ),
    "nested-10000": RunConfig(
        "nested_kv",
        ("docpager", *ONE_WINDOW, "refine", "whole-text"),
        (8_000,),
        {"pairs": (10_000,)},
        per_cell=2,
    ),
    "nested-ablations": RunConfig(
        "nested_kv", ("docpager", *ABLATIONS), ("minimum", 8_000), {"pairs": (1_000,)}, per_cell=2
    ),
    "scattered": RunConfig(
        "scattered_facts",
        ("docpager", *ABLATIONS, "files-grep"),
        (8_000,),
        {"places": (8,), "section_tokens": (1_000, 4_000, 16_000), "named_by": ("sections",)},
        per_cell=2,
    ),
    "scattered-all": RunConfig(
        "scattered_facts",
        ("docpager", *BASELINES),
        (8_000,),
        {"places": (8,), "section_tokens": (500, 1_000, 4_000, 16_000), "named_by": ("passages",)},
        per_cell=4,
    ),
    "docugami": RunConfig("docugami", ("docpager", *ONE_WINDOW, EQUAL), WINDOWS, per_cell=5),
    "docugami-all": RunConfig("docugami", ("docpager", *BASELINES), (64_000,), per_cell=5),
    "mmlongbench": RunConfig("mmlongbench", ("docpager", *BASELINES, EQUAL), WINDOWS, per_cell=8),
    "multihop": RunConfig("multihop", ("docpager", *ONE_WINDOW, EQUAL), (8_000,), per_cell=6),
    "long-documents": RunConfig("long_docs", ("docpager", *BASELINES), (8_000,), per_cell=8),
    "long-choices": RunConfig("long_choices", ("docpager", *BASELINES), (8_000,), per_cell=12),
    "financebench": RunConfig(
        "financebench", ("docpager", *ONE_WINDOW, EQUAL), (8_000,), per_cell=100
    ),
    "financebench-windows": RunConfig(
        "financebench", ("docpager", *ONE_WINDOW, EQUAL), WINDOWS, per_cell=4
    ),
    "financebench-all": RunConfig("financebench", ("docpager", *BASELINES), (64_000,), per_cell=4),
    "financebench-ablations": RunConfig(
        "financebench", ("docpager", *ABLATIONS), (8_000,), per_cell=4
    ),
    "nested-million": RunConfig(
        "nested_kv", ("docpager", *ONE_WINDOW), (8_000,), {"pairs": (1_000_000,)}, per_cell=1
    ),
    "litm-positions": RunConfig(
        "litm_qa", ("docpager", *BASELINES), ("minimum", 8_000, 64_000), per_cell=8
    ),
    "litm-retrieved": RunConfig(
        "litm_pool", ("docpager", *RETRIEVED, "retrieve-once", "files-grep"), (8_000,), per_cell=30
    ),
}
"""What `benchmarks/README.md` shows."""

FULL: Mapping[str, RunConfig] = {
    name: replace(
        config,
        per_cell=5 * config.per_cell if config.task in ("nested_kv", "scattered_facts") else 10_000,
    )
    for name, config in QUICK.items()
}
"""Every question of every data set, and five times as many that are made."""

PROFILES: Mapping[str, Mapping[str, RunConfig]] = {"full": FULL, "quick": QUICK}
