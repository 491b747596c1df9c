"""Documents that are kept alive, and what their beats say."""

from __future__ import annotations

from datetime import UTC, datetime

from google.cloud.firestore import SERVER_TIMESTAMP

from tachograph.firestore.writer import Heartbeats
from tachograph.session.document import SessionDocument

_THEN = datetime(2026, 3, 1, tzinfo=UTC)


class _Document:
    def __init__(self, written_s: float) -> None:
        self.written_s = written_s
        self.beats = 0

    def beat(self) -> None:
        self.beats += 1


def test_only_what_was_silent_for_too_long_beats_and_nobody_else_is_looked_at() -> None:
    quiet, busy = _Document(0), _Document(0)
    hearts: Heartbeats[_Document] = Heartbeats()
    for document in (quiet, busy):
        hearts.keep(document, document, 60)
    assert hearts.due(59.9) == []
    assert hearts.next_s == 60
    busy.written_s = 50
    assert hearts.due(60) == [quiet]
    assert (quiet.beats, busy.beats) == (1, 0)
    assert hearts.next_s == 110, "the busy one's"
    quiet.written_s = 61
    assert hearts.due(110) == [busy]
    hearts.let_go(busy)
    assert hearts.due(121) == [quiet]


def _said(health: SessionDocument, landed: dict[str, object] | None = None) -> dict[str, object]:
    fields = health.next_fields(landed)
    health.wrote()
    return fields or {}


def test_promise_begins_with_the_first_word_of_now_and_is_made_once() -> None:
    health = SessionDocument(60)
    health.say(_THEN, {"state": "idle"})
    assert _said(health)["last_seen_at"] == _THEN
    health.beat()
    assert not _said(health), "a session that speaks of the past is not there"
    health.say(None, {"state": "active"})
    first = _said(health)
    assert first["heartbeat_s"] == 60
    assert first["last_progress_at"] is SERVER_TIMESTAMP, "another state is progress"
    health.say(None, {"state": "active"})
    again = _said(health)
    assert not {"heartbeat_s", "last_progress_at"} & again.keys(), "saying so is none"
    health.beat()
    assert _said(health) == {"last_seen_at": SERVER_TIMESTAMP}


def test_replay_promises_nothing_though_it_plays_live() -> None:
    health = SessionDocument(None)
    health.say(None, {"state": "active"})
    assert "heartbeat_s" not in _said(health)
    health.beat()
    assert not _said(health)


def test_progress_is_told_once_however_much_there_is() -> None:
    health = SessionDocument(60)
    health.say(None, {"state": "active"})
    _said(health)
    assert health.moved_on()
    assert not health.moved_on()
    moved = _said(health)
    assert moved == dict.fromkeys(("last_progress_at", "last_seen_at"), SERVER_TIMESTAMP)
    assert health.moved_on()


def test_sign_of_life_that_was_refused_is_given_again_and_takes_back_a_wrong_end() -> None:
    health = SessionDocument(60)
    health.say(None, {"state": "active"})
    _said(health)
    health.moved_on()
    assert health.next_fields({}) is not None
    lost = {"state": "completed", "end_reason": "crashed", "ended_at": _THEN}
    back = _said(health, lost)
    assert (back["state"], back["end_reason"], back["ended_at"]) == ("active", None, None)
    assert back["last_progress_at"] is SERVER_TIMESTAMP


def test_session_that_has_ended_stays_so_whatever_comes_late() -> None:
    health = SessionDocument(60)
    health.say(None, {"state": "completed", "end_reason": "crashed"})
    _said(health)
    health.moved_on()
    assert "state" not in _said(health, {"end_reason": "crashed"})


def test_what_is_said_now_is_heard_though_the_document_is_ahead_of_this_clock() -> None:
    health = SessionDocument(60)
    health.say(None, {"state": "active"})
    ahead = datetime(2100, 1, 1, tzinfo=UTC)
    said = _said(health, {"reported_at": ahead})
    assert (said["state"], said["reported_at"]) == ("active", ahead)
