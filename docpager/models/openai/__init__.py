"""Servers that speak OpenAI's Chat Completions: the door to the openai package (an extra)."""

from docpager.models.openai.model import OpenAIModel

__all__ = ["OpenAIModel"]
