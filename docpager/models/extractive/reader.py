"""ExtractiveModel: the rule-based reader. It stands alone, as the face of the rules beside it."""

from __future__ import annotations

from collections.abc import Mapping

from docpager.models.extractive.actions import Action, Answering, QuotedLine
from docpager.models.extractive.key_following import follow_keys
from docpager.models.extractive.lookup import answer, look_up, search_first
from docpager.models.extractive.named_places import read_places
from docpager.models.extractive.parsing import parse_request
from docpager.models.extractive.question import read_question
from docpager.models.extractive.replies import reply_for
from docpager.models.extractive.view import View
from docpager.models.extractive.words import flat
from docpager.models.messages import ChatModel, ModelReply, ModelRequest

__all__ = ["ExtractiveModel"]


class ExtractiveModel(ChatModel):
    """Searches, pages in, notes, follows records, and answers in the documents' words.

    No language model: it drives tests, offline, and knows only the request it is given.
    """

    name = "extractive"

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Reply to `request`; it costs nothing and raises nothing."""
        view = parse_request(request)
        return reply_for(view, _next_action(view))


def _next_action(view: View) -> Action:
    """What to do: the kind of question decides, and whether it is time to end."""
    if rejected := _rejected(view):
        return rejected
    question = read_question(view.question)
    found = read_places(view, question) or follow_keys(view, question)
    if not view.calls_allowed:
        return found if isinstance(found, Answering) else answer(view, question)
    if found:
        return found
    go_on = look_up if view.log else search_first
    return go_on(view, question)


def _rejected(view: View) -> Answering | None:
    """The answer that was sent back, without the quotes that were not found."""
    for event in view.newest:
        if event.name == "answer" and event.is_error:
            written = event.arguments.get("citations") or ()
            cited = [(str(c.get("locator", "")), str(c.get("quote", ""))) for c in written
                     if isinstance(c, Mapping)]  # fmt: skip
            complaint = flat(event.result)
            kept = tuple(QuotedLine(at, quote) for at, quote in cited if quote and
                         at not in complaint and flat(quote)[:30] not in complaint)  # fmt: skip
            text = str(event.arguments.get("text", "")) or "Not found."
            return Answering(text, kept, found=bool(kept) and event.arguments.get("found", True))
    return None
