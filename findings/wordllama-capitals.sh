#!/usr/bin/env bash
# wordllama hardly knows a word again when it is written in capitals.
#
# Expected: "termination" and "TERMINATION" are close to each other, or at least much closer than
#           two words that have nothing in common.
# Happens:  their similarity is 0.12, less than that of "termination" and "airport terminal" (0.14).
#           The tokenizer keeps capitals and cuts a word in capitals into scraps (T, ER, MIN,
#           ATION), and an average of static vectors of scraps means little. A clause in capitals
#           loses against an unrelated sentence in small letters that shares one word with the
#           question.
# Matters:  contracts set the clauses that matter most (limits of liability, disclaimers, headings)
#           in capitals. A search by meaning passes over just these.
# Versions: wordllama 0.4.0.post1 with the 256-dimension weights of its wheel, tokenizers 0.23.3.
# Date:     2026-11-30

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    wordllama==0.4.0.post1 tokenizers==0.23.3 safetensors==0.8.0 numpy==2.4.6

"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import importlib.util
import pathlib
import sys

from wordllama import WordLlama

# The wheel holds the weights and the tokenizer, but load() looks for the tokenizer elsewhere and
# then wants to download it; the package's own folder has the shape of the cache it looks in.
spec = importlib.util.find_spec("wordllama")
model = WordLlama.load(cache_dir=pathlib.Path(spec.origin).parent, disable_download=True)

QUESTION = "Who may end the lease?"
SMALL = "Either party may end the lease"
OFFICE = "The lease office is open from nine."


def similarity(left: str, right: str) -> float:
    return round(float(model.similarity(left, right)), 2)


seen = {
    "termination / TERMINATION": similarity("termination", "TERMINATION"),
    "termination / airport terminal": similarity("termination", "airport terminal"),
    "ranking, clause in small letters": [text for text, _ in model.rank(QUESTION, [SMALL, OFFICE])],
    "ranking, clause in capitals": [
        text for text, _ in model.rank(QUESTION, [SMALL.upper(), OFFICE])
    ],
}
recorded = {
    "termination / TERMINATION": 0.12,
    "termination / airport terminal": 0.14,
    "ranking, clause in small letters": [SMALL, OFFICE],
    "ranking, clause in capitals": [OFFICE, SMALL.upper()],
}
print("wordllama", importlib.metadata.version("wordllama"))
for case, result in seen.items():
    print(f"{case:34} {result}")
if seen != recorded:
    sys.exit(f"The behaviour changed. Recorded on 2026-11-30: {recorded}")
print("As recorded: capitals make a clause look like another one.")
PYTHON
