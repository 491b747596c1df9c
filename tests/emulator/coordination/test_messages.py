"""Messages: sent once, heard by whom they are for, noted once, by one clock."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

from google.cloud import firestore

from publishing.snapshots import take_snapshot
from support.recount import cells_of
from support.wire.events import Version
from tachograph import Fleet
from tachograph_schema.counters.names import FLEET
from tachograph_schema.documents.coordination import Message
from tachograph_schema.parsing import parse
from tachograph_schema.paths import MESSAGES, bucket_of

_WAIT_S = 30.0


def _messages(db: firestore.Client, fleet: str) -> dict[str, dict[str, Any]]:
    found = db.collection("fleets", fleet, MESSAGES).stream()
    return {message.id: message.to_dict() or {} for message in found}


def test_message_reaches_its_addressee_and_its_latency_is_the_databases(
    db: firestore.Client, fleet_name: str
) -> None:
    with (
        Fleet(fleet_name) as fleet,
        fleet.session("b-1") as asking,
        fleet.session("b-2") as answering,
    ):
        sent = asking.send("b-2", kind="question", ref="gs://notes/7", task_id="t-1")
        message = answering.inbox().receive(_WAIT_S)
        assert message is not None
        assert (message.id, message.from_agent, message.kind) == (sent, "b-1", "question")
        assert (message.ref, message.task_id) == ("gs://notes/7", "t-1")
        message.acknowledge()
        fleet.flush()
        noted = db.document("fleets", fleet_name, MESSAGES, sent).get()
    fields = noted.to_dict() or {}
    document, problems = parse(Message, fields)
    assert problems == ()
    assert set(fields) <= set(type(document).model_fields)
    assert noted.create_time <= fields["acknowledged_at"] <= noted.update_time
    assert fields["sent_at"] <= fields["acknowledged_at"]
    row = cells_of(noted.reference.path, Version(fields, datetime.now(UTC)))[FLEET]
    assert row["messages_acknowledged"] == 1
    assert sum(n for name, n in row.items() if name.startswith("message_latency_ms~")) == 1


def test_message_acknowledged_again_stays_acknowledged_when_it_was(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        sent = fleet.session("b-1").send("b-2")
        both = [fleet.session("b-2").inbox() for _ in range(2)]  # the old window and the new one
        first, second = (inbox.receive(_WAIT_S) for inbox in both)
        assert first is not None
        assert second is not None
        first.acknowledge()
        fleet.flush()
        at = _messages(db, fleet_name)[sent]["acknowledged_at"]
        for message in (first, second, first):
            message.acknowledge()
            fleet.flush()
        assert _messages(db, fleet_name)[sent]["acknowledged_at"] == at
        for inbox in both:
            inbox.close()


def test_message_sent_again_under_its_id_is_one_message(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1")
        for _ in range(3):
            session.send("b-2", kind="result", message_id="t-1-done")
            fleet.flush()
    assert list(_messages(db, fleet_name)) == ["t-1-done"]


def test_backlog_counts_what_nobody_has_acknowledged(db: firestore.Client, fleet_name: str) -> None:
    with Fleet(fleet_name) as fleet:
        for _ in range(3):
            fleet.session("b-1").send("b-2")
        fleet.flush()
        with fleet.session("b-2").inbox() as inbox:
            message = inbox.receive(_WAIT_S)
            assert message is not None
            message.acknowledge()
    now = datetime.now(UTC)
    take_snapshot(db, fleet_name, bucket_of(now), now)
    assert db.document("fleets", fleet_name, "live", "now").get().get("messages_pending") == 2


def test_messages_come_in_their_order_and_only_to_whom_they_are_for(
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
) -> None:
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1")
        sent = []
        for n in range(5):
            sent.append(session.send("b-2", kind=f"k-{n}"))
            session.send("b-3")
            fleet.flush()
        with fleet.session("b-2").inbox() as inbox:
            heard = [message.id for _, message in zip(sent, inbox, strict=False)]
            session.send("b-2", message_id="one-more")
            more = inbox.receive(_WAIT_S)
            assert more is not None
            assert [*heard, more.id] == [*sent, "one-more"]


def test_message_of_a_session_that_ended_unacknowledged_reaches_the_next(
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
) -> None:
    with Fleet(fleet_name) as fleet:
        fleet.session("b-1").send("b-2", message_id="m-1")
        fleet.flush()
        for _ in range(2):
            with fleet.session("b-2") as session:
                message = session.inbox().receive(_WAIT_S)
                assert message is not None
                assert message.id == "m-1"


def test_inbox_ends_with_its_session(db: firestore.Client, fleet_name: str) -> None:  # noqa: ARG001 - sets the environment
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-2")
        inbox = session.inbox()
        waiting = threading.Thread(target=lambda: list(inbox))
        waiting.start()
        session.end()
        waiting.join(_WAIT_S)
        assert not waiting.is_alive()


def test_callback_is_called_with_each_message(db: firestore.Client, fleet_name: str) -> None:
    heard: list[str] = []
    done = threading.Event()

    def hear(message: Any) -> None:  # noqa: ANN401 - a Message
        heard.append(message.id)
        message.acknowledge()
        if len(heard) == 3:
            done.set()

    with Fleet(fleet_name) as fleet, fleet.session("b-2") as session:
        session.inbox(hear)
        for n in range(3):
            session.send("b-2", message_id=f"m-{n}")
        assert done.wait(_WAIT_S)
    assert sorted(heard) == ["m-0", "m-1", "m-2"]
    assert all(fields["acknowledged_at"] for fields in _messages(db, fleet_name).values())


def test_coroutine_hears_messages(db: firestore.Client, fleet_name: str) -> None:  # noqa: ARG001 - sets the environment
    async def first() -> str | None:
        async for message in session.inbox():
            return message.id
        return None

    with Fleet(fleet_name) as fleet, fleet.session("b-2") as session:
        session.send("b-2", message_id="m-1")
        assert asyncio.run(first()) == "m-1"
