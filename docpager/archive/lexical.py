"""BM25 by tantivy, one index per generation. The only module that imports tantivy."""

from __future__ import annotations

import json
import os
import shutil
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, NamedTuple

from docpager.core.passages import PassageId
from docpager.storage.atomic_files import (
    CHECKSUMS,
    Checksum,
    announce,
    checksums_of,
    damaged_part,
    discard,
    fresh_directory,
    sync_part,
    write_bytes,
)

if TYPE_CHECKING:
    import numpy as np
    import tantivy
    from numpy.typing import NDArray

__all__ = [
    "Best",
    "LexicalIndex",
    "LexicalWriter",
    "join_indexes",
    "key_of",
    "open_joined",
    "passage_of",
]

_COPIED = ("meta.json", ".managed.json")
_HEAP_BYTES = 64_000_000
_ANALYZER = "terms"
_SCORE_DIGITS = 4
"""Equal passages may differ in the last bit, by the order in which their terms were summed."""
_LOOKED_UP = 100
"""So many documents are looked up one by one, which is faster than asking for their set."""
_BEYOND = 16
"""Asked for besides, to see where equal scores end."""


def key_of(passage: PassageId) -> int:
    """A passage as one number that sorts by document id, then ordinal."""
    return passage.document << 32 | passage.ordinal


def passage_of(key: int) -> PassageId:
    return PassageId(key >> 32, key & 0xFFFF_FFFF)


class Best(NamedTuple):
    """Passages that contain a term."""

    keys: NDArray[np.int64]
    """The best of them, best first."""
    total: int
    """How many there are."""


class LexicalWriter:
    """The index of the next generation: the last one's segment files, plus and minus documents."""

    def __init__(self, directory: Path, *, previous: Path | None) -> None:
        import tantivy

        self._directory = fresh_directory(directory)
        self._inherited = _inherit(previous, directory) if previous is not None else {}
        self._index = tantivy.Index(_schema(), path=str(directory), reuse=True)
        _register(self._index)
        self._schema = self._index.schema
        # One thread: the same documents in the same order make the same index.
        self._writer = self._index.writer(heap_size=_HEAP_BYTES, num_threads=1)

    def remove(self, documents: Iterable[int]) -> None:
        """Delete what was indexed of these documents before; added again later, they stay."""
        import tantivy

        for document in documents:
            query = tantivy.Query.term_query(self._schema, "document", document, "basic")
            self._writer.delete_documents_by_query(query)

    def add(self, passage: PassageId, terms: Sequence[str]) -> None:
        import tantivy

        entry = tantivy.Document()
        entry.add_text("body", " ".join(terms))
        entry.add_unsigned("key", key_of(passage))
        entry.add_unsigned("document", passage.document)
        with _disk_errors():
            self._writer.add_document(entry)

    def close(self) -> None:
        """Put the finished index on the disk, with its merges done."""
        announce("write", self._directory)
        with _disk_errors():
            self._writer.commit()
            self._writer.wait_merging_threads()
        del self._writer, self._index
        for lock in self._directory.glob("*.lock"):
            lock.unlink()
        sync_part(self._directory, self._inherited)


class LexicalIndex:
    """A reader of one index; safe in threads."""

    def __init__(self, directory: Path, *, numbered_after: Sequence[int] = ()) -> None:
        """`numbered_after`: by tantivy's segments, what is added to the numbers of documents."""
        import tantivy

        self._after = tuple(numbered_after)
        self._shards = sorted(set(self._after))
        if not (directory / _COPIED[0]).is_file():
            raise FileNotFoundError(directory)
        try:
            with _lockable(directory) as place:
                index = tantivy.Index.open(str(place))
                _register(index)
                index.config_reader("manual")
                self._searcher = index.searcher()
        except (ValueError, OSError) as error:
            raise damaged_part(directory) from error
        self._schema = index.schema

    def best(
        self, terms: Sequence[str], *, count: int, documents: Collection[int] | None = None
    ) -> Best:
        """The first `count` passages by BM25; ties by key, before the cut."""
        query = self._query(terms, documents)
        if query is None or count < 1:
            return Best(self._in_order([]), 0)
        if documents is not None and self._after:
            return self._best_among(query, count, documents)
        wanted = count + _BEYOND
        while True:
            # Many terms leave little to skip, so that counting all costs next to nothing more.
            result: Any = self._searcher.search(query, limit=wanted, count=True)
            found = result.hits
            if len(found) < wanted:
                return Best(self._in_order(found)[:count], int(result.count))
            last, beyond = (round(found[n][0], _SCORE_DIGITS) for n in (count - 1, -1))
            if beyond < last:
                return Best(self._in_order(found)[:count], int(result.count))
            wanted *= 2

    def _best_among(self, query: tantivy.Query, count: int, documents: Collection[int]) -> Best:
        """As `best`, where other shards have documents of the same numbers."""
        import numpy as np

        entries = max(1, int(self._searcher.num_docs))
        found: Any = self._searcher.search(query, limit=entries, count=False)
        keys = self._in_order(found.hits)
        keys = keys[np.isin(keys >> 32, list(documents))]
        return Best(keys[:count], len(keys))

    def every(
        self, terms: Sequence[str], *, documents: Collection[int] | None = None
    ) -> NDArray[np.int64]:
        """Keys of all passages that contain a term, best first."""
        entries = max(1, int(self._searcher.num_docs))
        return self.best(terms, count=entries, documents=documents).keys

    def containing(self, terms: Sequence[str], among: Collection[int]) -> set[int]:
        """Those of the keys `among` whose passage contains a term."""
        from tantivy import Occur, Query

        words = self._query(terms, None)
        if words is None or not among:
            return set()
        # For a few hundred keys, looking each up is five times as fast as asking for their set; in
        # their order, what is near each other in the index is looked up together.
        own = sorted({key - (self._after_in(key >> 32) << 32) for key in among})
        keys = [Query.term_query(self._schema, "key", key, "basic") for key in own]
        chosen = Query.boolean_query([(Occur.Should, key) for key in keys])
        query = Query.boolean_query([(Occur.Must, words), (Occur.Must, chosen)])
        # Put in order by key: no score is needed, and the hits come with their keys.
        found: Any = self._searcher.search(
            query, limit=len(own) * max(1, len(self._after)), count=False, order_by_field="key"
        )
        global_keys = {key + (self._after_of(address) << 32) for key, address in found.hits}
        return global_keys & set(among) if self._after else global_keys

    def keys(self) -> list[int]:
        """Every live entry's key, sorted."""
        from tantivy import Query

        entries = int(self._searcher.num_docs)
        if not entries:
            return []
        found = self._searcher.search(Query.all_query(), limit=entries, count=False).hits
        return sorted(map(int, self._keys_of([address for _, address in found])))

    def _after_in(self, document: int) -> int:
        """What was added to the number of a document."""
        return self._shards[bisect_left(self._shards, document) - 1] if self._shards else 0

    def _after_of(self, address: Any) -> int:
        return self._after[address.segment_ord] if self._after else 0

    def _keys_of(self, addresses: Sequence[Any]) -> NDArray[np.int64]:
        import numpy as np

        values: Any = self._searcher.fast_field_values("key", list(addresses))
        keys = np.array(values, dtype=np.int64)
        if self._after and addresses:
            keys += np.array([self._after_of(each) for each in addresses], dtype=np.int64) << 32
        return keys

    def _in_order(self, found: Sequence[tuple[float, Any]]) -> NDArray[np.int64]:
        import numpy as np

        keys = self._keys_of([address for _, address in found])
        scores = np.round([score for score, _ in found], _SCORE_DIGITS)
        return keys[np.lexsort((keys, -scores))]

    def _query(
        self, terms: Sequence[str], documents: Collection[int] | None
    ) -> tantivy.Query | None:
        from tantivy import Occur, Query

        if not terms:
            return None
        words = Query.boolean_query(
            [(Occur.Should, Query.term_query(self._schema, "body", term, "freq")) for term in terms]
        )
        # Shards number their documents alike: what is not wanted is left out afterwards.
        if documents is None or self._after:
            return words
        if len(documents) <= _LOOKED_UP:
            each = [
                (Occur.Should, Query.term_query(self._schema, "document", number, "basic"))
                for number in documents
            ]
            chosen = Query.boolean_query(each)
        else:
            chosen = Query.term_set_query(self._schema, "document", list(documents))
        return Query.boolean_query(
            [(Occur.Must, words), (Occur.Must, Query.const_score_query(chosen, 0.0))]
        )


@contextmanager
def _lockable(directory: Path) -> Iterator[Path]:
    """The directory, or links to its files where tantivy could not make its lock file."""
    if os.access(directory, os.W_OK):
        yield directory
        return
    with _links() as temporary:
        _link(directory, temporary)
        yield temporary


@contextmanager
def _links() -> Iterator[Path]:
    """A temporary directory; its removal bears that tantivy may make a lock file there late."""
    temporary = Path(mkdtemp(prefix="docpager-"))
    try:
        yield temporary
    finally:
        discard(temporary)


def _link(part: Path, temporary: Path, *, but: Collection[str] = ()) -> None:
    """Link the files of an index, without its locks."""
    for source in part.resolve().iterdir():
        if source.name not in but and not source.name.endswith(".lock"):
            (temporary / source.name).symlink_to(source)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """What tantivy says when the disk refuses is a ValueError: make it one of the system's."""
    try:
        yield
    except ValueError as error:
        raise OSError(str(error)) from error


def _inherit(previous: Path, directory: Path) -> dict[str, Checksum]:
    """Link the files of an index into the next one; their checksums, where they never change."""
    try:
        checksums = checksums_of(previous)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged_part(previous) from error
    for source in sorted(previous.iterdir()):
        if source.name in _COPIED:
            shutil.copyfile(source, directory / source.name)
        elif not source.name.endswith(".lock") and source.name != CHECKSUMS:
            try:
                os.link(source, directory / source.name)
            except OSError:
                shutil.copyfile(source, directory / source.name)
    return {name: entry for name, entry in checksums.items() if name not in _COPIED}


def join_indexes(parts: Sequence[Path], directory: Path) -> int:
    """Make one index of several that share no document: the files of all, named by one list.

    Returns the number of tantivy's segments in it. Scores are those of an index that was written
    at once: they are computed from the sums over all segments.
    """
    fresh_directory(directory)
    inherited: dict[str, Checksum] = {}
    joined: dict[str, Any] = {}
    managed: set[str] = set()
    for part in parts:
        inherited |= _inherit(part, directory)
        listed = json.loads((part / "meta.json").read_bytes())
        managed.update(json.loads((part / ".managed.json").read_bytes()))
        joined = {
            **listed,
            "segments": [*joined.get("segments", ()), *listed["segments"]],
            "opstamp": max(joined.get("opstamp", 0), listed["opstamp"]),
        }
    write_bytes(directory / "meta.json", json.dumps(joined).encode())
    write_bytes(directory / ".managed.json", json.dumps(sorted(managed)).encode())
    sync_part(directory, inherited)
    return len(joined.get("segments", ()))


def open_joined(parts: Sequence[tuple[Path, int]]) -> LexicalIndex:
    """One index over several, each with what is added to the numbers of its documents.

    Nothing is copied; scores are those of one index that holds all, as in `join_indexes`.
    """
    after: list[int] = []
    segments: list[Any] = []
    joined: dict[str, Any] = {}
    with _links() as temporary:
        for part, numbered_after in parts:
            joined = json.loads((part / "meta.json").read_bytes())
            segments += joined["segments"]
            after += [numbered_after] * len(joined["segments"])
            _link(part, temporary, but=(*_COPIED, CHECKSUMS))
        (temporary / "meta.json").write_text(json.dumps({**joined, "segments": segments}))
        (temporary / ".managed.json").write_text("[]")
        return LexicalIndex(temporary, numbered_after=after)


def _schema() -> tantivy.Schema:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", tokenizer_name=_ANALYZER, index_option="freq")
    builder.add_unsigned_field("key", indexed=True, fast=True)
    builder.add_unsigned_field("document", indexed=True)
    return builder.build()


def _register(index: tantivy.Index) -> None:
    import tantivy

    whitespace = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer(_ANALYZER, whitespace)
