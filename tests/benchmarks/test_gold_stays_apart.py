"""Systems are handed no gold, and scorers that reward anything are found out."""

from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path

import pytest

from benchmarks.metrics import METRICS, OF_TEXT, mark
from benchmarks.samples import SystemQuestion, TaskGold
from benchmarks.scorer_checks import ScorerError, check_scorer, nonsense_for
from benchmarks.systems.system import SystemAnswer
from benchmarks.tasks.registry import TASKS
from benchmarks.tasks.task import BenchmarkTask, DocumentSet, Item, Wanted, sample_of
from benchmarks.trials import Trial
from docpager.core.places import Place

ROOT = Path(__file__).parents[2]
SMALL = {
    "nested_kv": {"pairs": (140,), "nesting": (0, 2, 4)},
    "scattered_facts": {"places": (4,), "section_tokens": (600,)},
}
GOLDS = (
    TaskGold((("1,577 million", "$1577.00"),), evidence=(Place("a.pdf", 3),)),
    TaskGold((("amber heron",), ("BC-231",)), ("BC-999",), (Place("a.md", start=1, end=9),)),
    TaskGold(()),
)  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_what_a_contestant_is_given_holds_no_gold(name: str, tmp_path: Path) -> None:
    task = TASKS[name]
    wanted = task.wanted(SMALL[name], per_cell=2)
    samples, sets = task.samples(tmp_path, wanted)
    golds = task.golds(tmp_path, wanted)

    assert golds.keys() == {sample.question.id for sample in samples}
    for sample in samples:
        job = Trial(
            sample.question, tmp_path, "docpager", 8_000, "extractive", None, 512, 9, tmp_path
        )
        told = pickle.dumps(job)
        assert all(
            value.encode() not in told for part in golds[job.question.id].parts for value in part
        )
        assert b"Gold" not in told and b"axes" not in told
    folder = tmp_path / "documents"
    folder.mkdir()
    next(iter(sets.values())).write(folder)
    assert len(list(folder.rglob("*"))) == 1


def test_ids_do_not_tell_where_the_gold_stands(tmp_path: Path) -> None:
    task = TASKS["nested_kv"]
    samples, _ = task.samples(tmp_path, task.wanted(SMALL["nested_kv"], per_cell=3))

    assert len({sample.question.id for sample in samples}) == len(samples) == 9
    assert all(set(sample.question.id) <= set("0123456789abcdef") for sample in samples)


def test_ids_cannot_be_tried_out_and_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    task = TASKS["nested_kv"]
    wanted = task.wanted(SMALL["nested_kv"], per_cell=2)
    samples, _ = task.samples(tmp_path, wanted)

    tried = {
        sample_of(
            task.name, s.question.text, DocumentSet(s.document_set, Path.mkdir),
            {**s.axes, "nesting": nesting}, number=number,
        ).question.id
        for s in samples for nesting in range(11) for number in range(2)
    }  # fmt: skip
    told = {sample.question.id for sample in samples}
    assert not tried & told
    assert told == {sample.question.id for sample in task.samples(tmp_path, wanted)[0]}
    assert told == task.golds(tmp_path, wanted).keys()


def test_other_gold_gives_other_ids(tmp_path: Path) -> None:
    def ids(answer: str) -> set[str]:
        def make(data: Path, wanted: Wanted) -> list[Item]:
            documents = DocumentSet("set", Path.mkdir)
            sample = sample_of("t", "Why?", documents, {}, number=0)
            return [Item(sample, TaskGold(((answer,),)), documents)]

        task = BenchmarkTask("t", "", make, {}, ("right",))
        samples, _ = task.samples(tmp_path, task.wanted({}, per_cell=1))
        assert [sample.family for sample in samples] == [sample.question.id for sample in samples]
        return {sample.question.id for sample in samples}

    assert ids("because") == ids("because") != ids("so")


@pytest.mark.parametrize("name", SMALL)
def test_names_of_document_sets_tell_no_axis(name: str, tmp_path: Path) -> None:
    task = TASKS[name]
    _, sets = task.samples(tmp_path, task.wanted(SMALL[name], per_cell=2))

    assert all(re.fullmatch(r"[a-z]+-[0-9a-f]{12}", each) for each in sets)


def imported(module: Path) -> set[str]:
    tree = ast.parse(module.read_text("utf-8"))
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    return names | {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}


@pytest.mark.parametrize("module", ["trials.py", *(f"systems/{p.name}" for p in
                         sorted((ROOT / "benchmarks" / "systems").glob("*.py")))])  # fmt: skip
def test_systems_and_workers_know_no_task_and_no_scorer(module: str) -> None:
    known = imported(ROOT / "benchmarks" / module)

    assert not {name for name in known if name.startswith(
        ("benchmarks.tasks", "benchmarks.metrics", "benchmarks.scoring", "docpager.evaluation")
    )}  # fmt: skip


def test_the_product_knows_no_benchmark() -> None:
    for module in (ROOT / "docpager").rglob("*.py"):
        assert not {name for name in imported(module) if name.startswith("benchmarks")}, module


def test_benchmarks_use_no_private_names_of_the_product() -> None:
    for folder in ("", "systems", "tasks", "reporting"):
        for module in (ROOT / "benchmarks" / folder).glob("*.py"):
            for node in ast.walk(ast.parse(module.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("docpager"):
                    assert not [a.name for a in node.names if a.name[0] == "_" != a.name[1]], module


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_passes_its_canaries(metric: str) -> None:
    # `choice` asks for a letter, `exact` and their like for one wording of one thing.
    golds = GOLDS if metric in ("parts", "all_parts", "right") else (*GOLDS[:1], *GOLDS[2:])
    letters = (TaskGold((("B", "(B) the sea"),)),)

    check_scorer(mark, (metric,), letters if metric == "choice" else golds)


@pytest.mark.parametrize("metric", METRICS)
def test_wrong_answers_score_nothing(metric: str) -> None:
    for gold in GOLDS:
        assert not mark(metric, gold, SystemAnswer("answered", nonsense_for(GOLDS)))


def test_a_scorer_that_always_says_yes_is_found_out() -> None:
    with pytest.raises(ScorerError, match="wrong, but scores"):
        check_scorer(lambda metric, gold, answer: 1.0, ("exact",), GOLDS)


def test_a_scorer_that_always_says_no_is_found_out() -> None:
    with pytest.raises(ScorerError, match="right, but scores nothing"):
        check_scorer(lambda metric, gold, answer: 0.0, ("exact",), GOLDS)


@pytest.mark.parametrize("metric", ("subspan", "right", "parts", "all_parts"))
def test_reciting_everything_is_no_answer(metric: str) -> None:
    gold = TaskGold((("amber heron",),))

    assert mark(metric, gold, SystemAnswer("answered", "It is the amber heron.")) == 1
    assert mark(metric, gold, SystemAnswer("answered", "word " * 500 + "amber heron")) == 0


def test_a_rival_beside_the_value_is_no_answer() -> None:
    gold = GOLDS[1]

    assert (
        mark("all_parts", gold, SystemAnswer("answered", "D1:s2: amber heron; D1:s4: BC-231")) == 1
    )
    assert mark("all_parts", gold, SystemAnswer("answered", "amber heron; BC-231; BC-999")) == 0
    assert mark("all_parts", gold, SystemAnswer("answered", "BC-231; amber heron")) == 0
    assert mark("parts", gold, SystemAnswer("answered", "amber heron; none")) == 0.5


@pytest.mark.parametrize("metric", OF_TEXT)
def test_abstaining_is_right_only_where_there_is_no_answer(metric: str) -> None:
    silent = SystemAnswer("abstained", "Not found.")

    assert mark(metric, TaskGold(()), silent) == 1
    assert not mark(metric, GOLDS[0], silent)


def test_a_question_is_all_that_a_contestant_knows() -> None:
    assert set(SystemQuestion.__dataclass_fields__) == {"id", "text", "documents"}
