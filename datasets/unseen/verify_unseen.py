"""Check the examination against its documents and its records; exit status 1 when anything is wrong.

python verify_unseen.py
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import pypdfium2

HERE = Path(__file__).resolve().parent
RECORDS = HERE.parent / "unseen_records"
EXPECTED = {"fact": 12, "table": 7, "combine": 4, "chain": 3, "unanswerable": 4}


def squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text).casefold()


def contains(text: str, string: str) -> bool:
    return (
        re.search(
            rf"(?<![\w.,/])(?<!\d[.,]){re.escape(squeeze(string))}(?![\w/]|[.,]\d)", squeeze(text)
        )
        is not None
    )


def page_text(document: str, page: int | None) -> str:
    name, _, line = document.partition("#")
    path = HERE / "documents" / name
    if path.suffix == ".pdf":
        assert page is not None
        return pypdfium2.PdfDocument(path)[page - 1].get_textpage().get_text_bounded()
    text = path.read_text(encoding="utf-8")
    return json.loads(text.splitlines()[int(line) - 1])["text"] if line else text


def main() -> int:
    faults = []
    questions = [
        json.loads(line)
        for line in (HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    counted = Counter(question["kind"] for question in questions)
    if counted != EXPECTED:
        faults.append(f"kinds: {dict(counted)}")
    if len({question["id"] for question in questions}) != len(questions):
        faults.append("ids are not unique")
    checked = 0
    for question in questions:
        texts = [page_text(place["document"], place["pdf_page"]) for place in question["evidence"]]
        if question["kind"] == "unanswerable":
            if question["answers"] or texts:
                faults.append(f"{question['id']}: unanswerable, but has gold")
            continue
        for part in question.get("parts", [question["answers"]]):
            checked += 1
            if not any(contains(text, string) for text in texts for string in part):
                faults.append(f"{question['id']}: none of {part} on {question['evidence']}")
        for rival in question.get("rivals", []):
            if not any(contains(text, rival) for text in texts):
                faults.append(f"{question['id']}: rival {rival} is not there")

    book = {}
    for line in (RECORDS / "handover_book.txt").read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(
            r"Folio (\d+), (.+?)\. (.+?) (?:sent on, see folio (\d+)|given up to (.+?), (.+?))\.",
            line,
        )
        if match is None:
            if line.startswith("Folio"):
                faults.append(f"record not regular: {line}")
            continue
        if match[1] in book:
            faults.append(f"folio {match[1]} twice")
        book[match[1]] = (match[4], match[5], match[6])
    lengths = []
    records = [
        json.loads(line)
        for line in (RECORDS / "records_questions.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    for question in records:
        key, links = question["start"], 0
        while book[key][0]:
            key, links = book[key][0], links + 1
        lengths.append(links)
        if (
            question["answers"] != [book[key][1 if question["asks"] == "name" else 2]]
            or links != question["links"]
        ):
            faults.append(f"{question['id']}: the chain ends at {book[key]} after {links} links")
    print(
        f"{len(questions)} questions, {checked} gold strings found on their evidence; {len(book)} records, chains of {sorted(lengths)} links"
    )
    for fault in faults:
        print("FAULT", fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
