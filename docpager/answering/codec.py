"""Dataclasses of a run as JSON and back: the only place that knows how they are written down."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from cattrs import BaseValidationError, Converter
from cattrs.strategies import configure_tagged_union

from docpager.answering.outcome import Outcome
from docpager.answering.results import ToolResult

__all__ = ["UNREADABLE", "from_json", "to_json"]

T = TypeVar("T")

UNREADABLE = (BaseValidationError, KeyError, TypeError, ValueError)
"""What `from_json` raises where `to_json` did not write it."""


@cache
def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    configure_tagged_union(ToolResult, converter, tag_name="kind")
    configure_tagged_union(Outcome, converter, tag_name="kind")
    # A union with None is another union to cattrs, and it would guess between outcomes.
    optional: Any = Outcome | None
    tagged: Any = Outcome

    def unstructure(value: Outcome | None) -> Any:
        return None if value is None else converter.unstructure(value, tagged)

    def structure(value: Any, _: object) -> Any:
        return None if value is None else converter.structure(value, tagged)

    converter.register_unstructure_hook(optional, unstructure)
    converter.register_structure_hook(optional, structure)
    return converter


def to_json(value: object, kind: Any) -> Any:
    """`value`, which is a `kind`, as what `json.dumps` takes."""
    return _converter().unstructure(value, kind)


def from_json(value: Any, kind: type[T]) -> T:
    """The `kind` that `to_json` wrote.

    Raises:
        one of UNREADABLE: it did not write this.
    """
    return _converter().structure(value, kind)
