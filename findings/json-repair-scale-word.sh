#!/usr/bin/env bash
# json_repair mends an unquoted "12 million" to the number 12.
#
# Expected: the words that follow a number without quotation marks are kept, as a string, or the
#           input is refused. "12million", written together, is indeed kept as a string.
# Happens:  the number is kept and the words are dropped: "12 million" becomes 12, "30 days after
#           notice" becomes 30. The result is valid JSON, and no error is raised. The library's own
#           log, off unless asked for, calls the words a comment of the model.
# Matters:  models that call a function now and then leave out quotation marks. The answer is then
#           wrong by a factor of a million, or by its unit, and passes every check of types.
# Known:    issue 106 reported the same loss for words written together with the number, which was
#           mended in 0.42.0; words after a space still go.
# Versions: json_repair 0.64.6
# Date:     2026-11-30

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    json_repair==0.64.6

"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import sys

from json_repair import repair_json

recorded = {
    '{"value": 12million, "currency": "USD"}': {"value": "12million", "currency": "USD"},
    '{"value": 12 million, "currency": "USD"}': {"value": 12, "currency": "USD"},
    '{"term": 30 days after notice, "page": 2}': {"term": 30, "page": 2},
}
seen = {text: repair_json(text, return_objects=True) for text in recorded}
print("json_repair", importlib.metadata.version("json_repair"))
for text, mended in seen.items():
    print(f"{text:44} -> {mended}")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-11-30: {recorded}")
print("As recorded: the number stays, its scale or unit goes.")
PYTHON
