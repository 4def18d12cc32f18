"""Every task by name."""

from __future__ import annotations

from benchmarks.tasks.nested_kv import NESTED_KV
from benchmarks.tasks.scattered_facts import SCATTERED_FACTS
from benchmarks.tasks.task import Task
from docpager.errors import UsageError

__all__ = ["TASKS", "task_named"]

TASKS: dict[str, Task] = {task.name: task for task in (NESTED_KV, SCATTERED_FACTS)}


def task_named(name: str) -> Task:
    """The task of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in TASKS:
        raise UsageError(f"no task {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name]
