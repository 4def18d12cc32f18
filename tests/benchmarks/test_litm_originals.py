"""The original files of Lost in the Middle, whose format its README and its script describe."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from benchmarks.tasks.litm_qa import item_of, read_original
from docpager.core.errors import UsageError
from docpager.core.places import Place


def original(folder: Path) -> Path:
    """A file of one record: distractors with what a retriever said of them, gold without it."""
    distractors = [
        {
            "id": f"{n}", "title": f"Other {n}", "text": "Line\u2028separated.", "score": "1.05",
            "hasanswer": False, "original_retrieval_index": n, "isgold": False,
        }
        for n in range(9)
    ]  # fmt: skip
    gold = {"title": "Prize", "text": "It went to Röntgen.", "hasanswer": True, "isgold": True}
    record = {
        "question": "who got the first prize",
        "answers": ["Röntgen"],
        "ctxs": [*distractors[:4], gold, *distractors[4:]],
        "nq_annotated_gold": {"title": "Prize", "long_answer": "", "chunked_long_answer": ""},
    }
    path = folder / "nq-open-10_total_documents_gold_at_4.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(record, ensure_ascii=False).encode() + b"\n"))
    return path


def test_an_original_record_becomes_ten_documents_with_the_gold_one_in_its_place(
    tmp_path: Path,
) -> None:
    path = original(tmp_path)
    (record,) = read_original(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    item = item_of(record, 10, 4, "original", 0)
    item.documents.write(tmp_path)
    written = (tmp_path / "documents.jsonl").read_text("utf-8").splitlines()

    assert len(written) == 10 and json.loads(written[4])["text"] == "It went to Röntgen."
    assert item.gold.evidence == (Place("documents.jsonl#5"),)
    assert item.gold.parts == (("Röntgen",),)
    assert item.sample.question.text == "who got the first prize?"


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not the original file: its sha256 is"):
        read_original(original(tmp_path), sha256="0" * 64)
