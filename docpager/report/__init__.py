"""Runs and batches as pages that a person looks at: files that need no server and no network."""
