"""python -m benchmarks.fake_api: the fake in a process of its own."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading

from benchmarks.fake_api.backend import BACKENDS
from benchmarks.fake_api.batches import BatchSettings
from benchmarks.fake_api.brain import Brain, ScriptedBrain
from benchmarks.fake_api.clock import FakeClock, RealClock
from benchmarks.fake_api.counting import NO_OVERHEADS, Overheads, RequestCounter
from benchmarks.fake_api.fake import FakeApi
from benchmarks.fake_api.faults import FAULT_KINDS, FaultPlan
from benchmarks.fake_api.limits import RateLimits
from benchmarks.fake_api.schema import warm_up

BRAINS = ("scripted", "extractive", "adversarial")


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted; the first line on stdout is the base URL."""
    asked = _parser().parse_args(arguments)
    limits = RateLimits(requests=asked.requests_per_minute) if asked.requests_per_minute else None
    kinds = tuple(asked.fault or FAULT_KINDS)
    api = FakeApi(
        _brain(asked.brain),
        clock=FakeClock() if asked.frozen else RealClock(),
        counter=RequestCounter(
            factor=asked.factor, overheads=Overheads() if asked.overheads else NO_OVERHEADS
        ),
        faults=FaultPlan(share=asked.faults, kinds=kinds, seed=asked.seed),
        limits=limits,
        batches=BatchSettings(seconds=asked.batch_seconds),
        backend=BACKENDS[asked.backend],
        latency_seconds=asked.latency,
        keep_bodies=False,
        port=asked.port,
    )
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    warm_up()
    with api:
        print(api.url, flush=True)
        done.wait()
    usage = api.bill.usage
    print(
        json.dumps(
            {
                "requests": len(api.requests),
                "billed": len(api.bill),
                "prompt_tokens": usage.prompt_tokens,
                "output_tokens": usage.output_tokens,
                "usd": api.bill.usd,
            }
        ),
        file=sys.stderr,
    )


def _brain(name: str) -> Brain:
    from benchmarks.fake_api.adversarial_brain import AdversarialBrain
    from benchmarks.fake_api.extractive_brain import ExtractiveBrain

    if name == "scripted":
        return ScriptedBrain("Fine.", again=True)
    reader = ExtractiveBrain()
    return reader if name == "extractive" else AdversarialBrain(otherwise=reader, share=0.5)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.fake_api", description=__doc__)
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 takes a free one")
    add("--brain", choices=BRAINS, default="scripted")
    add("--backend", choices=sorted(BACKENDS), default="anthropic")
    add("--latency", type=float, default=0.0, help="seconds to the first byte")
    add("--factor", type=float, default=1.0, help="times the fake's own token count")
    add("--no-overheads", dest="overheads", action="store_false", help="count texts only")
    add("--faults", type=float, default=0.0, help="share of requests that something happens to")
    add("--fault", action="append", choices=FAULT_KINDS, default=None, help="which; default any")
    add("--seed", type=int, default=0)
    add("--requests-per-minute", type=int, default=0, help="0 for no limit")
    add("--batch-seconds", type=float, default=60.0)
    add("--frozen", action="store_true", help="a clock that stands still")
    return parser


if __name__ == "__main__":
    main()
