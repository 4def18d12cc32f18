"""Strict functions: schemas that the server can hold a model's arguments to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from docpager.llm.chat import FunctionSchema

__all__ = ["can_be_strict", "strict_schema"]

_MOST_FUNCTIONS = 20
_MOST_OPTIONAL = 24
_MOST_UNIONS = 16
"""Limits of one request (Anthropic's page on structured outputs, August 2026)."""

_KEPT = frozenset({"type", "description", "enum", "const", "required", "format", "default"})
_OF_SCHEMAS = ("anyOf", "allOf")


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` without what strict mode does not know; objects take no further properties.

    What is dropped (lengths, bounds, patterns) is checked by the executor all the same.
    """
    kept: dict[str, Any] = {key: value for key, value in schema.items() if key in _KEPT}
    if "properties" in schema:
        kept["properties"] = {
            name: strict_schema(part) for name, part in schema["properties"].items()
        }
    if "items" in schema:
        kept["items"] = strict_schema(schema["items"])
    for key in _OF_SCHEMAS:
        if key in schema:
            kept[key] = [strict_schema(part) for part in schema[key]]
    if schema.get("type") == "object":
        kept["additionalProperties"] = False
    return kept


def can_be_strict(functions: Sequence[FunctionSchema]) -> bool:
    """Whether the functions of a request keep within the limits of strict mode."""
    schemas = [function.parameters for function in functions]
    return (
        len(schemas) <= _MOST_FUNCTIONS
        and sum(map(_optional, schemas)) <= _MOST_OPTIONAL
        and sum(map(_unions, schemas)) <= _MOST_UNIONS
        and not any(map(_refers, schemas))
    )


def _optional(schema: Mapping[str, Any]) -> int:
    own = len(schema.get("properties", {}).keys() - set(schema.get("required", ())))
    return own + sum(map(_optional, _parts(schema)))


def _unions(schema: Mapping[str, Any]) -> int:
    own = int("anyOf" in schema or isinstance(schema.get("type"), list))
    return own + sum(map(_unions, _parts(schema)))


def _refers(schema: Mapping[str, Any]) -> bool:
    """Whether a part is named elsewhere: it may name itself, which strict mode forbids."""
    return "$ref" in schema or any(map(_refers, _parts(schema)))


def _parts(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    parts = list(schema.get("properties", {}).values())
    parts += [schema["items"]] if "items" in schema else []
    return parts + [part for key in _OF_SCHEMAS for part in schema.get(key, ())]
