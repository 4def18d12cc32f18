"""Checks request bodies against the SDK's own types, strictly.

The SDK's TypedDicts are looser than the API: unknown keys pass, `Iterable` fields are read lazily,
and content may be any response model. So their pydantic core schema is taken, tightened (unknown
keys forbidden, lists read at once, unions decided by `type` or `role`) and compiled anew; the SDK's
classes stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from benchmarks.fake_api.api_errors import ApiError, invalid

__all__ = ["check_body", "warm_up"]

_Schema = dict[str, Any]
_Discriminator = Callable[[Any], str | None]


def check_body(body: object, *, counting: bool = False) -> None:
    """Refuse a body that the API would not parse.

    Raises:
        ApiError: 400, naming the first place that is wrong.
    """
    from pydantic_core import ValidationError

    validator = _validator(counting)
    try:
        validator.validate_python(body, strict=True)
    except ValidationError as error:
        raise _refusal(error) from None


def warm_up() -> None:
    """Import the SDK and compile its types now, so that the first request is as fast as others."""
    _validator(False)
    _validator(True)


@cache
def _validator(counting: bool) -> Any:
    from anthropic.types.message_count_tokens_params import MessageCountTokensParams
    from anthropic.types.message_create_params import MessageCreateParamsBase
    from pydantic import TypeAdapter
    from pydantic_core import SchemaValidator

    params: Any = MessageCountTokensParams if counting else MessageCreateParamsBase
    schema: Any = TypeAdapter(params).core_schema
    definitions = {each["ref"]: each for each in schema.get("definitions", ())}
    tight = _Tightening(definitions).of(schema)
    fields = tight["schema"]["fields"]
    for header in ("user_profile_id", "workspace_id"):
        fields.pop(header, None)
    if not counting:
        fields["stream"] = _field({"type": "bool"})
        fields["max_tokens"] = _field({"type": "int", "ge": 0}, required=True)
    fields["model"] = _field({"type": "str", "min_length": 1}, required=True)
    return SchemaValidator(tight)


def _field(schema: _Schema, *, required: bool = False) -> _Schema:
    return {"type": "typed-dict-field", "schema": schema, "required": required}


class _Tightening:
    """Copies a core schema, making it as strict as the API."""

    def __init__(self, definitions: Mapping[str, _Schema]) -> None:
        self._definitions = definitions

    def of(self, node: Any) -> Any:
        """The strict copy of `node`."""
        if isinstance(node, list):
            return [self.of(each) for each in node]
        if not isinstance(node, dict):
            return node
        special = getattr(self, "tighten_" + str(node.get("type")).replace("-", "_"), None)
        return special(node) if special else self._each(node)

    def _each(self, node: _Schema) -> _Schema:
        return {key: self.of(value) for key, value in node.items() if key != "serialization"}

    def tighten_typed_dict(self, node: _Schema) -> _Schema:
        tight = self._each(node)
        if (node.get("config") or {}).get("extra_fields_behavior") != "allow":
            tight["extra_behavior"] = "forbid"
        return tight

    def tighten_generator(self, node: _Schema) -> _Schema:
        return {"type": "list", "items_schema": self.of(node["items_schema"])}

    def tighten_json_or_python(self, node: _Schema) -> Any:
        return self.of(node["json_schema"])

    def tighten_union(self, node: _Schema) -> Any:
        choices = [self._resolved(each) for each in node["choices"]]
        kinds = {each["type"] for each in choices}
        if kinds == {"typed-dict", "dict"}:  # a tool's schema: an object, or it is no schema
            return self.of(next(each for each in choices if each["type"] == "typed-dict"))
        if "str" in kinds and len(kinds & {"generator", "list"}) == 1 and len(choices) == 2:
            text, items = sorted(choices, key=lambda each: bool(each["type"] != "str"))
            return _decided({"str": self.of(text), "list": self.of(items)}, _text_or_list)
        objects = [each for each in choices if each["type"] == "typed-dict"]
        if len(objects) < 2:
            return self._each(node)
        return self._by_tag(node, objects)

    def _resolved(self, choice: Any) -> _Schema:
        schema: _Schema = choice[0] if isinstance(choice, tuple) else choice
        if schema["type"] == "definition-ref":
            return self._definitions[schema["schema_ref"]]
        return schema

    def _by_tag(self, node: _Schema, objects: list[_Schema]) -> _Schema:
        """Decides by `role` or `type`; response models among the choices are left out."""
        key = "role" if "role" in objects[0]["fields"] else "type"
        tags: dict[str, Any] = {}
        absent = None
        for each in objects:
            field = each["fields"][key]
            for tag in _literals(field["schema"]):
                tags[tag] = self._reference(node, each)
                if not field.get("required", False):
                    absent = tag
        return _decided(tags, _tag_in(key, absent))

    def _reference(self, node: _Schema, resolved: _Schema) -> Any:
        for choice in node["choices"]:
            schema = choice[0] if isinstance(choice, tuple) else choice
            if schema.get("schema_ref") == resolved.get("ref", ""):
                return dict(schema)
        return self.of(resolved)


def _literals(schema: _Schema) -> list[str]:
    while schema["type"] in ("nullable", "default"):
        schema = schema["schema"]
    return list(schema["expected"])


def _decided(choices: Mapping[str, Any], discriminator: _Discriminator) -> _Schema:
    return {
        "type": "tagged-union",
        "choices": dict(choices),
        "discriminator": discriminator,
        "strict": True,
    }


def _text_or_list(value: Any) -> str | None:
    return "str" if isinstance(value, str) else "list"


def _tag_in(key: str, absent: str | None) -> _Discriminator:
    def tag(value: Any) -> str | None:
        found = value.get(key) if isinstance(value, dict) else None
        return found if isinstance(found, str) else absent

    return tag


_SILENT = {"str", "list", "user", "assistant", "system"}
"""Steps of pydantic's paths that the API does not print."""


def _refusal(error: Any) -> ApiError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    steps = [str(each) for n, each in enumerate(first["loc"]) if _printed(n, each)]
    message = first["msg"].replace(" using tag()", "").replace(" using discriminator tag()", "")
    return invalid(f"{'.'.join(steps) or 'body'}: {message}")


def _printed(place: int, step: object) -> bool:
    return place == 0 or step not in _SILENT
