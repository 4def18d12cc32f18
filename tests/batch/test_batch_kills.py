"""A batch that is killed at random moments: see benchmarks/reliability/batch_kills.py."""

from __future__ import annotations

import pytest

from benchmarks.reliability.batch_kills import WAYS, kill_again_and_again


@pytest.mark.slow
@pytest.mark.parametrize("via", WAYS)
def test_a_killed_batch_answers_and_pays_once(via, tmp_path):
    outcome = kill_again_and_again(tmp_path, via=via, kills=3, questions=30, seed=3)

    assert outcome.kills == 3
    assert not outcome.failures
