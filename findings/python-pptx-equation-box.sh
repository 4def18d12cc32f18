#!/usr/bin/env bash
# python-pptx leaves out a text box that holds an equation, with every word in it.
#
# Expected: the shapes of a slide include each one that PowerPoint shows, or an error says that one
#           cannot be read.
# Happens:  PowerPoint stores a text box with an equation in two forms, one for programs that know
#           equations and a picture for others (mc:AlternateContent). Neither is among
#           `slide.shapes`: the box is gone, together with the plain words around the equation.
# Matters:  the box that states a result ("The break-even point is 4,200 units where ...") is missing
#           from the text, and nothing says so.
# Known:    python-pptx issue 621 (since 2020, open) speaks of shapes with alternatives that are not
#           listed.
# Versions: python-pptx 1.0.2.
# Date:     2026-11-30

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-pptx==1.0.2 lxml==6.1.3

"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import io
import sys

from lxml import etree
from pptx import Presentation
from pptx.util import Inches

WORDS = "The break-even point is 4,200 units where "
EQUATION = """
<a14:m xmlns:a14="http://schemas.microsoft.com/office/drawing/2010/main">
  <m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math">
    <m:r><m:t>p=c</m:t></m:r>
  </m:oMath>
</a14:m>"""
BOTH_FORMS = """
<mc:AlternateContent
    xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"
    xmlns:a14="http://schemas.microsoft.com/office/drawing/2010/main">
  <mc:Choice Requires="a14"/>
  <mc:Fallback/>
</mc:AlternateContent>"""

deck = Presentation()
slide = deck.slides.add_slide(deck.slide_layouts[6])
box = slide.shapes.add_textbox(Inches(1), Inches(1), Inches(6), Inches(1))
box.text_frame.text = WORDS
# As PowerPoint saves it: the equation stands in the paragraph, the whole shape in two forms.
box.text_frame.paragraphs[0]._p.append(etree.fromstring(EQUATION))
forms = etree.fromstring(BOTH_FORMS)
box._element.getparent().replace(box._element, forms)
forms[0].append(box._element)
stream = io.BytesIO()
deck.save(stream)

shapes = Presentation(stream).slides[0].shapes
seen = [shape.text_frame.text for shape in shapes if shape.has_text_frame]
stored = WORDS in etree.tostring(Presentation(stream).slides[0]._element, encoding="unicode")
print(f"python-pptx {importlib.metadata.version('python-pptx')}: the slide's XML holds the words: "
      f"{stored}; text of its {len(shapes)} shapes: {seen}")
if not stored or seen:
    sys.exit("The behaviour changed. Recorded on 2026-11-30: no shape at all.")
print("As recorded: the text box and its words are left out.")
PYTHON
