"""python -m benchmarks.text_fidelity FOLDER..."""

import signal

from benchmarks.text_fidelity.command import main

# Ctrl-C ends everything at once: the cache is safe, and a reader that is told to stop as well must
# not be written down as one that failed.
signal.signal(signal.SIGINT, signal.SIG_DFL)
main()
