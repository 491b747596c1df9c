"""The bill that Claude Code keeps of a session, in its transcript since 26 August 2026.

A record `cost-state` states the session's whole spend by model, and is written again whenever the
session goes idle or ends. It has no timestamp.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.events import Billed, BillRow
from tachograph_cli.replay.transcripts.values import (
    Record,
    UnreadableError,
    ident,
    mapping,
    named,
    optional_mapping,
    optional_name,
    whole,
)
from tachograph_schema.fields import MAX_COUNT
from tachograph_schema.parsing import shown
from tachograph_schema.pricing.price import nanousd
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from datetime import datetime

COST_STATE = "cost-state"
_WINDOW = re.compile(r"\[\w+\]$")


def billed(record: Record, session: str, at: datetime) -> Billed:
    """Read a record `cost-state` of a file of `session`. Raises UnreadableError."""
    # Where some model's price was not known, no cost in it can be told from a guess.
    guessed = record.get("hasUnknownModelCost") is True
    rows: dict[str, BillRow] = {}
    for model, row in optional_mapping(record.get("modelUsage"), "modelUsage").items():
        where = f"modelUsage.{shown(model)}"
        name = plain_model(named(model, "a model of modelUsage"))
        rows[name] = _sum(rows.get(name), _row(mapping(row, where), where, guessed=guessed))
    stated = optional_name(record.get("sessionId"))
    return Billed(at, ident(stated) if stated else session, rows)


def plain_model(model: str) -> str:
    """Return a model's id without the size of its window, such as `[1m]`, which calls leave out."""
    return _WINDOW.sub("", model)


def _row(row: Record, where: str, *, guessed: bool) -> BillRow:
    def count(name: str) -> int:
        return whole(row.get(name), f"{where}.{name}")

    usage = Usage(
        count("inputTokens"),
        count("cacheReadInputTokens"),
        count("cacheCreationInputTokens"),
        count("cacheCreationEphemeral1hInputTokens"),
        count("outputTokens"),
        count("thinkingTokens"),
    )
    guessed = guessed or row.get("costBasis") == "unknown"
    return BillRow(usage, None if guessed else _cost(row.get("costUSD"), f"{where}.costUSD"))


def _cost(value: object, where: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise UnreadableError(f"{where} is {shown(value)}; expected dollars, 0 or more")
    if not 0 <= value <= MAX_COUNT // 10**9:
        raise UnreadableError(f"{where} is {shown(value)}; expected dollars, 0 to 10^6")
    return nanousd(value)


def _sum(one: BillRow | None, other: BillRow) -> BillRow:
    if one is None:
        return other
    costs = (one.cost_nanousd, other.cost_nanousd)
    known = None if None in costs else sum(cost or 0 for cost in costs)
    return BillRow(one.usage + other.usage, known)
