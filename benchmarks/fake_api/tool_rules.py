"""Rules of tools, tool choice, thinking and effort, model by model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.fake_api.api_errors import invalid
from benchmarks.fake_api.models import Model

__all__ = ["check_thinking_config", "check_tools", "effort_of", "thinks"]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_MOST_STRICT_TOOLS = 20
_MOST_OPTIONAL = 24
_MOST_UNIONS = 16
_TOO_STRICT = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
)  # fmt: skip
_FORCED = 'tool_choice: type "tool" and "any" are not supported for this model.'
_NO_SUCH_THINKING = '"thinking.type.{type}" is not supported for this model.'
_INSTEAD = ' Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
_NO_THINKING_FIRST = (
    "messages.{n}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
    "`{type}`. When `thinking` is enabled, a final `assistant` message must start with a thinking "
    "block (preceding the last set of `tool_use` and `tool_result` blocks)."
)


def check_tools(body: Mapping[str, Any], model: Model) -> None:
    """Refuse tools and tool choices that the API refuses.

    Raises:
        ApiError: 400.
    """
    tools = body.get("tools") or []
    _check_names(tools)
    _check_strict(tools)
    if not tools and _has_calls(body["messages"]):
        raise invalid("Requests which include `tool_use` or `tool_result` blocks must define tools")
    choice = body.get("tool_choice")
    if choice:
        _check_choice(choice, tools, body, model)


def _check_names(tools: Sequence[Mapping[str, Any]]) -> None:
    names = [tool["name"] for tool in tools if "name" in tool]
    for n, tool in enumerate(tools):
        if not _NAME.fullmatch(tool.get("name", "x")):
            raise invalid(
                f"tools.{n}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )
    if len(set(names)) < len(names):
        raise invalid("tools: Tool names must be unique.")


def _check_choice(
    choice: Mapping[str, Any],
    tools: Sequence[Mapping[str, Any]],
    body: Mapping[str, Any],
    model: Model,
) -> None:
    if not tools:
        raise invalid("tool_choice: tool_choice may only be specified while providing tools")
    if choice["type"] not in ("any", "tool"):
        return
    if not model.forced_tools:
        raise invalid(_FORCED)
    if (body.get("thinking") or {}).get("type") == "enabled":
        raise invalid("Thinking may not be enabled when tool_choice forces tool use.")
    if choice["type"] == "tool" and choice["name"] not in {tool.get("name") for tool in tools}:
        raise invalid(f"tool_choice.tool.name: Tool '{choice['name']}' not found in provided tools")


def _has_calls(messages: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        block["type"] in ("tool_use", "tool_result")
        for message in messages
        if isinstance(message["content"], list)
        for block in message["content"]
    )


def _check_strict(tools: Sequence[Mapping[str, Any]]) -> None:
    strict = [(n, tool) for n, tool in enumerate(tools) if tool.get("strict")]
    if len(strict) > _MOST_STRICT_TOOLS:
        raise invalid(f"tools: at most {_MOST_STRICT_TOOLS} tools may be strict")
    optional = unions = 0
    for n, tool in strict:
        for schema in _schemas(tool["input_schema"]):
            _check_strict_schema(f"tools.{n}.custom", schema)
            if schema.get("type") == "object":
                required = schema.get("required") or ()
                optional += sum(name not in required for name in schema.get("properties") or {})
            unions += isinstance(schema.get("type"), list) or "anyOf" in schema
    if optional > _MOST_OPTIONAL or unions > _MOST_UNIONS:
        raise invalid("tools: Schema is too complex for compilation")


def _check_strict_schema(where: str, schema: Mapping[str, Any]) -> None:
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        raise invalid(
            f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false"
        )
    if str(schema.get("$ref", "")) == "#":
        raise invalid(f"{where}: recursive schemas are not supported")
    for keyword in _TOO_STRICT:
        if keyword in schema:
            raise invalid(f"{where}: property '{keyword}' is not supported")


def _schemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    """A schema and those below it."""
    if isinstance(schema, list):
        for each in schema:
            yield from _schemas(each)
    if not isinstance(schema, Mapping):
        return
    yield schema
    for key in ("items", "anyOf", "allOf", "oneOf"):
        yield from _schemas(schema.get(key))
    for key in ("properties", "$defs", "definitions"):
        for each in (schema.get(key) or {}).values():
            yield from _schemas(each)


def effort_of(body: Mapping[str, Any], model: Model) -> str:
    """The effort of a request."""
    return str((body.get("output_config") or {}).get("effort") or model.default_effort)


def thinks(body: Mapping[str, Any], model: Model, *, after_results: bool) -> bool:
    """Whether the model thinks before its reply; `between_tools` thinks after results only."""
    kind = (body.get("thinking") or {}).get("type")
    if kind is None:
        return model.thinks
    return kind in ("adaptive", "enabled") or (kind == "between_tools" and after_results)


def check_thinking_config(body: Mapping[str, Any], model: Model) -> None:
    """Refuse thinking and effort that the model does not offer.

    Raises:
        ApiError: 400.
    """
    effort = (body.get("output_config") or {}).get("effort")
    if effort is not None and effort not in model.efforts:
        raise invalid(
            f"output_config.effort: effort level '{effort}' is not supported for this model."
            if model.efforts
            else "This model does not support the effort parameter."
        )
    thinking = body.get("thinking")
    if not thinking:
        return
    kind = thinking["type"]
    if kind not in model.thinking:
        instead = _INSTEAD if "adaptive" in model.thinking else ""
        raise invalid(_NO_SUCH_THINKING.format(type=kind) + instead)
    if kind == "disabled" and not model.allows_disabled_at(effort_of(body, model)):
        raise invalid(f'"thinking.type.disabled" is not supported at effort {effort!r}.')
    if kind == "enabled":
        _check_budget(thinking["budget_tokens"], body)
        _check_thinking_first(body["messages"])


def _check_thinking_first(messages: Sequence[Mapping[str, Any]]) -> None:
    """In a loop of calls, manual thinking wants its thinking blocks back."""
    if len(messages) < 2 or messages[-2]["role"] != "assistant":
        return
    content = messages[-2]["content"]
    calls = isinstance(content, list) and any(each["type"] == "tool_use" for each in content)
    if calls and content[0]["type"] not in ("thinking", "redacted_thinking"):
        raise invalid(_NO_THINKING_FIRST.format(n=len(messages) - 2, type=content[0]["type"]))


def _check_budget(budget: int, body: Mapping[str, Any]) -> None:
    if budget < 1024:
        raise invalid(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
        )
    if "max_tokens" in body and body["max_tokens"] <= budget:
        raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
