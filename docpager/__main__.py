"""`python -m docpager`."""

from docpager.cli import main

if __name__ == "__main__":
    main(prog_name="docpager")
