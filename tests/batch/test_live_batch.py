from __future__ import annotations

from batch_worlds import World


def test_every_question_gets_its_line(tmp_path):
    world = World(tmp_path)

    report = world.drive()

    assert report.succeeded
    assert report.answered + report.abstained == 8
    assert {id: line["status"] for id, line in world.lines().items()} == {
        f"q{n}": "answered" for n in range(1, 9)
    }
