"""Reads requests as JSON from stdin and prints the replies: a process without an archive."""

import asyncio
import dataclasses
import json
import sys

from docpager.models.extractive import ExtractiveModel
from docpager.models.messages import (
    AssistantTurn,
    CallResult,
    FunctionSchema,
    ModelRequest,
    ToolCall,
    UserTurn,
)


def turn(read):
    if "results" in read:
        return UserTurn(read["text"], tuple(CallResult(**result) for result in read["results"]))
    return AssistantTurn(read["text"], tuple(ToolCall(**call) for call in read["calls"]), ())


for written in json.load(sys.stdin):
    functions = tuple(FunctionSchema(**function) for function in written["functions"])
    request = ModelRequest(
        written["instructions"],
        functions,
        tuple(map(turn, written["turns"])),
        written["max_output_tokens"],
        written["calls_allowed"],
    )
    print(
        json.dumps(
            dataclasses.asdict(asyncio.run(ExtractiveModel().complete(request))), sort_keys=True
        )
    )
