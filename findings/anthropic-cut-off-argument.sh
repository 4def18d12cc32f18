#!/usr/bin/env bash
# The stream helper of the anthropic library completes a function call that was cut off.
#
# Expected: when the model's reply ends in the middle of a function's arguments, the call is marked
#           as incomplete, or reading it raises an error, as other broken JSON does (a missing colon
#           raises ValueError).
# Happens:  the helper parses what has arrived as far as it goes. A last string that is not closed
#           is dropped with its name, and a number that is not finished is given as if it were: page
#           "12" of "120..." becomes page 12. The block in the final message looks like that of a
#           complete call; only the message's stop_reason tells.
# Matters:  a search limited to one document becomes a search of all of them, and the page that is
#           read is another page. Whoever runs the calls of a message without looking at its
#           stop_reason first gets a wrong answer and no error.
# Known:    the maintainers' answer to issue 794 of anthropic-sdk-python has callers look at the
#           stop_reason and collect the raw pieces of the arguments themselves; that the final
#           message holds a shortened call was found nowhere.
# Versions: anthropic 2.14.0, jiter 0.19.0. Replies come from a stand-in inside the script; no
#           network.
# Date:     2026-11-30

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    anthropic==2.14.0 jiter==0.19.0 httpx2==2.16.2 pydantic==2.14.4

"$folder/venv/bin/python" - <<'PYTHON'
import json
import sys
from typing import Any

import anthropic
import httpx2


def events(arguments: str) -> list[dict[str, Any]]:
    """The events of a reply that calls a function and ends where `arguments` end."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "model",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 1},
    }
    block = {"type": "tool_use", "id": "call_1", "name": "search", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": arguments}
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "max_tokens", "stop_sequence": None},
            "usage": {"output_tokens": 20},
        },
        {"type": "message_stop"},
    ]


def call_seen(arguments: str) -> Any:
    """What the final message gives as the arguments, or the name of the error raised."""
    body = "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events(arguments)
    )

    def reply(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, text=body)

    client = anthropic.Anthropic(
        api_key="none",
        base_url="http://localhost",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(reply)),
    )
    question = [{"role": "user", "content": "What is the termination fee?"}]
    try:
        with client.messages.stream(model="model", max_tokens=20, messages=question) as stream:
            return stream.get_final_message().content[0].input
    except ValueError as error:
        return type(error).__name__


recorded = {
    '{"query": "termination fee", "document": "2018"}': {
        "query": "termination fee",
        "document": "2018",
    },
    '{"query": "termination fee", "document": "20': {"query": "termination fee"},
    '{"document": "2018", "page": 12': {"document": "2018", "page": 12},
    '{"query" "termination fee"}': "ValueError",
}
seen = {arguments: call_seen(arguments) for arguments in recorded}
print("anthropic", anthropic.__version__)
for arguments, call in seen.items():
    print(f"{arguments:50} -> {call}")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-11-30: {recorded}")
print("As recorded: a call that was cut off is given as a complete one.")
PYTHON
