"""Deliberate breaks of what the adapter sends, one for each rule of the protocol.

Each is a function of a body and the number of the request, from 1; it changes the body in place.
`REFUSED` are those the server answers with an error, at once or at the end of a batch; `DEARER`
those it bills for.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from docpager.models.claude import ClaudeModel

Body = dict[str, Any]
Mutation = Callable[[Body, int], None]

MARK = {"type": "ephemeral"}

REFUSED: dict[str, Mutation] = {}
"""By the rule they break."""
REFUSED_IN_BATCHES: dict[str, Mutation] = {}
"""By the rule they break; told as an item's result."""
DEARER: dict[str, Mutation] = {}
"""By what they lose."""


class Mutant(ClaudeModel):
    """The adapter with one break in the bodies it sends."""

    def __init__(self, *arguments: Any, mutation: Mutation, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._mutation = mutation
        self._written = 0

    def body(self, request, *, ttl="5m"):
        self._written += 1
        body = copy.deepcopy(super().body(request, ttl=ttl))
        self._mutation(body, self._written)
        return body


def refused(rule: str) -> Callable[[Mutation], Mutation]:
    return lambda mutation: REFUSED.setdefault(rule, mutation)


def refused_in_batches(rule: str) -> Callable[[Mutation], Mutation]:
    return lambda mutation: REFUSED_IN_BATCHES.setdefault(rule, mutation)


def dearer(loss: str) -> Callable[[Mutation], Mutation]:
    return lambda mutation: DEARER.setdefault(loss, mutation)


def content(body: Body, role: str, kind: str) -> list[Body]:
    """Blocks of a kind in messages of a role, in order."""
    said = [each["content"] for each in body["messages"] if each["role"] == role]
    return [block for blocks in said for block in blocks if block["type"] == kind]


# The body


@refused("no sampling parameters")
def add_temperature(body, number):
    body["extra_body"] = {"temperature": 0.5}


@refused("no unknown fields")
def add_field(body, number):
    body["extra_body"] = {"top_of_mind": True}


@refused("no unknown fields in blocks")
def add_field_to_block(body, number):
    body["messages"][0]["content"][0]["colour"] = "red"


@refused("a known model")
def rename_model(body, number):
    body["model"] = "claude-unheard-of"


@refused("at least one message")
def drop_messages(body, number):
    body["messages"] = []


@refused("max_tokens within the model's")
def ask_for_too_much(body, number):
    body["max_tokens"] = 128_001


@refused("max_tokens is a number")
def ask_for_words(body, number):
    body["max_tokens"] = "many"


@refused("a known effort")
def huge_effort(body, number):
    body["output_config"] = {"effort": "huge"}


# Turns


@refused("the user begins")
def begin_with_assistant(body, number):
    body["messages"].insert(0, {"role": "assistant", "content": "Hello."})


@refused("no prefill")
def prefill(body, number):
    body["messages"].append({"role": "assistant", "content": "The answer is"})


@refused("no empty text")
def empty_text(body, number):
    body["messages"][0]["content"].append({"type": "text", "text": ""})


@refused("known roles only")
def strange_role(body, number):
    body["messages"][0]["role"] = "tool"


@refused("no documents in the assistant's turns")
def document_in_reply(body, number):
    source = {"type": "text", "media_type": "text/plain", "data": "x"}
    for each in body["messages"][1:2]:
        each["content"].insert(0, {"type": "document", "source": source})


@refused("no citations in the user's text")
def citations_in_question(body, number):
    citation = {
        "type": "char_location",
        "cited_text": "x",
        "document_index": 0,
        "document_title": None,
        "start_char_index": 0,
        "end_char_index": 1,
    }
    body["messages"][0]["content"][0]["citations"] = [citation]


# Calls and results


@refused("every call has its result")
def drop_a_result(body, number):
    for each in body["messages"][2:3]:
        each["content"] = [{"type": "text", "text": "Nothing was found."}]


@refused("results in the next message")
def answer_late(body, number):
    if number > 1:
        body["messages"].insert(2, {"role": "user", "content": "Wait."})
        body["messages"].insert(3, {"role": "assistant", "content": "I wait."})


@refused("every result has its call")
def drop_a_reply(body, number):
    del body["messages"][1:2]


@refused("results name their call")
def rename_a_result(body, number):
    for block in content(body, "user", "tool_result")[:1]:
        block["tool_use_id"] = "toolu_other"


@refused("one result for each call")
def answer_twice(body, number):
    for each in body["messages"][2:3]:
        each["content"].insert(0, dict(each["content"][0], cache_control=None))


@refused("results before text")
def text_before_results(body, number):
    for each in body["messages"][2:3]:
        each["content"].insert(0, {"type": "text", "text": "Here it is."})


@refused("results have an id")
def drop_result_id(body, number):
    for block in content(body, "user", "tool_result"):
        block.pop("tool_use_id", None)


# Functions


@refused("no forced call")
def force_a_call(body, number):
    body["tool_choice"] = {"type": "any"}


@refused("no forced function")
def force_a_function(body, number):
    body["tool_choice"] = {"type": "tool", "name": "search"}


@refused("function names are unique")
def repeat_a_function(body, number):
    body["tools"].append(dict(body["tools"][0]))


@refused("function names are words")
def name_with_space(body, number):
    body["tools"][0]["name"] = "search it"


@refused("functions have a schema")
def drop_schema(body, number):
    del body["tools"][0]["input_schema"]


@refused("strict objects take nothing further")
def allow_more(body, number):
    del body["tools"][0]["input_schema"]["additionalProperties"]


@refused("strict schemas have no bounds")
def bound_a_number(body, number):
    body["tools"][0]["input_schema"]["properties"]["page"]["minimum"] = 1


@refused("at most 20 strict functions")
def too_many_functions(body, number):
    body["tools"] = [dict(body["tools"][0], name=f"search_{n}") for n in range(21)]


@refused("at most 24 optional parameters of strict functions")
def too_many_parameters(body, number):
    properties = body["tools"][0]["input_schema"]["properties"]
    properties.update({f"p{n}": {"type": "string"} for n in range(25)})


@refused("functions are there to the last")
def drop_functions_at_last(body, number):
    if body.pop("tool_choice", None):
        del body["tools"]


# Thinking


@refused("thinking stays on")
def turn_thinking_off(body, number):
    body["thinking"] = {"type": "disabled"}


@refused("no budget for thinking")
def give_thinking_a_budget(body, number):
    body["thinking"] = {"type": "enabled", "budget_tokens": 1_024}
    body["max_tokens"] = 2_000


@refused("thinking is echoed as it came")
def rewrite_thinking(body, number):
    for block in content(body, "assistant", "thinking")[-1:]:
        block["thinking"] = "I thought something else."


@refused("signatures are echoed as they came")
def forge_a_signature(body, number):
    for block in content(body, "assistant", "thinking")[:1]:
        block["signature"] = block["signature"][:-4] + "AAAA"


@refused("no thinking is left out in the middle")
def drop_thinking(body, number):
    if number > 3:
        body["messages"][3]["content"] = body["messages"][3]["content"][1:]


@refused("no thinking comes back")
def put_thinking_back(body, number):
    if number == 3:
        body["messages"][1]["content"] = body["messages"][1]["content"][1:]


@refused("no result is shortened later")
def shorten_a_result(body, number):
    if number > 2:
        content(body, "user", "tool_result")[0]["content"] = "[cleared]"


@refused("no arguments change later")
def change_arguments(body, number):
    if number > 2:
        content(body, "assistant", "tool_use")[0]["input"] = {"query": "other"}


@refused("arguments keep their order")
def sort_arguments(body, number):
    for block in content(body, "assistant", "tool_use")[:1] if number > 2 else []:
        block["input"] = dict(reversed(block["input"].items()))


@refused("no question changes later")
def change_the_question(body, number):
    body["messages"][0]["content"][-1]["text"] += f" (step {number})"


@refused("instructions never change")
def change_instructions(body, number):
    body["system"][0]["text"] += f" Step {number}."


@refused("functions never change")
def change_functions(body, number):
    body["tools"][0]["description"] += f" Step {number}."


@refused("no turn leaves")
def drop_an_old_step(body, number):
    if number > 3:
        del body["messages"][1:3]


# Breakpoints


@refused("at most four breakpoints")
def mark_five(body, number):
    for block in [*content(body, "user", "tool_result"), body["tools"][0]]:
        block["cache_control"] = MARK


@refused("breakpoints last 5 minutes or an hour")
def strange_ttl(body, number):
    body["system"][0]["cache_control"] = {"type": "ephemeral", "ttl": "2h"}


@refused("an hour before 5 minutes")
def an_hour_after_minutes(body, number):
    body["messages"][0]["content"][0]["cache_control"] = {"type": "ephemeral", "ttl": "1h"}


@refused("no breakpoint on thinking")
def mark_thinking(body, number):
    for block in content(body, "assistant", "thinking")[:1]:
        block["cache_control"] = MARK


# Batches


@refused_in_batches("no streams")
def stream(body, number):
    body["stream"] = True


@refused_in_batches("no warming of the cache")
def ask_for_nothing(body, number):
    body["max_tokens"] = 0


@refused_in_batches("no sampling parameters")
def add_temperature_in_batches(body, number):
    body["temperature"] = 0.5


# What is billed


def unmark(blocks) -> None:
    for block in blocks:
        block.pop("cache_control", None)


@dearer("all caching")
def mark_nothing(body, number):
    unmark([*body["system"], *(block for each in body["messages"] for block in each["content"])])


@dearer("the conversation: no mark on its end")
def leave_the_tail_unmarked(body, number):
    unmark(block for each in body["messages"][1:] for block in each["content"])


@dearer("a step of many blocks: no mark on the end before")
def leave_the_last_tail_unmarked(body, number):
    users = [each["content"] for each in body["messages"] if each["role"] == "user"]
    unmark(block for blocks in users[1:-1] for block in blocks)


@dearer("the prefix of all questions: no mark on instructions and map")
def leave_the_prefix_unmarked(body, number):
    unmark([*body["system"], body["messages"][0]["content"][0]])


@dearer("the map: no mark on its end")
def leave_the_map_unmarked(body, number):
    unmark(body["messages"][0]["content"][:1])


@dearer("the map: the question stands before it")
def ask_before_the_map(body, number):
    first, second = body["messages"][0]["content"]
    first["text"], second["text"] = second["text"], first["text"]


@dearer("the map: one block with the question")
def join_map_and_question(body, number):
    first, second = body["messages"][0]["content"]
    body["messages"][0]["content"] = [dict(second, text=first["text"] + second["text"])]


@dearer("the price: an hour where minutes do")
def keep_for_an_hour(body, number):
    marked = [*body["system"], *(block for each in body["messages"] for block in each["content"])]
    for block in marked:
        if "cache_control" in block:
            block["cache_control"] = {"type": "ephemeral", "ttl": "1h"}


@dearer("the conversation: another effort at each step")
def change_effort(body, number):
    body["output_config"] = {"effort": ("high", "xhigh")[number % 2]}


@dearer("the last request: a conversation is written that nobody reads")
def mark_the_last_request(body, number):
    if "tool_choice" in body:
        body["messages"][-1]["content"][-1]["cache_control"] = MARK
