"""Bills the recorded reference strings under each way of keeping a conversation.

python -m benchmarks.cost.measure            the tables of README.md
python -m benchmarks.cost.measure --sweep    other marks than the defaults, ours alone
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.cost.baselines import AppendOnly, EvictEveryStep
from benchmarks.cost.epochs import Epochs
from benchmarks.cost.server import READ_PRICES, Bill, cost
from benchmarks.cost.strings import read_string
from docpager.core.settings import PagingSettings

RECORDED = Path(__file__).parent / "recorded"
STRINGS = ("pass", "hoard", "searches", "near", "far", "small-loop", "large-loop")
LENGTHS = (10, 40, 160)
WINDOWS = (60_000, 32_000)
MAX_OUTPUT = 8_192
"""What runs with models that think reserve."""

SWEEP = {
    "warn_at": (0.5, 0.6, 0.8, 0.85),
    "rebuild_at": (0.8, 0.95),
    "rebuild_to": (0.1, 0.3, 0.4),
}
"""Other values than the defaults, one at a time."""

Row = Sequence[object]


@dataclass(frozen=True, slots=True)
class Bills:
    """One string in one window, kept in each way."""

    string: str
    window: int
    ours: Bill
    append: Bill
    evict: Bill

    @property
    def all(self) -> tuple[Bill, Bill, Bill]:
        return self.ours, self.append, self.evict


def bills_of(string: str, window: int) -> Bills:
    """Play one string in all ways."""
    read = read_string(RECORDED / f"{string}.json")
    paging = PagingSettings(window=window, max_output=MAX_OUTPUT)
    ways = [way(read, paging).play() for way in (Epochs, AppendOnly, EvictEveryStep)]
    return Bills(string, window, *ways)


def swept(string: str, paging: PagingSettings) -> Bill:
    """Play one string in epochs alone."""
    return Epochs(read_string(RECORDED / f"{string}.json"), paging).play()


def markdown(header: Row, rows: Sequence[Row]) -> str:
    """A table."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def cost_table(bills: Bills) -> str:
    """Thousands of input tokens that each way costs, by length and price of a cached read."""
    header = ["way", *(f"{n} at {r}" for n in LENGTHS for r in READ_PRICES)]
    rows: list[Row] = [
        [
            bill.name,
            *(f"{cost(bill.up_to(n), r) / 1000:,.0f}" for n in LENGTHS for r in READ_PRICES),
        ]
        for bill in bills.all
    ]
    for bill in (bills.append, bills.evict):
        plain = [f"{cost(bill.up_to(n), None) / 1000:,.0f}" for n in LENGTHS for _ in READ_PRICES]
        rows.append([f"no caching, {bill.name}", *plain])
    return markdown(header, rows)


def ratio_table(all_bills: Sequence[Bills]) -> str:
    """Ours over the others; `even` is from which step on ours is never dearer again."""
    others = [f"/{name} {n}" for n in LENGTHS for name in ("evict", "append")]
    header = ["string, price of a read", *others, "even with append", "refaults", "extra steps"]
    rows = [_ratios(bills, price) for bills in all_bills for price in READ_PRICES]
    return markdown(header, rows)


def _ratios(bills: Bills, price: float) -> Row:
    ours = bills.ours
    ratios = [
        f"{cost(ours.up_to(n), price) / cost(other.up_to(n), price):.2f}"
        for n in LENGTHS
        for other in (bills.evict, bills.append)
    ]
    even = break_even(bills, price)
    extra = [f"{ours.refaults}", f"{ours.extra_steps}"]
    return [f"{bills.string}, {price}", *ratios, even or "never", *extra]


def break_even(bills: Bills, price: float) -> int | None:
    """The first step from which on ours is never dearer than append-only."""
    pairs = list(zip(bills.ours.running(price), bills.append.running(price), strict=True))
    dearer = [n for n, (ours, append) in enumerate(pairs, 1) if ours > append]
    last = dearer[-1] if dearer else 0
    return last + 1 if last < len(pairs) else None


def goals(all_bills: Sequence[Bills]) -> Iterator[str]:
    """What was to be shown at the larger window, and for which strings it was missed."""
    wanted = [("evict every step", n, r, 0.25) for n in (40, 160) for r in READ_PRICES]
    wanted += [("append-only", 40, 0.10, 0.75), ("append-only", 160, 0.10, 0.30)]
    for name, steps, price, most in wanted:
        missed = []
        for bills in all_bills:
            other = bills.evict if name == bills.evict.name else bills.append
            ratio = cost(bills.ours.up_to(steps), price) / cost(other.up_to(steps), price)
            if ratio > most:
                missed.append(f"{bills.string} ({ratio:.2f})")
        met = f"missed by {', '.join(missed)}" if missed else "met by all"
        yield f"- {steps} steps at {price}: at most {most} of {name}: {met}"


def print_tables(pool: ProcessPoolExecutor) -> None:
    """All tables, the larger window first."""
    jobs = [(string, window) for window in WINDOWS for string in STRINGS]
    done = list(pool.map(bills_of, *zip(*jobs, strict=True)))
    for window in WINDOWS:
        here = [bills for bills in done if bills.window == window]
        print(f"## Window {window:,}\n\n{ratio_table(here)}\n")
        if window == WINDOWS[0]:
            print("Goals at this window:\n\n" + "\n".join(goals(here)) + "\n")
        print(f"Costs of `{here[0].string}` in thousands:\n\n{cost_table(here[0])}\n")
        unserved = sum(bill.unserved for bills in here for bill in bills.all)
        print(f"Steps whose pages could not be served: {unserved}.\n")


def settings_swept(window: int) -> dict[str, PagingSettings]:
    """The defaults, and each other value alone where it can stand beside them."""
    base = PagingSettings(window=window, max_output=MAX_OUTPUT)
    found = {"defaults": base}
    for name, values in SWEEP.items():
        for value in values:
            if name == "warn_at" and value > base.rebuild_at:
                continue
            found[f"{name} {value}"] = replace(base, **{name: value})
    return found


def print_sweep(pool: ProcessPoolExecutor, window: int) -> None:
    """Ours under each setting, as a share of ours under the defaults, at 160 steps."""
    settings = settings_swept(window)
    jobs = [(string, paging) for paging in settings.values() for string in STRINGS]
    bills = dict(zip(jobs, pool.map(swept, *zip(*jobs, strict=True)), strict=True))
    for price in (READ_PRICES[0], READ_PRICES[-1]):
        rows = []
        for label, paging in settings.items():
            shares = [
                cost(bills[s, paging].up_to(160), price)
                / cost(bills[s, settings["defaults"]].up_to(160), price)
                for s in STRINGS
            ]
            mean = sum(shares) / len(shares)
            rows.append([label, *(f"{share:.2f}" for share in shares), f"{mean:.3f}"])
        print(f"Window {window:,}, a read at {price}:\n")
        print(markdown(["setting", *STRINGS, "mean"], rows) + "\n")


def main() -> None:
    """Print the tables, or the sweep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--window", type=int, default=WINDOWS[0], help="of the sweep")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes) as pool:
        if options.sweep:
            print_sweep(pool, options.window)
        else:
            print_tables(pool)


if __name__ == "__main__":
    main()
