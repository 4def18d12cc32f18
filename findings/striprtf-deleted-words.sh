#!/usr/bin/env bash
# striprtf prints words that were deleted while changes were tracked, and words that are hidden.
#
# Expected: the text that a reader of the file sees: with the tracked changes accepted (what Word
#           shows by default), without hidden text.
# Happens:  deleted words (\deleted) and hidden ones (\v) are printed like all others. Of "The deposit
#           is [deleted: fully] [inserted: not] refundable." becomes "The deposit is fully not
#           refundable."; of an amount with a hidden draft before it, two amounts.
# Matters:  contracts are sent round as RTF with tracked changes; the sentence that is printed was
#           never anybody's wording.
# Versions: striprtf 0.0.35.
# Date:     2026-11-30

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check striprtf==0.0.35

"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import sys

from striprtf.striprtf import rtf_to_text

RTF = r"""{\rtf1\ansi\deff0{\fonttbl{\f0\fcharset0 Times New Roman;}}
{\*\revtbl{Unknown;}{Editor;}}
The deposit is {\deleted\revauthdel1\revdttmdel0 fully }{\revised\revauth1\revdttm0 not }refundable.\par
The fee is {\v 900 }{700} euros.\par
}"""
seen = rtf_to_text(RTF).strip().splitlines()
recorded = ["The deposit is fully not refundable.", "The fee is 900 700 euros."]
print(f"striprtf {importlib.metadata.version('striprtf')}: {seen}")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-11-30: {recorded}")
print("As recorded: deleted and hidden words are printed.")
PYTHON
