"""ExtractiveModel: the built-in reader. It is no language model and never presented as one."""

from __future__ import annotations

from functools import cached_property

from docpager.models.extractive.answers import reply_for
from docpager.models.extractive.parsing import parse_request
from docpager.models.extractive.plan import next_move
from docpager.models.extractive.reading import Reading
from docpager.models.extractive.words import Glossary, read_glossary
from docpager.models.messages import ChatModel, ModelReply, ModelRequest

__all__ = ["ExtractiveModel"]


class ExtractiveModel(ChatModel):
    """Reads like a careful clerk: searches, pages in, notes, and answers in the documents' words.

    Deterministic and offline. Everything it knows stands in the request it is given.
    """

    name = "extractive"

    def __init__(self, *, glossary: bool = True) -> None:
        self._with_glossary = glossary

    @cached_property
    def _glossary(self) -> Glossary:
        return read_glossary() if self._with_glossary else Glossary()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Reply to `request`; it costs nothing and raises nothing."""
        view = parse_request(request)
        return reply_for(view, next_move(Reading(view, self._glossary)))
