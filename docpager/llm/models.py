"""Models by name."""

from __future__ import annotations

from docpager.errors import UsageError
from docpager.llm.chat import ChatModel

__all__ = ["MODEL_NAMES", "model_named"]

MODEL_NAMES = ("extractive",)


def model_named(name: str) -> ChatModel:
    """The model of that name.

    Raises:
        UsageError: this version has no such model.
    """
    if name == "extractive":
        from docpager.llm.extractive import ExtractiveModel

        return ExtractiveModel()
    raise UsageError(
        f"no model {name!r}; this version has {', '.join(MODEL_NAMES)} (the built-in reader, not a "
        "language model); in Python, `docpager.ask(model=...)` takes any ChatModel"
    )
