"""Where documents live. Everything of a fleet is under `fleets/{fleet}`: the tenant boundary."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

FLEETS: Final = "fleets"
TASKS: Final = "tasks"
SESSIONS: Final = "sessions"
MESSAGES: Final = "messages"
INCIDENTS: Final = "incidents"
LEASES: Final = "leases"
LEDGER: Final = "ledger"
SHARDS: Final = "shards"
TREES: Final = "trees"
ROLLUPS: Final = "rollups"
SNAPSHOTS: Final = "snapshots"
LIVE: Final = "live"
SIGNALS: Final = "signals"
ALERTS: Final = "alerts"
BASELINES: Final = "baselines"
REJECTED: Final = "rejected"
TRACES: Final = "traces"
BATCHES: Final = "batches"
"""Below a trace: `traces/{trace}/batches/{batch}`."""
SWEEPS: Final = "sweeps"
PRICES: Final = "prices"
REVOKED: Final = "revoked"
IDENTITIES: Final = "identities"
"""Which identity an agent has now; no rule lets anybody read it."""

NOW: Final = "now"
"""The one document of `live/`: what an overview listens to."""
TICK_SECONDS: Final = 10
"""A tick's bucket: at most one snapshot is taken in each."""

MAX_DOCUMENT_ID_BYTES: Final = 1500
"""See https://firebase.google.com/docs/firestore/quotas."""
_READABLE_BYTES: Final = 700
"""Up to this length an id is as its parts are; an alert's id has a signal's in it."""

_FLEET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True, slots=True)
class DocumentPath:
    """A document of a fleet: `fleets/{fleet}/{collection}/{document}`.

    Raises ValueError where one of the three is no id of Firestore's: a slash in it would name
    another document.
    """

    fleet: str
    collection: str
    document: str

    def __post_init__(self) -> None:
        for part in (self.fleet, self.collection, self.document):
            if not is_document_id(part):
                raise ValueError(
                    f"{part[:80]!r} cannot be a part of a document's path; expected 1-1,500 bytes "
                    "without a slash, neither . nor .., and not of the form __x__"
                )

    def __str__(self) -> str:
        return f"{FLEETS}/{self.fleet}/{self.collection}/{self.document}"


def is_document_id(name: str) -> bool:
    """Tell whether Firestore takes a document, or a collection, of that name."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    reserved = name in (".", "..") or (len(name) > 3 and name[:2] == name[-2:] == "__")  # noqa: PLR2004 - two and two
    return 0 < size <= MAX_DOCUMENT_ID_BYTES and "/" not in name and not reserved


def parse_path(path: str) -> DocumentPath:
    """Read `fleets/{fleet}/{collection}/{document}`.

    Raises ValueError for any other shape.
    """
    parts = path.split("/")
    if len(parts) != 4 or parts[0] != FLEETS:  # noqa: PLR2004 - as in the shape
        raise ValueError(
            f"{path!r} is no path of a fleet's document; "
            f"expected {FLEETS}/FLEET/COLLECTION/DOCUMENT"
        )
    return DocumentPath(*parts[1:])


def is_fleet_name(name: str) -> bool:
    """Tell whether a fleet may be called that."""
    return _FLEET_NAME.fullmatch(name) is not None


def check_fleet_name(name: str) -> str:
    """Return a fleet's name if it may be one: it is part of every path and of the rules."""
    if not is_fleet_name(name):
        raise ValueError(
            f"the fleet is called {name!r}; expected 1-63 letters, digits, "
            "'-', '_' or '.', beginning with a letter or digit"
        )
    return name


def ledger_key(path: str, update_time: str) -> str:
    """Return the id of the ledger entry for one version of one document.

    A version has one update time, so an event delivered twice has the same key.
    """
    return hashlib.sha256(f"{path}|{update_time}".encode()).hexdigest()[:32]


def correction_key(kind: str, *parts: str) -> str:
    """Return the id of a ledger entry that no event made: the same however often it is found."""
    return hashlib.sha256(_joined((kind, *parts)).encode()).hexdigest()[:32]


def shard_id(shard: int, hour: str) -> str:
    """Return the id of a shard document; the hash comes first, so ids do not grow with time."""
    prefix = hashlib.sha256(str(shard).encode()).hexdigest()[:4]
    return f"{prefix}-{shard}_{hour}"


def shard_of(key: str, shards: int) -> int:
    """Choose one of `shards` by a stable hash."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % shards


def bucket_of(instant: datetime) -> datetime:
    """Return the beginning of the tick an instant falls into."""
    seconds = int(instant.timestamp())
    return datetime.fromtimestamp(seconds - seconds % TICK_SECONDS, UTC)


def snapshot_id(bucket: datetime) -> str:
    """Return the id of a bucket's snapshot, such as `2026-02-16T18:04:10Z`."""
    return bucket.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def signal_id(kind: str, session: str, generation: int = 0, again: int = 0) -> str:
    """Return the id of a signal to a session: one of a kind for each generation.

    `again` counts how often a session of the same generation was well again in between.
    """
    return _bounded(f"{kind}_{session}_{generation}" + (f".{again}" if again else ""))


def lease_id(repo: str, branch: str) -> str:
    """Return the id of a branch's lease: a hash, because both names may hold slashes."""
    return hashlib.sha256(f"{repo}\n{branch}".encode()).hexdigest()[:32]


def incident_id(kind: str, *parts: str) -> str:
    """Return the id of an incident: the same whenever the same incident is reported."""
    return f"{kind}_{hashlib.sha256(_joined(parts).encode()).hexdigest()[:24]}"


def baseline_id(task_type: str, model: str) -> str:
    """Return the id of the baseline of a kind of task and a model.

    A slash would end the id, so it is escaped; and underscores, where the type's could be taken for
    the two that end it, so that no two pairs share an id.
    """
    kind = _escaped(task_type).replace("__", "%5F%5F")
    if kind.endswith("_"):
        kind = kind[:-1] + "%5F"
    return _bounded(f"{kind}__{_escaped(model)}")


def _bounded(name: str) -> str:
    """Return a name that is an id of at most 765 bytes; Firestore allows 1,500.

    One of up to 700 bytes stays readable as it is. A longer one is cut, and its hash follows. That
    makes more than 700 bytes again, so no cut name equals one that was not cut.
    """
    encoded = name.encode()
    if len(encoded) <= _READABLE_BYTES:
        return name
    start = encoded[:_READABLE_BYTES].decode(errors="ignore")  # up to 3 bytes shorter
    return f"{start}~{hashlib.sha256(encoded).hexdigest()}"


def _joined(parts: Iterable[str]) -> str:
    """Join names by bars, so that no bar within a name is taken for one between two."""
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def _escaped(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2F")
