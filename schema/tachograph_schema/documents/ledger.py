"""`ledger/`, `rejected/` and `sweeps/now`: which events were counted, refused or never came."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from tachograph_schema.fields import Instant, Record, optional


class LedgerEntry(Record):
    """`ledger/{key}`: one applied event; the key is a hash of path and update time."""

    path: str = Field(description="The document that was written.")
    update_time: str = Field(description="The version that was counted, RFC 3339 in nanoseconds.")
    hour: str = Field(description="The hour its change was counted in.")
    delta: str = Field(description="The change, as JSON: scope -> counter -> integer.")
    after: str = Field(description="What the document counts for since, as JSON.")
    created: str | None = optional("When the document came to be: made anew, it is another one.")
    tree: str | None = optional("The root of the tree the document is a part of since.")
    trees: str | None = optional("The change by tree, as JSON: root task -> counter -> integer.")
    correction: Literal["sweep", "rebuild", "reprice"] | None = optional(
        "Who made the entry, where no event did."
    )
    folded: Literal["names", "agents"] | None = optional(
        "What its shards do not tell apart, because those of the hour are full: all names but the "
        "agent's, or agents too. They are in the rest of their dimension."
    )
    expires_at: datetime = Field(description="When retention removes the entry.")


class Rejected(Record):
    """`rejected/{key}`: what could not be counted, and why."""

    path: str = Field(description="The document.")
    update_time: str = Field(description="The version of it.")
    problems: list[str] = Field(description="FIELD is FOUND; expected ALLOWED.")
    rejected_at: Instant = Field(description="When.")
    expires_at: datetime | None = optional("When retention removes the entry.")


class Sweep(Record):
    """`sweeps/now`: how far the search for lost events has come."""

    hour: str = Field(description="The hour of the latest round; there is one an hour.")
    cursor: str = Field(description="The last document looked at; empty between two passes.")
    began_at: datetime = Field(description="When the pass began.")
    ledger_days: int = Field(description="How long entries were kept, then.")
    known_since: str = Field(description="Before that, entries may be missing from the ledger.")
    closed: int = Field(description="Gaps that were closed, ever.")
