"""What the sessions' own bills say beyond the calls that their transcripts state.

A transcript leaves calls out: of helper models, and most of the output of sub-agents, whose lines
keep the count of an answer's beginning. The bill has them, but no word on when and for which task.
So a session's difference is one correction for each model.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.claude_bills import plain_model
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import cost_of
from tachograph_schema.usage import BUCKETS, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from tachograph_cli.replay.transcripts.deduplication import CallRegistry
    from tachograph_cli.replay.transcripts.events import Billed, BillRow, Source

ROUNDING_NANOUSD = 1_000
"""A difference in cost below this, without one in tokens, is the rounding of the agent's sums."""
_PROVIDER = "anthropic"


@dataclass(frozen=True, slots=True)
class Correction:
    """The part of a session's bill that none of its calls explains, by model; it may be empty.

    `number` rises with what is known: of two corrections of a session, the higher one is right.
    """

    session: str
    at: datetime
    number: int
    calls: tuple[Call, ...]


@dataclass(slots=True)
class _Spend:
    """Tokens and cost of one model."""

    usage: Usage = field(default_factory=Usage)
    cost_nanousd: int = 0

    def add(self, usage: Usage, cost_nanousd: int) -> None:
        self.usage += usage
        self.cost_nanousd += cost_nanousd


_Spends = defaultdict[str, _Spend]


class Bills:
    """The newest bill of each session."""

    def __init__(self) -> None:
        self._bills: dict[str, Billed] = {}

    def note(self, bill: Billed) -> None:
        """Note a bill. A bill only grows: after a crash Claude Code may state a smaller one."""
        known = self._bills.get(bill.session)
        if known is None or _total(bill.rows.values()) >= _total(known.rows.values()):
            self._bills[bill.session] = bill

    def corrections(
        self, sources: Sequence[Source], registry: CallRegistry
    ) -> dict[str, Correction]:
        """Return the correction of each session with a bill, after all its calls were counted.

        A session's bill holds those of the sessions that it is a fork of. What these have already,
        with their sub-agents and their own corrections, is no difference of the fork.
        """
        if not self._bills:
            return {}
        sessions = {source.owner: source.session for source in sources}
        stated = _stated(sessions, registry, self._bills)
        billed = [name for name in dict.fromkeys(sessions.values()) if name in self._bills]
        found: dict[str, Correction] = {}
        # A fork has a copy of all that its ancestors copied, so it has more of them than they have.
        for session in sorted(billed, key=lambda name: len(stated.ancestors[name])):
            found[session] = _correction(self._bills[session], stated, found)
        return found


@dataclass(slots=True)
class _Stated:
    """The calls that sessions state, and where they have them from."""

    of_session: defaultdict[str, _Spends]
    """What a session's files state: its own calls, its sub-agents' and those that are copied."""
    of_subagents: defaultdict[str, _Spends]
    ancestors: defaultdict[str, set[str]]


def _stated(
    sessions: Mapping[str, str], registry: CallRegistry, bills: Mapping[str, Billed]
) -> _Stated:
    stated = _Stated(
        defaultdict(lambda: defaultdict(_Spend)),
        defaultdict(lambda: defaultdict(_Spend)),
        defaultdict(set),
    )
    for owner, copies, took in registry.counted():
        own = sessions.get(owner)
        if own is None:
            continue
        stating = {sessions[each] for each in copies if each in sessions} | {own}
        # What is later than a bill is not in it.
        billed = {name for name in stating if name in bills and _is_in(took.at, bills[name])}
        for call in took.calls:
            if call.model is None:
                continue
            model, cost = plain_model(call.model), cost_of(call, None) or 0
            for session in billed:
                stated.of_session[session][model].add(call.usage, cost)
            if owner != own:
                stated.of_subagents[own][model].add(call.usage, cost)
        for session in stating - {own}:
            if session not in stated.ancestors[own]:
                stated.ancestors[session].add(own)
    return stated


def _is_in(at: datetime, bill: Billed) -> bool:
    return bill.until is None or at < bill.until


def _correction(bill: Billed, stated: _Stated, known: Mapping[str, Correction]) -> Correction:
    explained: _Spends = defaultdict(_Spend)
    for model, spend in stated.of_session[bill.session].items():
        explained[model].add(spend.usage, spend.cost_nanousd)
    for ancestor in stated.ancestors[bill.session]:
        for model, spend in stated.of_subagents[ancestor].items():
            explained[model].add(spend.usage, spend.cost_nanousd)
        for call in known[ancestor].calls if ancestor in known else ():
            explained[str(call.model)].add(call.usage, cost_of(call, None) or 0)
    calls = (_rest(bill, model, explained[model]) for model in sorted(bill.rows))
    number = _total(bill.rows.values()) + _total(explained.values())
    return Correction(bill.session, bill.at, number, tuple(call for call in calls if call))


def _rest(bill: Billed, model: str, explained: _Spend) -> Call | None:
    """Return what is left of a model's row; a bill that lags behind the calls leaves nothing."""
    row = bill.rows[model]
    more = (max(0, getattr(row.usage - explained.usage, name)) for name in BUCKETS)
    usage = _within(Usage(*more))
    cost = None if row.cost_nanousd is None else max(0, row.cost_nanousd - explained.cost_nanousd)
    if not usage.total_tokens and (cost or 0) < ROUNDING_NANOUSD:
        return None
    return Call(usage, model, _PROVIDER, bill.at, cost, calls=0)


def _within(usage: Usage) -> Usage:
    """Return a usage whose parts are no larger than the whole of which they are."""
    return replace(
        usage,
        cache_write_1h_tokens=min(usage.cache_write_1h_tokens, usage.cache_write_tokens),
        reasoning_tokens=min(usage.reasoning_tokens, usage.tokens_out),
    )


def _total(rows: Iterable[BillRow | _Spend]) -> int:
    return sum(row.usage.total_tokens for row in rows)
