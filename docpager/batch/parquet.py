"""Answer lines as a Parquet table. The only module of this room that imports pyarrow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.core.errors import UsageError
from docpager.core.places import PLACE_FIELDS

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_parquet", "write_columns", "write_parquet"]

_LARGEST_BLOCK = 1 << 28
_ROWS_AT_ONCE = 10_000
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half of a surrogate pair as JSON writes it; also where the other half follows."""


def write_parquet(lines: Path, path: Path) -> None:
    """Make a table of a file of answer lines, in place of what was at `path` before.

    Columns of an answer line have their types even where all of them are empty; any other field
    gets the type that its values have.
    """
    import pyarrow as pa
    from pyarrow import json as arrow_json
    from pyarrow import parquet

    content = b"\n".join(map(_whole_characters, lines.read_bytes().split(b"\n")))
    table = arrow_json.read_json(
        pa.BufferReader(content),
        # No answer line may cross the border of two blocks.
        read_options=arrow_json.ReadOptions(block_size=min(len(content) + 1, _LARGEST_BLOCK)),
        parse_options=arrow_json.ParseOptions(explicit_schema=_schema()),
    )
    temporary = path.with_name(path.name + ".new")
    parquet.write_table(table, temporary)
    temporary.replace(path)


def write_columns(path: Path, kinds: Mapping[str, type], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as a table whose columns are `str`, `int` or `float`, or empty."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema({name: types[kind] for name, kind in kinds.items()})
    rest = iter(rows)
    with parquet.ParquetWriter(path, schema) as writer:
        while some := list(islice(rest, _ROWS_AT_ONCE)):
            arrays = [
                pa.array([_sound(cell, kind) for cell in cells], types[kind])
                for kind, cells in zip(kinds.values(), zip(*some, strict=True), strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=schema))


def _sound(cell: Any, kind: type) -> Any:
    if isinstance(cell, str):
        return _spelled_out(cell)
    return None if cell is None else kind(cell)


def _spelled_out(text: str) -> str:
    # A model may write half of a character, which UTF-8 does not have.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _whole_characters(line: bytes) -> bytes:
    """A line of JSON with such halves spelled out, which Arrow refuses."""
    return json.dumps(_each_text(json.loads(line))).encode() if _HALF.search(line) else line


def _each_text(value: Any) -> Any:
    if isinstance(value, str):
        return _spelled_out(value)
    if isinstance(value, list):
        return [_each_text(part) for part in value]
    if isinstance(value, dict):
        return {_spelled_out(name): _each_text(part) for name, part in value.items()}
    return value


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a table as JSON objects.

    Raises:
        UsageError: it is no Parquet file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"cannot read {str(path)!r} as Parquet: {error}") from error
    for batch in table.to_batches():
        yield from batch.to_pylist()


def _schema() -> pa.Schema:
    """The columns of an answer line that hold text, or nothing at times.

    Text is named so that an answer such as `2019-05-01` stays the text that was answered.
    """
    import pyarrow as pa

    text, number = pa.string(), pa.int64()
    numbers = ("page", "row", "slide", "turn", "start", "end")
    place = pa.struct(
        {name: number if name in numbers else text for name in ("kind", *PLACE_FIELDS)}
    )
    citation = pa.struct(
        {
            "place": place,
            "quote": text,
            "match": text,
            "passages": pa.list_(text),
            "seen": pa.bool_(),
            "doubt": pa.string(),
        }
    )
    note = pa.struct({"text": text, "sources": pa.list_(text)})
    return pa.schema(
        {
            "id": text,
            "question": text,
            "answer": text,
            "status": text,
            "citations": pa.list_(citation),
            "names_missing": pa.list_(text),
            "cost_usd": pa.float64(),
            "model": text,
            "seconds": pa.float64(),
            "journal": text,
            "error": text,
            "limit": text,
            "notes": pa.list_(note),
            "saved_usd": pa.float64(),
        }
    )
