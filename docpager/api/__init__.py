"""The library: what `import docpager` offers."""
