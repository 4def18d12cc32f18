#!/usr/bin/env bash
# litellm raises max_tokens below 16 to 16, and gives a longer reply than was asked for.
#
# Expected: a request for at most one token gives at most one, or is refused where the server behind
#           it takes no limit so small.
# Happens:  litellm.anthropic.messages (and /v1/messages of its proxy) hands models named "openai/..."
#           to the server's /v1/responses with max_output_tokens 16 where 1 to 15 were asked for,
#           whatever server that is; the reply of 16 tokens comes back as it is, with output_tokens
#           16. By /v1/chat/completions (use_chat_completions_url_for_anthropic_messages) the limit
#           is handed on as it was given.
# Matters:  who lets a model answer yes or no in one token gets a sentence, who reckons what a call
#           may cost by its limit reckons too little, and who checks that no reply exceeds its limit
#           finds one that does.
# Known:    it is on purpose: a comment in its code says that OpenAI's Responses API refuses less than
#           16. It does so for every other server too, and its documentation of the address does not
#           say so.
# Versions: litellm 1.108.7. The server is a stand-in on this machine that uses up its limit.
# Date:     2026-12-01

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    litellm==1.108.7 openai==3.57.0 pydantic==2.14.4

export LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_LOG=ERROR
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import Any

import litellm


def response(words: str, tokens: int) -> dict[str, Any]:
    """What /v1/responses says of a reply that reached its limit."""
    text = {"type": "output_text", "text": words, "annotations": []}
    message = {"type": "message", "id": "m1", "role": "assistant", "status": "incomplete"}
    return {
        "id": "r1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [{**message, "content": [text]}],
        "usage": {"input_tokens": 5, "output_tokens": tokens, "total_tokens": 5 + tokens},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def completion(words: str, tokens: int) -> dict[str, Any]:
    """What /v1/chat/completions says of the same reply."""
    message = {"role": "assistant", "content": words}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "length", "message": message}],
        "usage": {"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": 5 + tokens},
    }


class Server(BaseHTTPRequestHandler):
    """Replies with as many tokens as it is allowed."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        responses = self.path.endswith("/responses")
        tokens = asked["max_output_tokens" if responses else "max_tokens"]
        said = (response if responses else completion)("yes " * tokens, tokens)
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


async def output_tokens(url: str) -> dict[str, int]:
    """Tokens of the reply, by how many were asked for and by which way."""
    found = {}
    for way, chat in (("responses", False), ("chat completions", True)):
        litellm.use_chat_completions_url_for_anthropic_messages = chat
        for limit in (1, 15, 20):
            reply = await litellm.anthropic.messages.acreate(
                model="openai/m",
                api_base=url,
                api_key="none",
                max_tokens=limit,
                messages=[{"role": "user", "content": "Is it so? Answer yes or no."}],
            )
            found[f"{way}, at most {limit}"] = reply["usage"]["output_tokens"]
    return found


with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    seen = asyncio.run(output_tokens(f"http://127.0.0.1:{server.server_port}/v1"))
    server.shutdown()
recorded = {
    "responses, at most 1": 16,
    "responses, at most 15": 16,
    "responses, at most 20": 20,
    "chat completions, at most 1": 1,
    "chat completions, at most 15": 15,
    "chat completions, at most 20": 20,
}
print("litellm", version("litellm"))
for case, tokens in seen.items():
    print(f"{case:30} {tokens} tokens came")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-12-01: {recorded}")
print("As recorded: where 1 was the limit, 16 tokens came.")
PYTHON
