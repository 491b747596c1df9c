"""Pure: the steps of a recording: events, and those that count once although they are copied.

One reading of a file gives both its claims and its events, so the two cannot disagree.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

from tachograph.usage.deferred import calls_in
from tachograph.usage.response import Answer, read_response
from tachograph_cli.replay.transcripts.deduplication import Claim
from tachograph_cli.replay.transcripts.events import (
    CallFailed,
    Compacted,
    Event,
    ModelCall,
    ToolUsed,
    TurnEnded,
    UnreadableLine,
)
from tachograph_cli.replay.transcripts.values import Record, instant, optional_name
from tachograph_schema.fields import MAX_COUNT
from tachograph_schema.parsing import shown
from tachograph_schema.usage import BUCKETS, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tachograph_schema.pricing.call import Call

Item: TypeAlias = tuple[int, Record] | UnreadableLine
"""A record of a file with the number of its line, or a place that could not be read."""
_YEARS = range(2000, 3000)
"""No agent was recorded in any other; a document with such a time would be refused."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event that counts once, in however many files it stands."""

    claim: Claim
    event: ModelCall | ToolUsed | CallFailed | Compacted | TurnEnded


Step: TypeAlias = Event | Claimed


class Reader(Protocol):
    """Reads the records of one file in their order."""

    doubts: list[str]
    """What could not be read of the last record, although the rest of it was."""

    def read(self, record: Record) -> Iterator[Step]:
        """Yield the steps of a record. Raises UnreadableError."""


@dataclass(frozen=True, slots=True)
class Stated:
    """The calls that a record states, and what of them could not be read."""

    calls: tuple[Call, ...]
    doubt: str | None = None

    @property
    def usage(self) -> Usage:
        """The tokens of all of them."""
        return sum((call.usage for call in self.calls), Usage())


def stated(
    response: Mapping[str, object],
    at: datetime,
    where: str,
    *,
    provider: str | None = None,
    route: str | None = None,
    never_null: tuple[str, ...] = (),
) -> Stated:
    """Return the calls of a response, by the reader that reads all responses.

    A count that is no count costs that count alone: the others are kept, without a price. A cost
    above a million dollars is none, and costs nothing else. `where` names the place of the usage,
    for the doubt; `never_null` names counts that may be missing, but not null.
    """
    answer = read_response(response, provider=provider, route=route)
    doubts = list[str]()
    if answer.cost_nanousd is not None and answer.cost_nanousd > MAX_COUNT:
        found = f"{answer.cost_nanousd / 10**9:g}"
        doubts.append(f"{where}: its cost is {found}; expected dollars, up to a million")
        answer = replace(answer, cost_nanousd=None)
    usage = response.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    nulls = any(counts.get(name, 0) is None for name in never_null)
    if nulls or not _is_whole(answer):
        doubts += _refused(counts, where)
        answer, why = _mended(response, answer, provider, route)
        doubts += [f"{where}: {why}"] if why or not doubts else []
    model = optional_name(answer.model)
    if model is None and answer.cost_nanousd is None and not doubts:
        doubts.append(f"{where}: the model is {shown(answer.model)}; the call has no price")
    return Stated(calls_in(replace(answer, model=model), at), "; ".join(doubts) or None)


def moment(value: object, where: str, instead: datetime, doubts: list[str]) -> datetime:
    """Return a stated time; `instead` of one that is missing or is none, which adds a doubt."""
    try:
        at = instant(value, where)
    except ValueError as refusal:
        doubts.append(f"{refusal}; {instead.isoformat()} is taken")
        return instead
    if at.year in _YEARS:
        return at
    doubts.append(f"{where} is {shown(value)}; expected a year from 2000; {instead} is taken")
    return instead


def time_in(value: object) -> datetime | None:
    """Return a stated time, None for one that is missing or is none."""
    try:
        at = instant(value, "timestamp")
    except ValueError:
        return None
    return at if at.year in _YEARS else None


def fingerprint(value: object) -> str:
    """Return 16 characters that are the same for the same data, for what states no id."""
    try:
        text = json.dumps(value, sort_keys=True)
    except RecursionError:
        text = "nested too deeply"
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def call_claim(identity: str, calls: tuple[Call, ...]) -> Claim:
    """Return the claim on calls: of two states of them, the one with more tokens is the later."""
    total = sum(call.usage.total_tokens + call.calls for call in calls)
    return Claim(identity, total=min(total, MAX_COUNT))


def _is_whole(answer: Answer) -> bool:
    return answer.readable and _is_countable(answer)


def _is_countable(answer: Answer) -> bool:
    return all(getattr(answer.usage, name) <= MAX_COUNT for name in BUCKETS)


def _refused(counts: Record, where: str) -> list[str]:
    """Name the counts of a usage that are none."""
    refused = {name: n for name, n in counts.items() if not _is_fit(n) and name != "cost"}
    return [f"{where}.{name} is {shown(n)}; expected a count" for name, n in refused.items()]


def _mended(
    response: Mapping[str, object], answer: Answer, provider: str | None, route: str | None
) -> tuple[Answer, str | None]:
    """Read a usage again with zeros for the counts that are none; keep the most that is read.

    They stay as zeros, because a format is known by the names of its counts. An object may hold
    counts, so it becomes a zero only where the usage cannot be read with it; then return why.
    """
    usage = response.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    found = list[Answer]()
    for is_kept in (_is_fit, _is_number):
        good = {n: v if is_kept(v) or n == "cost" else 0 for n, v in counts.items()}
        found.append(read_response({**response, "usage": good}, provider=provider, route=route))
        if _is_whole(found[-1]):
            break
    first = found[0] if counts else answer
    why = None if _is_whole(first) else first.why or "its counts are too large"
    best = max(
        found[-1:] if _is_whole(found[-1]) else filter(_is_countable, [answer, *found]),
        key=lambda each: each.usage.total_tokens,
        default=replace(answer, usage=Usage()),
    )
    cost = best.cost_nanousd
    cost = cost if cost is not None and cost <= MAX_COUNT else None
    return replace(best, readable=False, cost_nanousd=cost), why


def _is_number(value: object) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return 0 <= value <= MAX_COUNT and value % 1 == 0
    return False


def _is_fit(value: object) -> bool:
    return isinstance(value, dict) or _is_number(value)
