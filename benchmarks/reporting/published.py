"""Published numbers, as context: models, judges, subsets and data differ from ours."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.reporting.blocks import Block, Paragraph, Table

__all__ = ["published_tables"]

_WARNING = (
    "For context only, from the paper named: other models, data and judges than above, not to be "
    "compared line by line."
)

_NESTED = Table(
    "MemGPT (arXiv:2310.08560 v2), nested key-value, 140 pairs, exact final value, by nesting",
    ("", "0", "1", "2", "3"),
    (
        ("GPT-3.5", "1.0", "0", "0", "0"),
        ("GPT-4", ".9", ".3", ".1", "0"),
        ("GPT-4 Turbo", "1.0", ".5", ".2", "0"),
        ("MemGPT (GPT-3.5)", "1.0", ".2", ".1", "0"),
        ("MemGPT (GPT-4 Turbo)", "1.0", "1.0", ".7", ".6"),
        ("MemGPT (GPT-4)", "1.0", "1.0", "1.0", "1.0"),
    ),
)
_RETRIEVED = Table(
    "MemGPT (arXiv:2310.08560 v2), document QA, 50 questions, by documents in the prompt",
    ("", "1", "5", "10", "20", "50", "100", "200"),
    (
        ("GPT-4 (8k)", ".42", ".60", ".70", ".60", ".54", ".34", ".12"),
        ("GPT-3.5 Turbo (16k)", ".24", ".42", ".56", ".56", ".46", ".38", ".28"),
        ("GPT-4 Turbo (128k)", ".38", ".54", ".66", ".68", ".62", ".64", ".56"),
        ("MemGPT (GPT-4, GPT-4 Turbo)", *[".72"] * 7),
        ("MemGPT (GPT-3.5)", *[".40"] * 7),
    ),
)
_FINANCE = Table(
    "FinanceBench, 150 open questions, GPT-4-Turbo, per cent right (arXiv:2311.11944, second hand)",
    ("", "closed book", "shared store", "store per document", "long context", "oracle page"),
    (("GPT-4-Turbo", "9", "19", "50", "79", "85"),),
)
_TABLES = {"nested_kv": _NESTED, "litm_pool": _RETRIEVED, "financebench": _FINANCE}


def published_tables(task: str) -> Iterator[Block]:
    """What was published about a task, after a warning."""
    if task in _TABLES:
        yield Paragraph(_WARNING)
        yield _TABLES[task]
