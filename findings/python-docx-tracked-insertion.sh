#!/usr/bin/env bash
# python-docx leaves out words that were inserted while changes were tracked.
#
# Expected: the text of a paragraph is one that its reader can see: with the tracked changes
#           accepted (what Word shows by default), or as it was before them.
# Happens:  inserted words and deleted words are both left out. Of "The deposit is [deleted: partly]
#           [inserted: not] refundable." remains "The deposit is refundable.", which nobody wrote:
#           before the change it said "partly refundable", after it "not refundable".
# Matters:  contracts are sent round with tracked changes, and the changed word is often the one
#           that a question is about. The text that is left reads well and says the opposite.
# Known:    asked for since 2014 and open (python-openxml/python-docx issues 6, 340 and 1123); the
#           description of Paragraph.text speaks of hyperlinks, tabs and breaks, not of changes.
# Versions: python-docx 1.2.0 (leaves it out), docx2txt 0.9 (keeps the insertion).
# Date:     2026-11-30

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    python-docx==1.2.0 lxml==6.1.3 docx2txt==0.9

"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import io
import sys

import docx
import docx2txt
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

MARK = 'w:author="Editor" w:date="2026-01-05T09:00:00Z"'
PARAGRAPH = f"""
<w:p {nsdecls("w")}>
  <w:r><w:t xml:space="preserve">The deposit is </w:t></w:r>
  <w:del w:id="1" {MARK}><w:r><w:delText xml:space="preserve">partly </w:delText></w:r></w:del>
  <w:ins w:id="2" {MARK}><w:r><w:t xml:space="preserve">not </w:t></w:r></w:ins>
  <w:r><w:t>refundable.</w:t></w:r>
</w:p>
"""

document = docx.Document()
document.element.body.insert(0, parse_xml(PARAGRAPH))
buffer = io.BytesIO()
document.save(buffer)

seen = {
    "python-docx": docx.Document(buffer).paragraphs[0].text,
    "docx2txt": docx2txt.process(buffer).strip(),
}
recorded = {
    "python-docx": "The deposit is refundable.",
    "docx2txt": "The deposit is not refundable.",
}
for package, text in seen.items():
    print(f"{package:12} {importlib.metadata.version(package):8} {text!r}")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-11-30: {recorded}")
print("As recorded: python-docx loses the inserted word.")
PYTHON
