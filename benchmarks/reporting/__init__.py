"""Results for people: tables, plots, one self-contained page."""
