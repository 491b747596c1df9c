"""A session's rotation signals, pushed by a listener, and the session's answers to them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from tachograph.firestore.database import FleetDatabase
from tachograph.firestore.document import Document
from tachograph.firestore.listener import listen_or_warn
from tachograph.process.fork import begins_anew
from tachograph_schema.documents.signal import STEP_AT, SignalStatus, may_move
from tachograph_schema.paths import SIGNALS

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_OVER = ("compacted", "recovered", "ended")
"""Reasons of an expired signal that the session need not answer any more."""


class PendingStep:
    """The step of a signal that its session has taken and that is not written yet."""

    def __init__(self) -> None:
        self._pending: tuple[SignalStatus, Mapping[str, Any]] | None = None
        self._in_flight: tuple[SignalStatus, Mapping[str, Any]] | None = None
        self._lock = threading.Lock()

    def take(self, status: SignalStatus, **fields: Any) -> None:  # noqa: ANN401 - a signal's
        """Take a step, with its fields."""
        with self._lock:
            if self._pending is None or may_move(self._pending[0], status):
                self._pending = status, fields

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the step, unless the signal is as far already, or does not exist."""
        with self._lock:
            if self._pending is None or landed is None:
                return None
            status, fields = self._in_flight = self._pending
            if not may_move(landed.get("status"), status):
                self._pending = None
                return None
        return {**fields, "status": status, STEP_AT[status]: firestore.SERVER_TIMESTAMP}

    def wrote(self) -> None:
        """Forget the step that was written; a later one may have been taken meanwhile."""
        with self._lock:
            if self._pending is self._in_flight:
                self._pending = None


class Rotation:
    """A session's rotation signal: heard, acknowledged, and answered with its journal."""

    def __init__(self, database: FleetDatabase, session_id: str, generation: int) -> None:
        self.generation = generation
        """The generation of the session's context, which grows with each compaction."""
        self._database, self._session_id = database, session_id
        self._watch: Any = None
        self._received: dict[str, Mapping[str, Any]] = {}
        self._answers: dict[str, tuple[PendingStep, Document]] = {}
        self._signalled = threading.Event()
        begins_anew(self)

    def forked(self) -> None:
        """Listen anew in a child: the listener is its parent's."""
        self._watch, self._signalled, self._answers = None, threading.Event(), {}

    def listen(self) -> None:
        """Begin to listen, once."""
        if self._watch is None:
            signals = self._database.collection(SIGNALS)
            own = firestore.FieldFilter("session_id", "==", self._session_id)
            subject = f"signals to sessions/{self._session_id}"
            self._watch = listen_or_warn(signals.where(filter=own), self._receive, subject)
            self._database.listening.add(self)

    @property
    def signal(self) -> Mapping[str, Any] | None:
        """The newest signal to this generation, unless no answer to it is due any more."""
        name = self._newest()
        signal = None if name is None else self._received[name]
        return None if signal is None or signal.get("expired_because") in _OVER else signal

    @property
    def relieved(self) -> bool:
        """Whether another session has taken over."""
        signal = self.signal
        return signal is not None and signal.get("successor_session_id") is not None

    def wait(self, timeout_s: float) -> bool:
        """Wait for a signal; False when there was none within `timeout_s` seconds."""
        self.listen()
        return self._signalled.wait(timeout_s)

    def journal(self, journal: str | None, task_id: str | None) -> None:
        """Answer with the place of the notes, and the task for the successor."""
        name = self._newest()
        if name is not None and self.signal is not None:
            fields = {"task_id": task_id} | ({} if journal is None else {"journal_ref": journal})
            self._answer(name, "journaled", **fields)

    def consider(self) -> None:
        """Acknowledge the newest signal to the session's present generation."""
        name = self._newest()
        if name is None or self.signal is None:
            self._signalled.clear()
            return
        if self._received[name].get("status") == "pending":
            self._answer(name, "acknowledged")
        self._signalled.set()

    def close(self) -> None:
        """Stop listening."""
        if self._watch is not None:
            self._watch.unsubscribe()

    def _receive(self, documents: Sequence[_Snapshot], *_: object) -> None:
        for snapshot in documents:
            fields = snapshot.to_dict() or {}
            if fields.get("kind") != "rotate":
                continue
            self._received = {**self._received, snapshot.id: fields}
            if snapshot.id not in self._answers:
                step = PendingStep()
                document = self._database.document(SIGNALS, snapshot.id, step)
                document.read_as(dict(fields), snapshot.update_time)
                self._answers[snapshot.id] = step, document
        self.consider()

    def _answer(self, name: str, status: SignalStatus, **fields: Any) -> None:  # noqa: ANN401
        step, document = self._answers[name]
        step.take(status, **fields)
        self._database.writer.soon(document, now=True)

    def _newest(self) -> str | None:
        """Name the newest of this generation's signals; later ones have greater numbers.

        A later generation counts too: another process has written it for this session.
        """
        received, own = self._received, self.generation
        generations = {name: received[name].get("generation") or 0 for name in received}
        current = [name for name, generation in generations.items() if generation >= own]
        return max(current, key=lambda name: (generations[name], len(name), name), default=None)
