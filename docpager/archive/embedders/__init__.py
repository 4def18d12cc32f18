"""Texts as vectors: built in, on this machine, or behind an address."""
