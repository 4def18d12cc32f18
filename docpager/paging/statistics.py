"""What paging cost: faults, refaults, the working set; and what it could have cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from docpager.core.passages import PassageId

__all__ = ["PagingStatistics", "faults_under_belady", "faults_under_lru"]


@dataclass(slots=True)
class PagingStatistics:
    """Counts of one run. A reference is a `page_in` or a citation, not a snippet."""

    window: int
    faults: int = 0
    """References to passages that were not resident."""
    refaults: int = 0
    """Faults on passages that were evicted earlier in the run."""
    refault_distances: list[int] = field(default_factory=list)
    """Steps between eviction and refault, one per refault."""
    released: int = 0
    released_unread: int = 0
    """Released in the very step that paged them in: no request had shown them."""
    evicted: int = 0
    """Passages that left in a rebuild, released ones included."""
    evicted_without_note: int = 0
    refused_page_ins: int = 0
    notes_paged_out: int = 0
    rebuilds: int = 0
    warnings: int = 0
    pictures: int = 0
    """Pictures of pages that were shown."""
    pictures_evicted: int = 0
    """Pictures that left in a rebuild, released ones included."""
    peak_worst_case: int = 0
    """Largest prompt at its most, plus reserved output: what the guarantee bounds."""
    reference_string: list[tuple[int, PassageId]] = field(default_factory=list)
    """(step, passage) of every reference, in order."""
    read: set[PassageId] = field(default_factory=set)
    """Passages that were ever paged in."""
    _evicted_at: dict[PassageId, int] = field(default_factory=dict)
    _largest_counted: int = 0
    _uncounted: int = 0

    def fault(self, passages: Iterable[PassageId], *, step: int) -> None:
        """Count references that had to be served from the archive."""
        for passage in passages:
            self.faults += 1
            self.read.add(passage)
            self.reference_string.append((step, passage))
            if passage in self._evicted_at:
                self.refaults += 1
                self.refault_distances.append(step - self._evicted_at.pop(passage))

    def reference(self, passages: Iterable[PassageId], *, step: int) -> None:
        """Count references that main context served."""
        self.reference_string.extend((step, passage) for passage in passages)

    def evict(self, passages: Iterable[PassageId], *, step: int, noted: set[PassageId]) -> None:
        """Count passages that left main context; `noted` are those that a note names."""
        for passage in passages:
            self.evicted += 1
            self.evicted_without_note += passage not in noted
            self._evicted_at[passage] = step

    @property
    def peak_tokens(self) -> int:
        """Largest prompt sent, in the server's count where it reports one."""
        return max(self._largest_counted, self._uncounted)

    def sent(self, prompt: int, worst_case: int) -> None:
        """Count a request of about `prompt` tokens."""
        # The last request was never counted (its reply failed): its estimate is all there is, and
        # it was sent all the same.
        self.counted(self._uncounted)
        self._uncounted = prompt
        self.peak_worst_case = max(self.peak_worst_case, worst_case)

    def counted(self, prompt: int) -> None:
        """Take the size of the newest request, as it is known now."""
        self._largest_counted = max(self._largest_counted, prompt)
        self._uncounted = 0

    @property
    def distinct_passages(self) -> int:
        return len(self.read)

    def working_set(self, *, step: int, steps: int = 5) -> int:
        """Distinct passages referenced in the `steps` steps up to `step`."""
        return len({p for at, p in self.reference_string if step - steps < at <= step})

    def as_dict(self, cited: Iterable[PassageId] = ()) -> dict[str, int]:
        """The counts of an answer line. `cited` are the passages that the answer quotes."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        if self.pictures:
            counts |= {"pictures": self.pictures, "pictures_evicted": self.pictures_evicted}
        return {**counts, "useful_pages": len(set(cited) & self.read)}


_COUNTS = (
    "window",
    "peak_tokens",
    "peak_worst_case",
    "faults",
    "refaults",
    "released",
    "released_unread",
    "evicted",
    "evicted_without_note",
    "refused_page_ins",
    "notes_paged_out",
    "warnings",
    "rebuilds",
)


def faults_under_lru(references: Sequence[PassageId], *, frames: int) -> int:
    """Faults of least-recently-used replacement with room for `frames` passages (at least 1).

    `references` is a reference string, oldest first; the first one to each passage is a fault.
    """
    resident: dict[PassageId, None] = {}
    faults = 0
    for passage in references:
        # A dict keeps insertion order: deleting and adding again moves a page to the recent end,
        # and the first key is the least recently used.
        if passage in resident:
            del resident[passage]
        else:
            faults += 1
            if len(resident) == frames:
                del resident[next(iter(resident))]
        resident[passage] = None
    return faults


def faults_under_belady(references: Sequence[PassageId], *, frames: int) -> int:
    """Faults of farthest-next-use replacement with room for `frames` passages (at least 1).

    L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
    Journal 5(2), 1966. Optimal for pages of equal size; passages differ, so it is a line to compare
    with and no bound.
    """
    uses: dict[PassageId, list[int]] = {}
    for position, passage in enumerate(references):
        uses.setdefault(passage, []).append(position)
    resident: set[PassageId] = set()
    seen: Counter[PassageId] = Counter()
    faults = 0
    for passage in references:
        seen[passage] += 1
        if passage in resident:
            continue
        faults += 1
        if len(resident) == frames:
            # The passage breaks ties, so that the count does not depend on the order of a set.
            resident.remove(max(resident, key=lambda p: (_next_use(uses[p], seen[p]), p)))
        resident.add(passage)
    return faults


def _next_use(positions: Sequence[int], seen: int) -> float:
    return positions[seen] if seen < len(positions) else float("inf")
