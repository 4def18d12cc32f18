#!/usr/bin/env bash
# trafilatura counts every numbered list from 1, whatever number the page gives it.
#
# Expected: a list that a page starts at 7 (<ol start="7">) keeps its numbers, as in a browser.
# Happens:  in trafilatura's Markdown the list starts at 1 again; in its plain text, XML and HTML
#           the numbers are gone altogether. markdownify keeps them.
# Matters:  laws and contracts on the web are lists broken up by remarks, so that the later clauses
#           start at a number. Asked what clause 7 says, a reader of the Markdown finds none, and
#           finds two clauses 1 that say different things; an answer cites the wrong clause.
# Versions: trafilatura 2.3.1 (from 1), markdownify 1.2.3 (keeps the number).
# Date:     2026-11-30

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    trafilatura==2.3.1 markdownify==1.2.3 \
    beautifulsoup4==4.15.0 lxml==6.1.3 lxml_html_clean==0.4.6

"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import sys

import markdownify
import trafilatura

PAGE = """
<html><body><article>
<h1>Lease of the shop</h1>
<p>The parties agree on these terms, and every one of them binds both sides.</p>
<ol><li>The shop is let for five years.</li><li>The rent is fixed.</li></ol>
<p>Between the clauses stands this remark about the law of the place.</p>
<ol start="7"><li>The tenant pays the rent.</li><li>The owner repairs the roof.</li></ol>
<p>Signed by both parties on the first day of the month, in two copies.</p>
</article></body></html>
"""


def numbered(markdown: str) -> list[str]:
    """The lines that begin with a number."""
    return [line.strip() for line in markdown.splitlines() if line.strip()[:1].isdigit()]


first = ["1. The shop is let for five years.", "2. The rent is fixed."]
seen = {
    "trafilatura": numbered(trafilatura.extract(PAGE, output_format="markdown")),
    "markdownify": numbered(markdownify.markdownify(PAGE)),
}
recorded = {
    "trafilatura": [*first, "1. The tenant pays the rent.", "2. The owner repairs the roof."],
    "markdownify": [*first, "7. The tenant pays the rent.", "8. The owner repairs the roof."],
}
for package, lines in seen.items():
    print(f"{package:12} {importlib.metadata.version(package):6} {lines}")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-11-30: {recorded}")
print("As recorded: trafilatura turns clause 7 into clause 1.")
PYTHON
