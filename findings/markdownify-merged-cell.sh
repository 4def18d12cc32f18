#!/usr/bin/env bash
# Converters from HTML to Markdown move figures to another column beneath a merged cell.
#
# Expected: beneath a cell that spans two rows, the second row keeps its columns.
# Happens:  markdownify and html2text write the second row from the first column on, so that all its
#           cells stand one column too far left: the costs of 2018 stand under "Item", those of 2017
#           under "2018". A cell that spans two columns is padded by markdownify, one that spans two
#           rows is not. trafilatura keeps the columns.
# Matters:  asked for the costs in 2018, a reader of the Markdown answers 60, the figure of 2017,
#           and can quote the row to prove it. Tables with a merged first column are ordinary in
#           reports.
# Known:    markdownify issue 121 asks for it and is open; Markdown itself has no merged cells.
# Versions: markdownify 1.2.3, html2text 2025.4.15 (both wrong), trafilatura 2.3.1 (right).
# Date:     2026-11-30

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    markdownify==1.2.3 html2text==2025.4.15 trafilatura==2.3.1 \
    beautifulsoup4==4.15.0 lxml==6.1.3 lxml_html_clean==0.4.6

"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import sys

import html2text
import markdownify
import trafilatura

PAGE = """
<html><body><article>
<h1>Annual figures</h1>
<p>This table shows the income and the costs of the retail segment in two years, in millions.</p>
<table>
<tr><th>Segment</th><th>Item</th><th>2018</th><th>2017</th></tr>
<tr><td rowspan="2">Retail</td><td>Income</td><td>100</td><td>90</td></tr>
<tr><td>Costs</td><td>70</td><td>60</td></tr>
</table>
<p>The figures of both years were audited, and the segment was not changed between them.</p>
</article></body></html>
"""


def costs_by_column(markdown: str) -> dict[str, str]:
    """The cells of the row of costs under the headings of the table."""
    rows = [line.strip().strip("|").split("|") for line in markdown.splitlines() if "|" in line]
    head, *_, costs = ([cell.strip() for cell in row] for row in rows)
    return dict(zip(head, costs, strict=False))


seen = {
    "markdownify": costs_by_column(markdownify.markdownify(PAGE)),
    "html2text": costs_by_column(html2text.html2text(PAGE)),
    "trafilatura": costs_by_column(trafilatura.extract(PAGE, output_format="markdown")),
}
moved = {"Segment": "Costs", "Item": "70", "2018": "60"}
recorded = {
    "markdownify": moved,
    "html2text": moved,
    "trafilatura": {"Segment": "", "Item": "Costs", "2018": "70", "2017": "60"},
}
for package, cells in seen.items():
    print(f"{package:12} {importlib.metadata.version(package):10} {cells}")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-11-30: {recorded}")
print("As recorded: two of three put the figure of 2017 under 2018.")
PYTHON
