"""What a session is told of its rotation, and what it answers: pushed by a listener, not polled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from tachograph.firestore.listener import listen_or_warn
from tachograph.firestore.writer import Document, OnWrite, Writer
from tachograph_schema.documents.signal import STEP_AT, SignalStatus, may_move
from tachograph_schema.paths import FLEETS, SIGNALS, DocumentPath

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_OVER = ("compacted", "recovered", "ended")
"""What a signal expired of, that asks nothing of the session any more."""


class Steps:
    """The step of a signal that its session has taken and that is not written yet."""

    def __init__(self) -> None:
        self._wanted: tuple[SignalStatus, Mapping[str, Any]] | None = None
        self._in_flight: tuple[SignalStatus, Mapping[str, Any]] | None = None
        self._lock = threading.Lock()

    def take(self, status: SignalStatus, **fields: Any) -> None:  # noqa: ANN401 - a signal's
        """Take a step, with what belongs to it."""
        with self._lock:
            if self._wanted is None or may_move(self._wanted[0], status):
                self._wanted = status, fields

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return what to write, unless the signal is as far already, or not there."""
        with self._lock:
            if self._wanted is None or landed is None:
                return None
            status, fields = self._in_flight = self._wanted
            if not may_move(landed.get("status"), status):
                self._wanted = None
                return None
        return {**fields, "status": status, STEP_AT[status]: firestore.SERVER_TIMESTAMP}

    def wrote(self) -> None:
        """Forget the step that was written; a later one may have been taken meanwhile."""
        with self._lock:
            if self._wanted is self._in_flight:
                self._wanted = None


class Rotation:
    """A session's rotation signal: heard, acknowledged, and answered with its journal."""

    def __init__(
        self,
        client: firestore.Client,
        fleet: str,
        session_id: str,
        generation: Callable[[], int],
        writer: Writer,
        on_write: OnWrite,
    ) -> None:
        self._client, self._fleet, self._session_id = client, fleet, session_id
        self._generation, self._writer, self._on_write = generation, writer, on_write
        self._watch: Any = None
        self._heard: dict[str, Mapping[str, Any]] = {}
        self._answers: dict[str, tuple[Steps, Document]] = {}
        self._told = threading.Event()

    def listen(self) -> None:
        """Begin to listen, once."""
        if self._watch is None:
            signals = self._client.collection(FLEETS, self._fleet, SIGNALS)
            own = firestore.FieldFilter("session_id", "==", self._session_id)
            to_me = f"signals to sessions/{self._session_id}"
            self._watch = listen_or_warn(signals.where(filter=own), self._hear, to_me)

    @property
    def signal(self) -> Mapping[str, Any] | None:
        """The newest signal to this generation, unless there is nothing left to do about it."""
        name = self._newest()
        heard = None if name is None else self._heard[name]
        return None if heard is None or heard.get("expired_because") in _OVER else heard

    @property
    def relieved(self) -> bool:
        """Whether somebody else has taken over."""
        signal = self.signal
        return signal is not None and signal.get("successor_session_id") is not None

    def wait(self, timeout_s: float) -> bool:
        """Wait for a signal; False when there was none within the timeout."""
        self.listen()
        return self._told.wait(timeout_s)

    def journal(self, journal: str | None, task_id: str | None) -> None:
        """Answer that the notes are left, and which task is to go on."""
        name = self._newest()
        if name is not None and self.signal is not None:
            said = {"task_id": task_id} | ({} if journal is None else {"journal_ref": journal})
            self._answer(name, "journaled", **said)

    def consider(self) -> None:
        """Heed what was heard, as far as it is to the session's present generation."""
        name = self._newest()
        if name is None or self.signal is None:
            self._told.clear()
            return
        if self._heard[name].get("status") == "pending":
            self._answer(name, "acknowledged")
        self._told.set()

    def stop(self) -> None:
        """Listen no more."""
        if self._watch is not None:
            self._watch.unsubscribe()

    def _hear(self, documents: Sequence[_Snapshot], *_: object) -> None:
        for found in documents:
            fields = found.to_dict() or {}
            if fields.get("kind") != "rotate":
                continue
            self._heard = {**self._heard, found.id: fields}
            if found.id not in self._answers:
                steps = Steps()
                path = str(DocumentPath(self._fleet, SIGNALS, found.id))
                document = Document(self._client, path, steps, self._on_write)
                document.know(dict(fields), found.update_time)
                self._answers[found.id] = steps, document
        self.consider()

    def _answer(self, name: str, status: SignalStatus, **fields: Any) -> None:  # noqa: ANN401
        steps, document = self._answers[name]
        steps.take(status, **fields)
        self._writer.soon(document, now=True)

    def _newest(self) -> str | None:
        """Name the newest of this generation's signals: a later one counts what went before.

        One of a later generation is newer than what this process knows of its session.
        """
        heard, own = self._heard, self._generation()
        generations = {name: heard[name].get("generation") or 0 for name in heard}
        told = [name for name, generation in generations.items() if generation >= own]
        return max(told, key=lambda name: (generations[name], len(name), name), default=None)
