"""Every task by name."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.run_files import RunRecord
from benchmarks.tasks.litm_qa import LITM_POOL, LITM_QA
from benchmarks.tasks.long_docs import LONG_CHOICES, LONG_DOCS
from benchmarks.tasks.multihop import MULTIHOP
from benchmarks.tasks.nested_kv import NESTED_KV
from benchmarks.tasks.own_questions import any_jsonl_task
from benchmarks.tasks.pdf_qa import DOCUGAMI, FINANCEBENCH, MMLONGBENCH
from benchmarks.tasks.scattered_facts import SCATTERED_FACTS
from benchmarks.tasks.task import BenchmarkTask
from docpager.core.errors import UsageError

__all__ = ["TASKS", "task_named", "task_of", "task_with"]

_ALL = (
    NESTED_KV,
    SCATTERED_FACTS,
    LITM_QA,
    LITM_POOL,
    FINANCEBENCH,
    DOCUGAMI,
    MMLONGBENCH,
    MULTIHOP,
    LONG_DOCS,
    LONG_CHOICES,
)
TASKS: dict[str, BenchmarkTask] = {task.name: task for task in _ALL}


def task_named(name: str) -> BenchmarkTask:
    """The task of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in TASKS:
        raise UsageError(f"no task {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name]


def task_of(record: RunRecord) -> BenchmarkTask:
    """The task that a run was asked."""
    return task_with(record.task, record.options)


def task_with(name: str, options: Mapping[str, str]) -> BenchmarkTask:
    """The task of that name, over the user's own files where `options` names them."""
    return any_jsonl_task(options) if options else task_named(name)
