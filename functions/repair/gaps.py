"""Pure: the gaps in the ledger of one document.

Entries of one document, ordered by update time, are links of a chain: the counters before a version
(`after - delta`) equal the counters after the version before it. Where they differ, the difference
is the change that lost events would have counted.

A correction stands beside the version it leads to: all entries of one update time are one link, and
their deltas add up. So a gap that was closed is no gap any more, and closing twice changes nothing.

An event that comes after all, later than the retry window:
- Of the document's newest version: its gap is closed under the event's own key, so the event finds
  its entry and changes nothing.
- Of any other version: which one was lost is not known, so the event is counted, a second time. It
  takes its place in the chain, and its successor then shows a gap of minus that much: the next
  sweep takes back what the last one put into the successor's hour. What remains is the event's own,
  in its own hour.

The labels, tiers and prices in force may change between two writes. Such a gap is closed like any
other: a document counts as a whole by what was in force at its latest write.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, groupby, pairwise

from counting.contribution import tree_row
from tachograph_schema.counters.cells import Cells, add_up, delta
from tachograph_schema.parsing import Problem
from tachograph_schema.paths import DocumentPath, correction_key, ledger_key

_TREE = "tree:"
"""In here a tree is one scope more, so that one subtraction finds what both lack."""


@dataclass(frozen=True, slots=True)
class State:
    """The counters of a document in one version, and the tree that it is a part of."""

    path: DocumentPath
    update_time: str
    hour: str
    after: Cells
    created: str = ""
    tree: str | None = None
    problems: tuple[Problem, ...] = field(default=(), kw_only=True)
    """The fields that could not be read, and so were let go."""


@dataclass(frozen=True, slots=True)
class Counted(State):
    """One entry of the ledger: a state, and the change that was counted on the way to it."""

    delta: Cells = field(default_factory=dict)
    trees: Cells = field(default_factory=dict)
    correction: str | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """The change that was not counted between two versions of a document."""

    earlier: str
    """The version before the gap; empty where the document had none."""
    later: State
    """The version after it, in whose hour the loss is counted.

    The lost event's own hour went with it; the later one's is the nearest that is known, and the
    very hour where the newest version's event is the one that was lost.
    """
    key: str
    delta: Cells
    trees: Cells


def lost(
    entries: Iterable[Counted],
    now: State | None,
    known_since: str = "",
    begun: Container[str] = (),
) -> list[Gap]:
    """Return the gaps among a document's entries, and between the last and the document `now`.

    Entries from before `known_since` may have been removed; a link is judged only where whatever
    stood between its two ends would still be there. Lives in `begun` have entries before these, so
    their first link here has nothing to be held against.
    """
    gaps = []
    lives = _lives(entries, now)
    for created, life in lives.items():
        standing = now if now is not None and created == _life_of(now, lives) else None
        links = _links(life, standing)
        for earlier, later in pairwise(links if created in begun else chain([None], links)):
            anchor = created if earlier is None else earlier.state.update_time
            if later is None or not anchor or anchor < known_since:
                continue
            missing = delta({} if earlier is None else earlier.holds(), later.held_before())
            if missing:
                gaps.append(_gap("" if earlier is None else anchor, later, missing))
    return gaps


def restated(entries: Iterable[Counted], now: State | None) -> Cells:
    """Return by how much a document differs from its own version's entry.

    No event is missing there: labels, tiers or prices are others than when it was counted.
    """
    same = [e for e in entries if now and e.created in (now.created, "")]
    last = max(same, key=lambda entry: entry.update_time, default=None)
    if now is None or last is None or last.update_time < now.update_time:
        return {}
    return delta(last.after, now.after)


@dataclass(frozen=True, slots=True)
class _Link:
    state: State
    counted: Cells
    closing: bool = False

    def holds(self) -> Cells:
        state = self.state
        return state.after | _scopes(tree_row(state.path.document, state.tree, state.after))

    def held_before(self) -> Cells:
        return delta(self.counted, self.holds())


def _lives(entries: Iterable[Counted], now: State | None) -> dict[str, list[Counted]]:
    """Tell apart what was deleted from what was made anew in its place."""
    lives: dict[str, list[Counted]] = {}
    for entry in sorted(entries, key=lambda entry: entry.update_time):
        lives.setdefault(entry.created, []).append(entry)
    if now is not None:
        lives.setdefault(_life_of(now, lives), [])
    return lives


def _life_of(now: State, lives: Container[str]) -> str:
    """Name the life a document is in; entries that do not say when theirs began may be its."""
    return "" if now.created not in lives and "" in lives else now.created


def _links(life: list[Counted], now: State | None) -> Iterator[_Link]:
    last = ""
    for update_time, entries in groupby(life, key=lambda entry: entry.update_time):
        together = list(entries)
        last = update_time
        yield _Link(together[0], add_up(e.delta | _scopes(e.trees) for e in together))
    if now is not None and now.update_time > last:
        yield _Link(now, {}, closing=True)


def _gap(earlier: str, later: _Link, missing: Cells) -> Gap:
    state = later.state
    path = str(state.path)
    return Gap(
        earlier,
        state,
        ledger_key(path, state.update_time)
        if later.closing
        else correction_key("sweep", path, state.created, earlier, state.update_time),
        {scope: row for scope, row in missing.items() if not scope.startswith(_TREE)},
        {
            scope.removeprefix(_TREE): row
            for scope, row in missing.items()
            if scope.startswith(_TREE)
        },
    )


def _scopes(trees: Cells) -> Cells:
    return {f"{_TREE}{root}": row for root, row in trees.items()}
