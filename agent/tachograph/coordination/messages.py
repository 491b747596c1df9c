"""Messages from agent to agent: the place of their content, and two instants.

The database dates both, the sending and the acknowledgement. So agents whose clocks differ by
minutes make no negative latency.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from google.cloud import firestore

from tachograph.firestore.database import FleetDatabase
from tachograph.firestore.document import CreateOnly, Document
from tachograph.firestore.listener import Listener, listen_or_warn
from tachograph.process.block import Block
from tachograph.process.fork import begins_anew
from tachograph.reports.checked import checked_fields
from tachograph_schema.paths import MESSAGES

_log = logging.getLogger("tachograph")
MAX_WAITING = 100
"""The number of oldest unacknowledged messages that are listened to at once."""
_LOOK_EVERY_S = 1.0


class Message:
    """A message to this agent that nobody has acknowledged yet."""

    def __init__(
        self, message_id: str, fields: Mapping[str, Any], outbox: Outbox, document: Document
    ) -> None:
        self.id = message_id
        self.from_agent: str | None = fields.get("from_agent_id")
        self.kind: str | None = fields.get("kind")
        self.ref: str | None = fields.get("ref")
        self.task_id: str | None = fields.get("task_id")
        self.sent_at: datetime | None = fields.get("sent_at")
        self.traceparent: str | None = fields.get("traceparent")
        self._outbox, self._document = outbox, document

    def acknowledge(self) -> None:
        """Acknowledge the message, in the background; a second time changes nothing."""
        self._outbox.acknowledge(self._document)


class Outbox:
    """Sends the messages of one session, and acknowledges those to its agent."""

    def __init__(self, database: FleetDatabase, agent: str) -> None:
        self.database, self.agent = database, agent

    def send(self, to_agent: str, message_id: str | None = None, **fields: str | None) -> str:
        """Send a message in the background and return its id."""
        name = message_id or uuid.uuid4().hex
        message = CreateOnly(
            checked_fields("messages", message_fields(self.agent, to_agent, **fields))
        )
        self.database.writer.soon(self.database.document(MESSAGES, name, message), now=True)
        return name

    def received(self, snapshot: Any) -> Message:  # noqa: ANN401 - typed in part
        """Return a message as it was read."""
        fields = snapshot.to_dict() or {}
        document = self.database.document(MESSAGES, snapshot.id, _Acknowledgement())
        document.read_as(fields, snapshot.update_time)
        return Message(snapshot.id, fields, self, document)

    def acknowledge(self, document: Document) -> None:
        """Acknowledge a received message in the background."""
        self.database.writer.soon(document, now=True)


def message_fields(from_agent: str, to_agent: str, **fields: str | None) -> dict[str, Any]:
    """Return a message's fields; `acknowledged_at` is null, so that a query can filter by it.

    Content is not among them, because it may be secret. `ref` is its place.
    """
    return {
        "from_agent_id": from_agent,
        "to_agent_id": to_agent,
        **{name: value for name, value in fields.items() if value is not None},
        "sent_at": firestore.SERVER_TIMESTAMP,
        "acknowledged_at": None,
    }


class Inbox(Block):
    """The messages to an agent that nobody has acknowledged, as they come; pushed, never polled.

    Iterate over it, take one at a time with `receive`, or have each passed to a callback. Each
    message is given once to each inbox. One that is not acknowledged is given again to the agent's
    next session, so none is lost with a session. An exception in the callback is logged.
    """

    def __init__(self, outbox: Outbox, on_message: Callable[[Message], None] | None = None) -> None:
        self._outbox = outbox
        self._waiting: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._given: set[str] = set()
        self._closed = False
        messages = outbox.database.collection(MESSAGES)
        self._query = (
            messages.where(filter=firestore.FieldFilter("to_agent_id", "==", outbox.agent))
            .where(filter=firestore.FieldFilter("acknowledged_at", "==", None))
            .order_by("sent_at")
            .limit(MAX_WAITING)
        )
        self._watch: Any = self._listen()
        begins_anew(self)
        outbox.database.listening.add(self)
        if on_message is not None:
            threading.Thread(
                target=self._pass_on, args=(on_message,), name="tachograph-inbox", daemon=True
            ).start()

    def forked(self) -> None:
        """Give nothing in a child: the messages are its parent's."""
        self._closed = True

    def receive(self, timeout_s: float | None = None) -> Message | None:
        """Wait up to `timeout_s` seconds for a message; None without one, or once it is closed."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._closed:
            left_s = _LOOK_EVERY_S if deadline is None else deadline - time.monotonic()
            try:
                return self._waiting.get(timeout=max(0.0, min(left_s, _LOOK_EVERY_S)))
            except queue.Empty:
                if deadline is not None and time.monotonic() >= deadline:
                    return None
                self._listen_again()
        return None

    def close(self) -> None:
        """Stop listening; a waiting `receive` returns None."""
        if not self._closed:
            self._closed = True
            self._watch.unsubscribe()
            self._waiting.put(None)

    def _listen(self) -> Listener:
        subject = f"fleets/{self._outbox.database.fleet}: messages to {self._outbox.agent}"
        return listen_or_warn(self._query, self._changed, subject)

    def _changed(self, _: object, changes: list[Any], __: object) -> None:
        for change in changes:
            name = change.document.id
            if change.type.name == "REMOVED":
                self._given.discard(name)
            elif name not in self._given:
                self._given.add(name)
                self._waiting.put(self._outbox.received(change.document))

    def _pass_on(self, on_message: Callable[[Message], None]) -> None:
        for message in self:
            try:
                on_message(message)
            except Exception:  # noqa: BLE001 - the agent's own; the messages after it are given
                _log.exception("messages/%s: the callback failed; the next is given", message.id)

    def _listen_again(self) -> None:
        """Listen again where the stream has ended for good, say because the token expired."""
        if not self._watch.is_active and not self._closed:
            _log.warning(
                "fleets/%s: the inbox's stream ended; listening again", self._outbox.database.fleet
            )
            self._watch = self._listen()

    def __iter__(self) -> Iterator[Message]:
        """Give messages until the inbox is closed."""
        while (message := self.receive()) is not None:
            yield message

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Give messages without holding up the event loop."""
        while not self._closed:
            message = await asyncio.to_thread(self.receive, _LOOK_EVERY_S)
            if message is not None:
                yield message

    def _leave(self, error: type[BaseException] | None) -> None:  # noqa: ARG002 - as any block
        self.close()


class _Acknowledgement:
    """The acknowledgement of a message that exists and is not acknowledged yet."""

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if landed is None or landed.get("acknowledged_at") is not None:
            return None
        return {"acknowledged_at": firestore.SERVER_TIMESTAMP}

    def wrote(self) -> None:
        """Do nothing: the next read of the document has it."""
