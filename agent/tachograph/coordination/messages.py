"""Messages from agent to agent: where their content is, when they were sent and acknowledged.

Both instants are the database's, so two agents whose clocks differ by minutes make no negative
latency.
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
from types import TracebackType
from typing import Any, Self

from google.cloud import firestore

from tachograph.coordination.incidents import CreateOnly
from tachograph.firestore.listener import Listener, listen_or_warn
from tachograph.firestore.writer import Document, OnWrite, Writer
from tachograph_schema.paths import FLEETS, MESSAGES, DocumentPath

_log = logging.getLogger("tachograph")
MAX_WAITING = 100
"""Unacknowledged messages that are listened to at once, the oldest; others follow as these go."""
_LOOK_EVERY_S = 1.0


class Message:
    """A message to this agent that nobody has acknowledged yet."""

    def __init__(
        self, message_id: str, fields: Mapping[str, Any], mark: Callable[[], None]
    ) -> None:
        self.id = message_id
        self.from_agent: str | None = fields.get("from_agent_id")
        self.kind: str | None = fields.get("kind")
        self.ref: str | None = fields.get("ref")
        self.task_id: str | None = fields.get("task_id")
        self.sent_at: datetime | None = fields.get("sent_at")
        self.traceparent: str | None = fields.get("traceparent")
        self._mark = mark

    def acknowledge(self) -> None:
        """Take note of the message, in the background; a second time changes nothing."""
        self._mark()


class Post:
    """Sends the messages of one session, and acknowledges those to its agent."""

    def __init__(
        self, client: firestore.Client, fleet: str, agent: str, writer: Writer, on_write: OnWrite
    ) -> None:
        self.client, self.fleet, self.agent = client, fleet, agent
        self._writer, self._on_write = writer, on_write

    def send(self, to_agent: str, message_id: str | None = None, **fields: str | None) -> str:
        """Send a message in the background and return its id."""
        name = message_id or uuid.uuid4().hex
        said = message_fields(self.agent, to_agent, **fields)
        self._writer.soon(self._document(name, CreateOnly(said)), now=True)
        return name

    def received(self, found: Any) -> Message:  # noqa: ANN401 - a snapshot, typed in part
        """Return a message as it was read."""
        fields = found.to_dict() or {}
        document = self._document(found.id, _Acknowledgement())
        document.know(fields, found.update_time)
        return Message(found.id, fields, lambda: self._writer.soon(document, now=True))

    def _document(self, name: str, pending: CreateOnly | _Acknowledgement) -> Document:
        path = DocumentPath(self.fleet, MESSAGES, name)
        return Document(self.client, str(path), pending, self._on_write)


def message_fields(from_agent: str, to_agent: str, **fields: str | None) -> dict[str, Any]:
    """Return a message's fields; `acknowledged_at` is there, as null, so that it can be asked for.

    Content is not among them: it would be a second home for what may be secret. `ref` says where
    it is.
    """
    return {
        "from_agent_id": from_agent,
        "to_agent_id": to_agent,
        **{name: value for name, value in fields.items() if value is not None},
        "sent_at": firestore.SERVER_TIMESTAMP,
        "acknowledged_at": None,
    }


class Inbox:
    """The messages to an agent that nobody has acknowledged, as they come; pushed, never polled.

    Iterate over it, take one at a time with `receive`, or have each passed to a callback. Each is
    given once to each inbox; one that is not acknowledged is given again to the agent's next
    session, so that none is lost with a session. What a callback raises ends its thread, as any.
    """

    def __init__(self, post: Post, on_message: Callable[[Message], None] | None = None) -> None:
        self._post = post
        self._waiting: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._given: set[str] = set()
        self._closed = False
        messages = post.client.collection(FLEETS, post.fleet, MESSAGES)
        self._query = (
            messages.where(filter=firestore.FieldFilter("to_agent_id", "==", post.agent))
            .where(filter=firestore.FieldFilter("acknowledged_at", "==", None))
            .order_by("sent_at")
            .limit(MAX_WAITING)
        )
        self._watch: Any = self._listen()
        if on_message is not None:
            threading.Thread(target=self._pass_on, args=(on_message,), daemon=True).start()

    def receive(self, timeout_s: float | None = None) -> Message | None:
        """Wait for a message; None when there was none within the timeout, or it was closed."""
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
        """Stop listening; who waits for a message waits no longer."""
        if not self._closed:
            self._closed = True
            self._watch.unsubscribe()
            self._waiting.put(None)

    def _listen(self) -> Listener:
        what = f"fleets/{self._post.fleet}: messages to {self._post.agent}"
        return listen_or_warn(self._query, self._heard, what)

    def _heard(self, _: object, changes: list[Any], __: object) -> None:
        for change in changes:
            name = change.document.id
            if change.type.name == "REMOVED":
                self._given.discard(name)
            elif name not in self._given:
                self._given.add(name)
                self._waiting.put(self._post.received(change.document))

    def _pass_on(self, on_message: Callable[[Message], None]) -> None:
        for message in self:
            on_message(message)

    def _listen_again(self) -> None:
        """Begin anew where the stream has ended for good, say because the token ran out."""
        if not self._watch.is_active and not self._closed:
            _log.warning("fleets/%s: the inbox's stream ended; listening again", self._post.fleet)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Acknowledgement:
    """That a message was noted: said only of one that is there and was not noted before."""

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if landed is None or landed.get("acknowledged_at") is not None:
            return None
        return {"acknowledged_at": firestore.SERVER_TIMESTAMP}

    def wrote(self) -> None:
        """Nothing is left to be said."""
