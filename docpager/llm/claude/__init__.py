"""Claude, and whatever else speaks Anthropic's Messages API: the door to the anthropic package."""

from docpager.llm.claude.backends import ANTHROPIC, BACKENDS, COMPATIBLE, Backend
from docpager.llm.claude.model import ClaudeModel

__all__ = ["ANTHROPIC", "BACKENDS", "COMPATIBLE", "Backend", "ClaudeModel"]
