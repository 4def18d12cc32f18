"""What stands in main context besides notes and pages: titles, fences, warnings; and its size."""

from __future__ import annotations

from docpager.paging.epoch import BLOCK_TOKENS, PromptSizer
from docpager.paging.rendering import fence

__all__ = ["LAST_REPLY", "fence_tokens", "frame_tokens", "smallest_step_tokens", "warning"]

LAST_REPLY = "[timer] This is the last reply: answer now in plain text from what you have."

_FRAME = (
    "# Documents\n\n# Question\n\n# Notes\n\n# Reading log\n\n# Pages in main context\n"
    "<<<0a1b2c3d\n\n0a1b2c3d>>>\n# Newest step\n\n"
)


def frame_tokens(sizer: PromptSizer) -> int:
    """Titles and fences of a head that has every part, framed as its two blocks."""
    return sizer.text(_FRAME) + BLOCK_TOKENS


def fence_tokens(sizer: PromptSizer) -> int:
    """The fence around one result in a head."""
    return sizer.count(fence("", "0a1b2c3d") + "\n\n")


def smallest_step_tokens(sizer: PromptSizer) -> int:
    """What a rebuild takes beside map, question, log, notes, pins and one paged-in passage."""
    call = sizer.count('page_in {"locator":"D1000:c1000-1001"}') + fence_tokens(sizer)
    return frame_tokens(sizer) + call + sizer.text(LAST_REPLY)


def warning(pressure: float) -> str:
    """The line that tells the model of memory pressure."""
    return (
        f"[memory] Main context is {pressure:.0%} full. Write notes of what you need and page_out "
        "what you do not: at the next rebuild all but notes, pins, the log and the newest pages "
        "leaves."
    )
