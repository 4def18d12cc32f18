"""Calls that a model wrote as text, told apart from an answer that mentions one.

Models that were trained on another chat template than their server uses write calls into their
text: in tags (`<tool_call>`, `<tools>`, `[TOOL_CALLS]`), in code fences, as bare JSON or as
`search(query="...")`. Such text is read as calls where it is plainly meant as calls: in tags of its
own, or where hardly anything else stands in the reply.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from docpager.models.messages import ToolCall

__all__ = ["own_words", "read_text_calls", "without_reasoning"]

MOST_PROSE_WORDS = 60
"""Words that may stand beside calls without tags; a longer text is an answer that mentions them."""

_NAME_KEYS = ("name", "function", "tool", "tool_name")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input", "kwargs")
"""Qwen and Mistral write `arguments`, Llama `parameters`; the others are seen in the wild."""

_REASONING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_TAGGED = re.compile(
    r"<(tool_calls?|tools?|function_calls?)>(?P<inner>.*?)(?:</\1>|\Z)"
    r"|\[TOOL_CALLS\](?P<rest>.*)\Z",
    re.DOTALL,
)
_FENCED = re.compile(
    r"^```[\w-]*[ \t]*\n(?P<inner>.*?)(?:^```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_OPENING = re.compile(r"^[ \t]*[{\[]", re.MULTILINE)
_PYTHON = re.compile(r"^[ \t]*(?:print\()?([\w.]+)\(", re.MULTILINE)
_LINE_END = re.compile(r"\)[ \t;]*$", re.MULTILINE)
MOST_LINES = 40
"""Lines after which a call in Python's form is tried no further."""
_XML_CALL = re.compile(r"<function=(\w+)>(.*?)(?:</function>|\Z)", re.DOTALL)
_XML_ARGUMENT = re.compile(r"<parameter=(\w+)>\s*(.*?)\s*(?:</parameter>|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Written:
    """One call and the text that it was read from."""

    name: str
    arguments: Mapping[str, Any]
    source: str
    start: int
    end: int


def without_reasoning(text: str) -> str:
    """`text` without what a model thought aloud between tags: no call in it is meant."""
    return _REASONING.sub("", text)


_RUN_SAID = re.compile(r"^\[(?:run|timer|memory)\].*$", re.MULTILINE)
"""Lines in which a run speaks for itself: a model that repeats one has said nothing."""


def own_words(text: str) -> str:
    """What a model says itself: not what it thought, nor what its run said and it repeats."""
    return _RUN_SAID.sub("", without_reasoning(text)).strip()


def read_text_calls(
    text: str, functions: Collection[str], *, step: int, was_shown: Callable[[str], bool]
) -> tuple[ToolCall, ...]:
    """The calls that `text` makes, in order; none where it is an answer.

    `functions` are the names that may be called. `was_shown` tells whether a text stood word for
    word in what the model read: a document may hold `<tool_call>...`, and to quote it is not to
    call. Ids are made of `step` and the position, so that a replay makes the same.
    """
    text = without_reasoning(text)
    tagged = [call for match in _TAGGED.finditer(text) for call in _in_tags(match)]
    found = tagged or _untagged(text, functions)
    meant = [each for each in found if not was_shown(each.source)]
    return tuple(
        ToolCall(f"text-{step}-{position}", each.name, each.arguments)
        for position, each in enumerate(meant, 1)
    )


def _in_tags(match: re.Match[str]) -> Iterator[_Written]:
    """Calls between tags: also of functions that do not exist, so that the model is told."""
    group = "inner" if match["inner"] is not None else "rest"
    yield from _calls_in(match[group], match.start(group), None)


def _untagged(text: str, functions: Collection[str]) -> list[_Written]:
    """Calls in fences, as bare JSON or in Python's form, where little else is said."""
    found: list[_Written] = []
    rest = text
    for match in reversed(list(_FENCED.finditer(text))):
        inside = list(_calls_in(match["inner"], match.start("inner"), functions))
        if inside:
            found = inside + found
            rest = rest[: match.start()] + " " * len(match[0]) + rest[match.end() :]
    found += _calls_in(rest, 0, functions)
    for each in found:
        rest = rest[: each.start] + " " * (each.end - each.start) + rest[each.end :]
    if len(rest.split()) > MOST_PROSE_WORDS:
        return []
    return sorted(found, key=lambda each: each.start)


def _calls_in(text: str, origin: int, functions: Collection[str] | None) -> Iterator[_Written]:
    """Every call in a text: JSON, `<function=...>` or Python's form. None allows any name."""

    def allowed(name: str) -> bool:
        return functions is None or name in functions

    for start, end, value in _json_values(text):
        for name, arguments in _as_calls(value):
            if allowed(name):
                yield _Written(name, arguments, text[start:end], origin + start, origin + end)
    for match in _XML_CALL.finditer(text):
        if allowed(match[1]):
            arguments = {key: _value(given) for key, given in _XML_ARGUMENT.findall(match[2])}
            yield _Written(
                match[1], arguments, match[0], origin + match.start(), origin + match.end()
            )
    for start, end, named in _python_calls(text):
        if allowed(named[0]):
            yield _Written(*named, text[start:end], origin + start, origin + end)


def _python_calls(text: str) -> Iterator[tuple[int, int, tuple[str, Mapping[str, Any]]]]:
    """Calls in Python's form that begin a line and end one, with their span."""
    at = 0
    while match := _PYTHON.search(text, at):
        at = match.end()
        for ending in islice(_LINE_END.finditer(text, at), MOST_LINES):
            source = text[match.start() : ending.end()].strip().rstrip(";")
            if named := _python_call(source):
                yield match.start(), ending.end(), named
                at = ending.end()
                break


def _json_values(text: str) -> Iterator[tuple[int, int, Any]]:
    """JSON values that begin a line, with their span; a broken last one is mended."""
    decoder, at = json.JSONDecoder(strict=False), 0
    while match := _OPENING.search(text, at):
        start = match.end() - 1
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            value, end = _mended(text[start:]), len(text)
            if not value:
                at = match.end()
                continue
        yield start, end, value
        at = end


def _mended(text: str) -> Any:
    """What a broken JSON text most probably says; None where it names no call."""
    if not re.search(r"['\"](?:name|function|tool)['\"]\s*:", text):
        return None
    # Loaded only where a model wrote broken JSON: most runs never need it.
    import json_repair

    try:
        return json_repair.loads(text) or None
    except RecursionError:
        return None


def _as_calls(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, list):
        for each in value:
            yield from _as_calls(each)
        return
    if not isinstance(value, dict):
        return
    if isinstance(several := value.get("tool_calls"), list):
        yield from _as_calls(several)
        return
    for key in _NAME_KEYS:
        named = value.get(key)
        if isinstance(named, dict):
            yield from _as_calls(named)
            return
        if isinstance(named, str) and named:
            others = {k: v for k, v in value.items() if k not in (key, "id", "type")}
            given = next((value[k] for k in _ARGUMENT_KEYS if k in value), others)
            if isinstance(given, str):
                given = _value(given)
            if isinstance(given, dict) and "properties" in given and "type" in given:
                return  # not a call: the function's own description, repeated
            yield named, given if isinstance(given, dict) else {}
            return


def _value(text: str) -> Any:
    """A JSON value where `text` is one, else the text itself."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return text


def _python_call(line: str) -> tuple[str, Mapping[str, Any]] | None:
    """`search(query="x")` as a name and its arguments; None where they are not literal."""
    try:
        parsed = ast.parse(line, mode="eval").body
        if isinstance(parsed, ast.Call) and _name_of(parsed) == "print" and len(parsed.args) == 1:
            parsed = parsed.args[0]
        if not isinstance(parsed, ast.Call) or parsed.args:
            return None
        arguments = {each.arg: ast.literal_eval(each.value) for each in parsed.keywords}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    name = _name_of(parsed)
    if name is None or None in arguments:
        return None
    return name, {str(key): value for key, value in arguments.items()}


def _name_of(call: ast.Call) -> str | None:
    """`search`, also of `functions.search`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else None
