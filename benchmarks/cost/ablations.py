"""What each part of paging is worth on the recorded strings: the bill and the refaults without it.

python -m benchmarks.cost.ablations [--window 32000]

The built-in reader notes what it reads and releases it at once, so that few parts are left
anything to do; these strings return to what they have read, as readers do who cannot note all.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from benchmarks.cost.epochs import Epochs
from benchmarks.cost.measure import MAX_OUTPUT, RECORDED, STRINGS, WINDOWS, markdown
from benchmarks.cost.server import READ_PRICES, Bill, cost
from benchmarks.cost.strings import ReferenceString, read_string
from docpager.core.settings import PagingSettings
from docpager.paging.policies import POLICIES, MostRecentlyReferenced

DEFAULT = MostRecentlyReferenced.name
STEPS = 160


@dataclass(frozen=True, slots=True)
class Variant:
    """Paging with one part changed or taken away."""

    policy: str = DEFAULT
    reading_log: bool = True
    releases: bool = True

    def bill(self, string: str, window: int) -> Bill:
        """Play one string."""
        read = read_string(RECORDED / f"{string}.json")
        played = read if self.releases else without_releases(read)
        paging = PagingSettings(window, MAX_OUTPUT, reading_log=self.reading_log)
        return Epochs(played, paging, policy=self.policy).play()


VARIANTS: Mapping[str, Variant] = {
    "as it is": Variant(),
    **{f"policy={name}": Variant(policy=name) for name in POLICIES if name != DEFAULT},
    "without page_out": Variant(releases=False),
    "without the reading log": Variant(reading_log=False),
}


def without_releases(string: ReferenceString) -> ReferenceString:
    """The same string, read by somebody who never releases anything."""
    return replace(string, steps=tuple(replace(step, released=()) for step in string.steps))


def _bill(variant: Variant, string: str, window: int) -> Bill:
    return variant.bill(string, window)


def print_ablations(pool: ProcessPoolExecutor, window: int) -> None:
    """Two tables: the bill as a share of what it is with all parts, and the refaults."""
    jobs = [(variant, string, window) for variant in VARIANTS.values() for string in STRINGS]
    done = pool.map(_bill, *zip(*jobs, strict=True))
    bills = {(variant, string): bill for (variant, string, _), bill in zip(jobs, done, strict=True)}

    def table(cell: Callable[[Bill, Bill], str]) -> str:
        whole = VARIANTS["as it is"]
        rows = [
            [name, *(cell(bills[variant, s], bills[whole, s]) for s in STRINGS)]
            for name, variant in VARIANTS.items()
        ]
        return markdown(["", *STRINGS], rows)

    price = READ_PRICES[0]
    print(f"Window {window:,}, {STEPS} steps, a read at {price}; bill as a share of `as it is`:\n")
    print(table(lambda bill, whole: f"{_usd(bill, price) / _usd(whole, price):.2f}") + "\n")
    print("Refaults:\n")
    print(table(lambda bill, _: f"{bill.refaults}") + "\n")


def _usd(bill: Bill, price: float) -> float:
    return cost(bill.up_to(STEPS), price)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--window", type=int, nargs="*", default=WINDOWS)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes) as pool:
        for window in options.window:
            print_ablations(pool, window)


if __name__ == "__main__":
    main()
