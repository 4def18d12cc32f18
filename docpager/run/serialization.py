"""Dataclasses of a run as JSON and back: the only place that knows how they are written down."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from cattrs import BaseValidationError, Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.strategies import configure_tagged_union

from docpager.core.passages import Passage, source_name
from docpager.core.places import Place, parse_place
from docpager.models.messages import CallResult, UserTurn
from docpager.run.outcome import Outcome
from docpager.run.tool_results import Loaded, QuoteCheck, ToolResult, Viewed

__all__ = ["UNREADABLE", "T", "from_json", "to_json"]


T = TypeVar("T")


UNREADABLE = (BaseValidationError, KeyError, TypeError, ValueError)
"""What `from_json` raises where `to_json` did not write it."""


_FLAT_PLACE = ("path", "pdf_page", "page_label")
"""Fields of a quote's place in journals from before there were places of other kinds."""


@cache
def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook(Place, Place.as_json)
    converter.register_structure_hook(Place, lambda value, _: parse_place(value, strict=True))
    _keep_old_quotes(converter)
    _keep_old_turns(converter)
    _keep_old_passages(converter)
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


def _keep_old_passages(converter: Converter) -> None:
    """Write passages of documents as they were before turns had captions."""
    later = override(omit_if_default=True)
    converter.register_unstructure_hook(
        Passage, make_dict_unstructure_fn(Passage, converter, caption=later)
    )


def _keep_old_quotes(converter: Converter) -> None:
    """Read and write quotes as they were before there were places, where they say no more.

    A journal proves its requests by hashes over what was fed in, so what was read from one that
    was written before must be written down again byte for byte. Nothing stands there twice: a
    changed value of either would not be noticed.
    """
    structure = make_dict_structure_fn(QuoteCheck, converter, _cattrs_forbid_extra_keys=True)
    later = override(omit_if_default=True)
    unstructure = make_dict_unstructure_fn(
        QuoteCheck, converter, seen=later, names_missing=later, doubt=later
    )

    def write(check: QuoteCheck) -> dict[str, Any]:
        written, place = unstructure(check), check.place
        if place is not None and place.end is not None:
            return written
        del written["place"]
        flat = (None, None, None) if place is None else (place.document, place.page, place.label)
        return {**written, **dict(zip(_FLAT_PLACE, flat, strict=True))}

    def read(value: dict[str, Any], kind: type[QuoteCheck]) -> QuoteCheck:
        if "place" in value:
            return structure(value, kind)
        path, page, label = (value[name] for name in _FLAT_PLACE)
        if path is None and (page, label) != (None, None):
            raise ValueError("a page of no document")
        check = structure({k: v for k, v in value.items() if k not in _FLAT_PLACE}, kind)
        name = source_name(check.document or 0)
        place = None if path is None else Place(path, page, label, document_id=name)
        return replace(check, place=place)

    converter.register_unstructure_hook(QuoteCheck, write)
    converter.register_structure_hook(QuoteCheck, read)


def _keep_old_turns(converter: Converter) -> None:
    """Write turns and results without pictures as they were before there were any, as a journal is
    proved by hashes of them; and a picture's bytes never."""
    none = override(omit_if_default=True)
    left_out = override(omit=True)
    changed: tuple[tuple[type, dict[str, Any]], ...] = (
        (CallResult, {"picture": none}),
        (UserTurn, {"pictures": none}),  # after what it holds, as it is written in its way
        (Loaded, {"remark": none}),
        (Viewed, {"png": left_out}),
    )
    for kind, fields in changed:
        write: Any = make_dict_unstructure_fn(kind, converter, **fields)
        converter.register_unstructure_hook(kind, write)
    read: Any = make_dict_structure_fn(
        Viewed, converter, _cattrs_forbid_extra_keys=True, png=left_out
    )
    converter.register_structure_hook(Viewed, read)


def to_json(value: object, kind: Any) -> Any:
    """`value`, which is a `kind`, as what `json.dumps` takes."""
    return _converter().unstructure(value, kind)


def from_json(value: Any, kind: type[T]) -> T:
    """The `kind` that `to_json` wrote.

    Raises:
        one of UNREADABLE: it did not write this.
    """
    return _converter().structure(value, kind)
