"""Listening to a fleet: everything on the page is pushed, and what cannot be heard says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.api_core.exceptions import (
    GoogleAPICallError,
    PermissionDenied,
    Unauthenticated,
    from_grpc_error,
)
from google.cloud import firestore

from tachograph.firestore.listener import Listener, listen
from tachograph_cli.top.view import View, read_policy, read_row, read_windows
from tachograph_schema.documents.session import OPEN_STATES
from tachograph_schema.paths import FLEETS, LIVE, NOW, SESSIONS, SIGNALS

MOST = 60
"""Sessions of each query: those with the least context, and any, since not all say what is left."""
SIGNALS_SHOWN = 40
AGAIN_AFTER = timedelta(seconds=10)
"""How long what was refused waits until it is tried again."""
_Documents = Mapping[str, Mapping[str, Any]]


class Listening:
    """Listens to a fleet until it is closed: `Listening(db, "acme", changed).view()`."""

    def __init__(self, db: firestore.Client, fleet: str, changed: Callable[[], None]) -> None:
        self._fleet, self._changed = fleet, changed
        root = db.document(FLEETS, fleet)
        sessions = root.collection(SESSIONS).where(
            filter=firestore.FieldFilter("state", "in", OPEN_STATES)
        )
        newest = firestore.Query.DESCENDING
        signals = root.collection(SIGNALS).order_by("created_at", direction=newest)
        self._ears = {
            name: Ear(source, changed)
            for name, source in {
                "policy": root,
                "live": root.collection(LIVE).document(NOW),
                "sessions": sessions.order_by("context_remaining_pct").limit(MOST),
                "further sessions": sessions.limit(MOST),
                "signals": signals.limit(SIGNALS_SHOWN),
            }.items()
        }
        self._offline_since: datetime | None = None
        # How a stream fares is not told by the library, which tries again for ever.
        self._channel: Any = db._firestore_api._transport.grpc_channel  # noqa: SLF001
        self._channel.subscribe(self._connected)

    def view(self) -> View:
        """Return what is known at the moment."""
        heard = {name: ear.heard for name, ear in self._ears.items()}
        silent = (n for n, ear in self._ears.items() if ear.heard is None and not ear.refusal)
        fleet = _one(heard["policy"]) or {}
        policy, windows = read_policy(fleet), read_windows(fleet)
        known = {**(heard["further sessions"] or {}), **(heard["sessions"] or {})}
        signals = sorted((heard["signals"] or {}).values(), key=_raised_at, reverse=True)
        return View(
            fleet=self._fleet,
            live=_one(heard["live"]),
            rows=[read_row(name, fields, policy, windows) for name, fields in known.items()],
            signals=signals,
            trouble=self._trouble(),
            unheard=frozenset(silent),
            offline_since=self._offline_since,
        )

    def again(self, now: datetime) -> None:
        """Try again what was refused, when it has waited long enough."""
        for ear in self._ears.values():
            ear.again(now)

    def close(self) -> None:
        """Listen no more."""
        self._channel.unsubscribe(self._connected)
        # Offline each takes a second, in which the library waits for its own thread.
        with ThreadPoolExecutor(len(self._ears)) as pool:
            list(pool.map(Ear.close, self._ears.values()))

    def _trouble(self) -> dict[str, str]:
        refused = {name: ear.refusal for name, ear in self._ears.items()}
        told = {"sessions": refused["sessions"] or refused["further sessions"]}
        told |= {name: refused[name] for name in ("live", "signals")}
        return {name: words for name, words in told.items() if words}

    def _connected(self, state: grpc.ChannelConnectivity) -> None:
        if state is grpc.ChannelConnectivity.READY:
            self._offline_since = None
        elif state is grpc.ChannelConnectivity.TRANSIENT_FAILURE and self._offline_since is None:
            self._offline_since = datetime.now(UTC)
        self._changed()


@dataclass
class Ear:
    """Listens to one document or query."""

    source: Any
    changed: Callable[[], None]
    heard: dict[str, dict[str, Any]] | None = None
    """The documents by id, in their order; None until the first answer."""
    refusal: str | None = None
    _refused_at: datetime | None = None
    _watch: Listener = field(init=False)

    def __post_init__(self) -> None:
        self._watch = listen(self.source, self._hear)
        self._watch.on_end(self._refused)

    def again(self, now: datetime) -> None:
        """Listen anew, if that was refused and long enough ago."""
        if self._refused_at is not None and now - self._refused_at >= AGAIN_AFTER:
            self._refused_at = None
            self._watch.close()
            self.__post_init__()

    def close(self) -> None:
        """Listen no more."""
        self._watch.close()

    def _hear(self, documents: Sequence[Any], *_: object) -> None:
        self.heard = {doc.id: doc.to_dict() or {} for doc in documents if doc.exists}
        self.refusal = None
        self.changed()

    def _refused(self, refusal: Exception) -> None:
        self.refusal, self._refused_at = words(refusal), datetime.now(UTC)
        self.changed()


def words(refusal: Exception) -> str:
    """Say why something cannot be listened to, and who can mend that."""
    if isinstance(refusal, grpc.RpcError):
        refusal = from_grpc_error(refusal)  # type: ignore[no-untyped-call]  # Google's
    match refusal:
        case PermissionDenied():
            return "denied; the identity you look with may not read this fleet"
        case Unauthenticated():
            return "denied; whoever looks has to sign in again"
        case GoogleAPICallError():
            return f"{refusal.message}; tried again in {AGAIN_AFTER.seconds} s"
        case _:
            return f"{refusal}; tried again in {AGAIN_AFTER.seconds} s"


def _raised_at(signal: Mapping[str, Any]) -> float:
    at = signal.get("created_at")
    return at.timestamp() if isinstance(at, datetime) else 0.0


def _one(documents: _Documents | None) -> Mapping[str, Any] | None:
    return next(iter((documents or {}).values()), None)
