"""`docpager doctor`."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docpager.cli.config import check_project_values
from docpager.cli.flags import with_flags
from docpager.cli.options import LOCATION, as_json_option, engine_option, examples
from docpager.cli.terminal import note, print_json, say
from docpager.core.locations import Location

if TYPE_CHECKING:
    from docpager.doctor import Finding
    from docpager.models.registry import ModelSource

__all__ = ["doctor"]

_COLOURS = {
    "usable": "green",
    "missing": "red",
    "failed": "red",
    "not asked": "yellow",
    "not ready": "yellow",
}


@click.command(
    epilog=examples(
        "docpager doctor",
        "docpager doctor --base-url http://localhost:11434 --model qwen3",
        "docpager doctor --storage s3://reports/archive",
    )
)
@click.option(
    "--model",
    envvar="DOCPAGER_MODEL",
    metavar="NAME",
    help="The model to check. Default: the one that `docpager ask` would use.",
)
@click.option("--base-url", metavar="URL", help="The address of a server of your own.")
@click.option(
    "--api",
    type=click.Choice(["anthropic", "openai"]),
    help="What it speaks: the Messages API, or OpenAI's Chat Completions.",
)
@click.option(
    "--api-key-env", metavar="NAME", help="The environment variable with the key for that server."
)
@click.option(
    "--backend", metavar="NAME", help="What that server supports: anthropic or compatible."
)
@click.option(
    "--storage",
    type=LOCATION,
    metavar="s3://BUCKET/PREFIX",
    help="Try object storage there: credentials, conditional puts, how long replies take.",
)
@engine_option
@click.option(
    "--live", is_flag=True, help="Send the model one small request, and print what it can cost."
)
@click.option(
    "--fetch-tokenizer",
    is_flag=True,
    help="Download tiktoken's o200k file, for better estimates of sizes.",
)
@as_json_option
def doctor(
    model: str | None,
    base_url: str | None,
    api: str | None,
    api_key_env: str | None,
    backend: str | None,
    storage: Location | None,
    engine: str | None,
    live: bool,
    fetch_tokenizer: bool,
    as_json: bool,
) -> None:
    """Show what can be used now, and what is missing.

    Checks models, servers, embedders, tokenizers, exporters of traces, object storage, engines,
    and tesseract, which reads scanned pages. Asks only this machine, the servers at --base-url and
    --storage, and --engine; only --live costs money.
    """
    from docpager.doctor import (
        check_embedders,
        check_engine,
        check_exporters,
        check_models,
        check_recognition,
        check_servers,
        check_storage,
        check_tokenizers,
    )
    from docpager.models.registry import DEFAULT_MODEL, ModelSource

    check_project_values("base_url")
    if isinstance(storage, Path):
        raise click.BadParameter("give s3://BUCKET/PREFIX", param_hint="--storage")
    failed = fetch_tokenizer and not _fetch_tokenizer()
    name = model or DEFAULT_MODEL
    source = ModelSource(base_url or "", backend or "", "", api or "", api_key_env or "")
    findings = [
        *check_models(name, source=source),
        *check_servers(source, model=model or ""),
        *check_embedders(),
        *check_tokenizers(),
        *check_recognition(),
        *check_exporters(),
        *check_storage(storage),
        *check_engine(engine),
    ]
    failed = failed or any(
        each.part in ("storage", "engine") and each.state == "failed" for each in findings
    )
    if live:
        findings.append(_try(name, source))
        failed = failed or findings[-1].state == "failed"
    _print(findings, as_json=as_json)
    if failed:
        sys.exit(1)


def _print(findings: list[Finding], *, as_json: bool) -> None:
    if as_json:
        for finding in findings:
            print_json(asdict(finding))
        return
    part = ""
    for finding in findings:
        if finding.part != part:
            part = finding.part
            say(part if part == "storage" else f"{part}s", bold=True)
        say(f"  {finding.name:<30}", nl=False)
        say(f"{finding.state:<11}", nl=False, fg=_COLOURS[finding.state])
        say(with_flags(finding.detail))


def _try(name: str, source: ModelSource) -> Finding:
    """Ask one tiny question; the only thing here that costs money."""
    from docpager.core.errors import ModelError
    from docpager.doctor import MOST_OUTPUT_TOKENS, Finding, ask_something, worst_case_usd
    from docpager.models.registry import model_from

    model = model_from(name, source).model
    worst = worst_case_usd(name)
    price = "at a price that is not known" if worst is None else f"at most {worst:.4f} USD"
    note(f"asking {name} for at most {MOST_OUTPUT_TOKENS} tokens, {price}")

    async def once() -> str:
        try:
            return await ask_something(model)
        finally:
            await model.close()

    try:
        return Finding("live request", name, "usable", asyncio.run(once()))
    except ModelError as error:
        return Finding("live request", name, "failed", str(error))


def _fetch_tokenizer() -> bool:
    """Whether the file is there now."""
    from docpager.core.tokens import TiktokenCounter, rank_file

    path = rank_file()
    if path is None:
        raise click.UsageError("TIKTOKEN_CACHE_DIR is empty, so there is no place for the file")
    note(f"downloading tiktoken's o200k_base to {path}")
    try:
        TiktokenCounter("o200k_base")
    except (OSError, ValueError) as error:
        note(f"not downloaded: {' '.join(str(error).split())[:200]}")
        return False
    return True
