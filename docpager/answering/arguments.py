"""Checks a call's arguments against the function's schema, with sentences the model can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docpager.core.errors import FunctionError
from docpager.models.messages import FunctionSchema, ToolCall

__all__ = ["check_arguments"]

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "array": (list, tuple),
    "object": (dict,),
    "boolean": (bool,),
    "integer": (int,),
}


def check_arguments(call: ToolCall, functions: Mapping[str, FunctionSchema]) -> None:
    """Pass a call whose arguments fit its schema.

    Raises:
        FunctionError: no such function, or an argument is missing, unknown or of another kind.
    """
    function = functions.get(call.name)
    if function is None:
        raise FunctionError(f"no function {call.name!r}; there are {', '.join(functions)}")
    _check(dict(call.arguments), function.parameters, call.name)


def _check(value: Any, schema: Mapping[str, Any], where: str) -> None:
    kind = schema["type"]
    # bool is an int in Python, not in JSON.
    fits = isinstance(value, _KINDS[kind])
    if not fits or (kind == "integer" and isinstance(value, bool)):
        raise FunctionError(f"{where} must be of type {kind}, not {value!r:.60}")
    if isinstance(value, dict):
        _check_object(value, schema, where)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value, 1):
            _check(item, schema["items"], f"{where}, item {position},")
    elif kind == "integer" and isinstance(value, int) and value < 1:
        raise FunctionError(f"{where} must be at least 1, not {value}")


def _check_object(value: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> None:
    properties = schema["properties"]
    if unknown := [key for key in value if key not in properties]:
        raise FunctionError(f"{where} has no {unknown[0]!r}; it takes {', '.join(properties)}")
    for name in schema["required"]:
        if name not in value:
            raise FunctionError(
                f"{where} needs {name!r}: {properties[name].get('description', '')}"
            )
    for name, item in value.items():
        _check(item, properties[name], f"{where}: {name}")
