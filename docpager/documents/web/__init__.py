"""Web pages and books made of them: what a person sees of them, as text."""
