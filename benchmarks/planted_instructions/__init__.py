"""Whether instructions that stand in documents get through to answers."""
