#!/usr/bin/env bash
# The MCP SDK parses a text argument as JSON when the text may be left out.
#
# Expected: a tool whose parameter is `str | None` gets the text that the client sent.
# Happens:  a text that reads as JSON is parsed before it is checked: the word "null" arrives as
#           None, as if nothing had been sent, and a text that is a JSON list or object is refused
#           because it is no string any more. A parameter of type `str` gets all of them as sent, so
#           nobody sees it who tests without None.
# Matters:  agents look for, and write down, texts that are JSON: a line of a log, a record, the word
#           null in a table. A search for it becomes a search for nothing, and a note is not kept.
# Known:    the authors of fastmcp, where it came from, called it "very problematic" when they took
#           it out of theirs (PrefectHQ/fastmcp, pull request 341).
# Versions: mcp 2.3.0
# Date:     2026-12-01

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    mcp==2.3.0

"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import importlib.metadata
import logging
import sys

from mcp import Client
from mcp.server.mcpserver import MCPServer

logging.disable(logging.CRITICAL)
server = MCPServer("texts")


@server.tool(structured_output=False)
def plain(text: str = "") -> str:
    return repr(text)


@server.tool(structured_output=False)
def optional(text: str | None = None) -> str:
    return repr(text)


async def sent(tool, text):
    async with Client(server) as client:
        result = await client.call_tool(tool, {"text": text})
        return "refused" if result.is_error else result.content[0].text


texts = ["nothing", "null", '["a", "b"]', '{"a": 1}']
recorded = {
    "plain": [repr(text) for text in texts],
    "optional": ["'nothing'", "None", "refused", "refused"],
}
seen = {tool: [asyncio.run(sent(tool, text)) for text in texts] for tool in recorded}
print("mcp", importlib.metadata.version("mcp"))
print(f"{'sent':12} {'text: str':14} text: str | None")
for n, text in enumerate(texts):
    print(f"{text:12} {seen['plain'][n]:14} {seen['optional'][n]}")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-12-01: {recorded}")
print("As recorded: texts that read as JSON are lost or refused where the text is optional.")
PYTHON
