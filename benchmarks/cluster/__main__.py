"""What docpager does on a Ray cluster: two nodes on this machine, with workers that are killed.

python -m benchmarks.cluster ingest DATA... --work FOLDER
python -m benchmarks.cluster cost DATA... --work FOLDER --times 4
python -m benchmarks.cluster batch --work FOLDER --questions 1000 --kills 20 --ledger-kills 3
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.cluster.asking import batch
from benchmarks.cluster.ingesting import cost, equal


def main() -> None:
    """Do what is asked for; exit code 1 where it is not as it must be."""
    asked = _parser().parse_args()
    sys.exit(1 if asked.measure(asked) else 0)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = made.add_subparsers(required=True)
    ingest = _about_files(parts.add_parser("ingest", help="the archive that one machine makes?"))
    ingest.add_argument("--questions", type=Path, nargs="*", default=[], help="more of them")
    ingest.add_argument("--kills", type=int, default=20, help="of workers")
    ingest.add_argument("--driver-kills", type=int, default=5)
    ingest.add_argument(
        "--node-kills", type=int, default=0, help="of the node that is not the head"
    )
    ingest.set_defaults(measure=equal)
    costs = _about_files(parts.add_parser("cost", help="core-seconds beside one machine's"))
    costs.add_argument("--times", type=int, default=4, help="how often each file, as another one")
    costs.add_argument("--turns", type=int, default=3)
    costs.add_argument("--storage", action="store_true", help="from and to object storage")
    costs.add_argument("--warm", action="store_true", help="not the first work of the cluster")
    costs.add_argument("--most", type=float, default=1.3, help="the ratio that is borne")
    costs.set_defaults(measure=cost)
    asks = _about_all(parts.add_parser("batch", help="questions, beside what is possible"))
    asks.add_argument("--questions", type=int, default=1000)
    asks.add_argument("--latency", type=float, default=1.0, help="seconds until a reply")
    asks.add_argument("--concurrency", type=int, help="questions under way at once")
    asks.add_argument("--kills", type=int, default=0, help="of workers, in a second batch")
    asks.add_argument("--ledger-kills", type=int, default=0)
    asks.add_argument("--storage", action="store_true", help="archive and journals there")
    asks.add_argument("--least", type=float, default=0.9, help="share of the possible to reach")
    asks.set_defaults(measure=batch)
    return made


def _about_files(part: argparse.ArgumentParser) -> argparse.ArgumentParser:
    part.add_argument("data", type=Path, nargs="+", help="folders with pdfs/ and questions.jsonl")
    return _about_all(part)


def _about_all(part: argparse.ArgumentParser) -> argparse.ArgumentParser:
    part.add_argument("--work", type=Path, required=True, help="is emptied; for archives")
    part.add_argument("--workers", type=int, default=4, help="half of them on each node")
    part.add_argument("--server", default="moto_server", help="or the address of another")
    part.add_argument("--seed", type=int, default=1)
    return part


if __name__ == "__main__":
    main()
