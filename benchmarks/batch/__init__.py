"""Batches: how fast, how large, how dear, and how they bear faults."""
