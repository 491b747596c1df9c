"""Series for a long look back: a session's context history, and a snapshot of each hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.cloud import firestore

from publishing import snapshots
from tachograph import Fleet

BEGAN = datetime(2026, 2, 16, 18, tzinfo=UTC)


def test_session_remembers_how_its_window_filled(db: firestore.Client, fleet_name: str) -> None:
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", context_window=1000)
        for minute, used in enumerate((100, 400, 750)):
            session.context(used, at=BEGAN + timedelta(minutes=minute))
    [found] = db.collection("fleets", fleet_name, "sessions").get()
    second = int(BEGAN.timestamp())
    assert found.get("context_history") == f"{second}:90 {second + 60}:60 {second + 120}:25"


def test_first_snapshot_of_an_hour_is_marked_and_no_other(
    db: firestore.Client, fleet_name: str
) -> None:
    moments = [BEGAN + timedelta(minutes=m) for m in (5, 6, 59, 60, 61, 190)]
    for at in moments:
        snapshots.take_snapshot(db, fleet_name, at, at)
    taken = db.collection("fleets", fleet_name, "snapshots")
    assert len(taken.get()) == len(moments)
    marked = taken.order_by("hour", direction=firestore.Query.DESCENDING).limit(48).get()
    assert [(found.get("hour"), found.get("at")) for found in marked] == [
        ("2026-02-16T21", moments[5]),
        ("2026-02-16T19", moments[3]),
        ("2026-02-16T18", moments[0]),
    ]
    live = db.document("fleets", fleet_name, "live", "now").get()
    assert "hour" not in (live.to_dict() or {})
