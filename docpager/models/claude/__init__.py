"""Claude, and whatever else speaks Anthropic's Messages API: the door to the anthropic package."""

from docpager.models.claude.backends import ANTHROPIC, BACKENDS, COMPATIBLE, Backend
from docpager.models.claude.model import ClaudeModel

__all__ = ["ANTHROPIC", "BACKENDS", "COMPATIBLE", "Backend", "ClaudeModel"]
