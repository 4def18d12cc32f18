"""Virtual memory: which passages the model sees. Pure, no I/O."""
