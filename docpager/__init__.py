"""docpager answers questions over documents far larger than a context window."""
