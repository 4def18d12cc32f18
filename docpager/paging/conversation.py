"""The conversation at hand: core memory, which the model edits, and what else of a chat stands in
every prompt beside the newest message.

Core memory is MemGPT's working context (arXiv:2310.08560, section 2.1): a few named blocks within a
share of the window. Edits of one run take effect in the next one, so that no byte already sent
changes; until then the results of the calls say them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from docpager.core.errors import FunctionError
from docpager.core.passages import HALF_CHARACTER, PassageId, source_name

__all__ = ["Conversation", "CoreBlock", "CoreLine", "CoreMemory", "MemoryEdit", "render_core"]


@dataclass(frozen=True, slots=True)
class CoreLine:
    """One thing in core memory."""

    text: str
    sources: tuple[str, ...] = ()
    """Locators of the turns and documents it came from."""
    when: str = ""
    """Day (ISO 8601, UTC) on which it was written."""


@dataclass(frozen=True, slots=True)
class CoreBlock:
    """A named part of core memory."""

    name: str
    lines: tuple[CoreLine, ...] = ()


@dataclass(frozen=True, slots=True)
class MemoryEdit:
    """What a run wants remembered: applied when its turn ends."""

    function: str
    """`core_append`, `core_replace` or `archive_memory`."""
    text: str
    sources: tuple[str, ...]
    """As the model named them, and every document whose text it had met by then."""
    block: str = ""
    old: str = ""
    """What `core_replace` replaces."""
    replaces: tuple[str, ...] = ()
    """Memories that an archived one takes the place of, as in M3."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a chat gives its run: fixed before the first request, the same after each rebuild."""

    text: str
    """As it stands in the prompt. No line of what was said begins a line of it, so nothing said can
    pass for a title, a fence or another turn."""
    shown: tuple[PassageId, ...] = ()
    """Passages of turns and memories that stand in it whole: they may be quoted."""
    documents: tuple[int, ...] = ()
    """Documents (and no turns) that something in it came from."""
    core: tuple[CoreBlock, ...] = ()
    core_cap: int = 0
    """Tokens that core memory may take."""
    message: str = ""
    """The newest message, as in T12: what the model remembers without naming a source came from
    it."""
    is_tidying: bool = False
    """Whether the run tidies memory: its last word is no answer to anybody."""


def render_core(blocks: Sequence[CoreBlock]) -> list[str]:
    """Core memory line by line: each thing with its sources behind it."""
    lines = []
    for block in blocks:
        lines.append(f"{block.name}:" + ("" if block.lines else " (empty)"))
        lines += [f"  - {_written(line)}" for line in block.lines]
    return lines


def _written(line: CoreLine) -> str:
    return f"{line.text} [{', '.join(line.sources)}]" if line.sources else line.text


class CoreMemory:
    """Blocks of core memory that together take at most `cap` tokens.

    Changing calls return a new memory. What the model can correct is a `FunctionError`.
    """

    def __init__(
        self, blocks: Sequence[CoreBlock], *, cap: int, count: Callable[[str], int]
    ) -> None:
        self.blocks = tuple(blocks)
        self._cap = cap
        self._count = count

    @property
    def tokens(self) -> int:
        """What the blocks take in a prompt."""
        return sum(self._count(f"{line}\n") for line in render_core(self.blocks))

    def apply(self, edit: MemoryEdit, *, when: str = "") -> CoreMemory:
        """The memory after an edit of it, made on the day `when`.

        Raises:
            FunctionError: no such block, no such text, nothing to write, or no room.
        """
        if edit.function == "core_append":
            return self._appended(edit, when)
        return self._replaced(edit, when)

    def _appended(self, edit: MemoryEdit, when: str) -> CoreMemory:
        text = _one_line(edit.text)
        if not text:
            raise FunctionError("core_append needs a text")
        block = self._block(edit.block)
        if any(line.text == text for line in block.lines):
            raise FunctionError(f"that stands in block {block.name!r} already")
        return self._with(replace(block, lines=(*block.lines, CoreLine(text, edit.sources, when))))

    def _replaced(self, edit: MemoryEdit, when: str) -> CoreMemory:
        block, old, new = self._block(edit.block), _one_line(edit.old), _one_line(edit.text)
        holding = [n for n, line in enumerate(block.lines) if old and old in line.text]
        if len(holding) != 1 or block.lines[holding[0]].text.count(old) != 1:
            how_often = "does not stand" if not holding else "stands more than once"
            raise FunctionError(
                f"core_replace: {old[:60]!r} {how_often} in block {block.name!r}; copy it from "
                "there, long enough to be the only one"
            )
        (at,) = holding
        line = block.lines[at]
        text = " ".join(line.text.replace(old, new).split())
        sources = tuple(dict.fromkeys((*line.sources, *edit.sources)))
        if text == new:  # all of it is new, and so comes from nothing that the old one came from
            sources = edit.sources
        changed = (CoreLine(text, sources, when),) if text else ()
        return self._with(
            replace(block, lines=(*block.lines[:at], *changed, *block.lines[at + 1 :]))
        )

    def _block(self, name: str) -> CoreBlock:
        for block in self.blocks:
            if block.name == name:
                return block
        known = ", ".join(block.name for block in self.blocks)
        raise FunctionError(f"core memory has no block {name!r}; it has {known}")

    def _with(self, changed: CoreBlock) -> CoreMemory:
        blocks = [changed if block.name == changed.name else block for block in self.blocks]
        memory = CoreMemory(blocks, cap=self._cap, count=self._count)
        # What makes it smaller is always taken: a smaller window may find it too large already.
        if memory.tokens > max(self._cap, self.tokens - 1):
            raise FunctionError(
                f"core memory may take {self._cap} tokens of the window; it takes {self.tokens}, "
                f"and would take {memory.tokens}. Write less, core_replace something by less, or "
                "archive_memory it"
            )
        return memory


def with_documents(sources: Sequence[str], documents: Collection[int]) -> tuple[str, ...]:
    """`sources`, and every one of `documents` that they do not name."""
    named = {source.partition(":")[0] for source in sources}
    met = [name for name in map(source_name, sorted(documents)) if name not in named]
    return tuple(dict.fromkeys((*sources, *met)))


def _one_line(text: str) -> str:
    return " ".join(HALF_CHARACTER.sub("\ufffd", text).split())
