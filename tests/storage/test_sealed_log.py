"""A line that was changed is found, and one that was torn is dropped."""

from __future__ import annotations

import json

import pytest

from docpager.storage.sealed_log import BrokenSeal, append_line, read_sealed, rewrite_log, seal_of


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    rewrite_log(path, [{"n": 1}, {"text": "ä\u2028\ud800"}])
    return path


def lines_of(path, **where):
    with path.open("rb") as file:
        return list(read_sealed(file, **{"start": 0, "before": "", **where}))


def test_lines_come_back_and_half_characters_are_replaced(log):
    assert [line.value for line in lines_of(log)] == [{"n": 1}, {"text": "ä\u2028�"}]


def test_a_seal_is_the_beginning_of_the_hash_of_the_one_before_and_the_line(log):
    first, second = log.read_bytes().splitlines()[:2]
    assert second[:16].decode() == seal_of(first[:16].decode(), second[17:].decode())


def test_a_line_can_be_read_alone(log):
    second = lines_of(log)[1]
    (alone,) = lines_of(log, start=second.start, before=second.before, size=second.size)
    assert alone == second


def test_what_was_torn_is_left_out_and_written_over(log):
    whole = log.read_bytes()
    end = lines_of(log)[-1]
    log.write_bytes(whole + b'0123456789abcdef {"tor')

    assert len(lines_of(log)) == 2
    append_line(log, {"n": 3}, end=end.end, before=end.seal)
    assert [line.value.get("n") for line in lines_of(log)] == [1, None, 3]


@pytest.mark.parametrize("place", ["first", "second", "seal"])
def test_a_changed_byte_is_found(log, place):
    content = bytearray(log.read_bytes())
    at = {"first": content.index(b'"n"') + 1, "second": content.index(b"text"), "seal": 3}[place]
    content[at] ^= 1
    log.write_bytes(content)

    with pytest.raises(BrokenSeal, match="the line at byte"):
        lines_of(log)


def test_lines_cannot_change_places(tmp_path):
    path = tmp_path / "log.jsonl"
    rewrite_log(path, [{"n": n} for n in range(3)])
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + third + second)

    with pytest.raises(BrokenSeal):
        lines_of(path)
    assert json.loads(third[17:]) == {"n": 2}
