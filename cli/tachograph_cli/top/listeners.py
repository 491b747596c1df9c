"""The listeners of `tachograph top`: every document on the page is pushed, nothing is polled."""

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
"""The most sessions of each query: by least context, and any, because not all state theirs."""
SIGNALS_SHOWN = 40
RETRY_AFTER = timedelta(seconds=10)
"""The time after which a refused listener is started again."""
_Documents = Mapping[str, Mapping[str, Any]]


class FleetListeners:
    """The listeners of one fleet, until they are closed; `changed` is called at every change."""

    def __init__(self, db: firestore.Client, fleet: str, changed: Callable[[], None]) -> None:
        self._fleet, self._changed = fleet, changed
        root = db.document(FLEETS, fleet)
        sessions = root.collection(SESSIONS).where(
            filter=firestore.FieldFilter("state", "in", OPEN_STATES)
        )
        newest = firestore.Query.DESCENDING
        signals = root.collection(SIGNALS).order_by("created_at", direction=newest)
        self._listeners = {
            name: RetryingListener(source, changed)
            for name, source in {
                "policy": root,
                "live": root.collection(LIVE).document(NOW),
                "sessions": sessions.order_by("context_remaining_pct").limit(MOST),
                "further sessions": sessions.limit(MOST),
                "signals": signals.limit(SIGNALS_SHOWN),
            }.items()
        }
        self._offline_since: datetime | None = None
        # The library retries for ever and reports nothing, so the channel itself is watched.
        self._channel: Any = db._firestore_api._transport.grpc_channel  # noqa: SLF001
        self._channel.subscribe(self._connected)

    def view(self) -> View:
        """Return the view of the latest documents."""
        latest = {name: listener.documents for name, listener in self._listeners.items()}
        pending = (name for name, listener in self._listeners.items() if listener.pending)
        fleet = _one(latest["policy"]) or {}
        policy, windows = read_policy(fleet), read_windows(fleet)
        sessions = {**(latest["further sessions"] or {}), **(latest["sessions"] or {})}
        signals = sorted((latest["signals"] or {}).values(), key=_raised_at, reverse=True)
        return View(
            fleet=self._fleet,
            live=_one(latest["live"]),
            rows=[read_row(name, fields, policy, windows) for name, fields in sessions.items()],
            signals=signals,
            errors=self._errors(),
            pending=frozenset(pending),
            offline_since=self._offline_since,
        )

    def retry(self, now: datetime) -> None:
        """Start the listeners again that were refused at least 10 s before `now`."""
        for listener in self._listeners.values():
            listener.retry(now)

    def close(self) -> None:
        """Close all listeners."""
        self._channel.unsubscribe(self._connected)
        # Offline, closing one takes a second, in which the library waits for its own thread.
        with ThreadPoolExecutor(len(self._listeners)) as pool:
            list(pool.map(RetryingListener.close, self._listeners.values()))

    def _errors(self) -> dict[str, str]:
        refusals = {name: listener.refusal for name, listener in self._listeners.items()}
        errors = {
            "live": refusals["live"],
            "sessions": refusals["sessions"] or refusals["further sessions"],
            "signals": refusals["signals"],
        }
        return {name: words for name, words in errors.items() if words}

    def _connected(self, state: grpc.ChannelConnectivity) -> None:
        if state is grpc.ChannelConnectivity.READY:
            self._offline_since = None
        elif state is grpc.ChannelConnectivity.TRANSIENT_FAILURE and self._offline_since is None:
            self._offline_since = datetime.now(UTC)
        self._changed()


@dataclass
class RetryingListener:
    """A listener to one document or query, which is started again after a refusal."""

    source: Any
    changed: Callable[[], None]
    documents: dict[str, dict[str, Any]] | None = None
    """The documents by id, in their order; None until the first answer."""
    refusal: str | None = None
    """The reason of the last refusal; None since the last answer."""
    _refused_at: datetime | None = None
    _listener: Listener = field(init=False)

    def __post_init__(self) -> None:
        self._listener = listen(self.source, self._receive)
        self._listener.on_end(self._refuse)

    @property
    def pending(self) -> bool:
        """Whether it has neither answered nor been refused."""
        return self.documents is None and not self.refusal

    def retry(self, now: datetime) -> None:
        """Start again where the last refusal was at least 10 s before `now`."""
        if self._refused_at is not None and now - self._refused_at >= RETRY_AFTER:
            self._refused_at = None
            self._listener.close()
            self.__post_init__()

    def close(self) -> None:
        """Close the listener."""
        self._listener.close()

    def _receive(self, documents: Sequence[Any], *_: object) -> None:
        self.documents = {doc.id: doc.to_dict() or {} for doc in documents if doc.exists}
        self.refusal = None
        self.changed()

    def _refuse(self, refusal: Exception) -> None:
        self.refusal, self._refused_at = words(refusal), datetime.now(UTC)
        self.changed()


def words(refusal: Exception) -> str:
    """Return the reason of a refusal, and who can mend it."""
    if isinstance(refusal, grpc.RpcError):
        refusal = from_grpc_error(refusal)  # type: ignore[no-untyped-call]  # Google's
    match refusal:
        case PermissionDenied():
            return "denied; the identity you look with may not read this fleet"
        case Unauthenticated():
            return "denied; whoever looks has to sign in again"
        case GoogleAPICallError():
            return f"{refusal.message}; tried again in {RETRY_AFTER.seconds} s"
        case _:
            return f"{refusal}; tried again in {RETRY_AFTER.seconds} s"


def _raised_at(signal: Mapping[str, Any]) -> float:
    at = signal.get("created_at")
    return at.timestamp() if isinstance(at, datetime) else 0.0


def _one(documents: _Documents | None) -> Mapping[str, Any] | None:
    return next(iter((documents or {}).values()), None)
