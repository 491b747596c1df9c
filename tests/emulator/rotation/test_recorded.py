"""Recordings of sessions that were compacted: the signal to rotate came before, once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from google.cloud import firestore

from support.wire.wait import until
from tachograph import Fleet
from tachograph_cli.replay.driver import Settings, replay
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_cli.replay.transcripts.events import Compacted

WINDOW_TOKENS = 200_000


def compactions(place: Path) -> dict[str, list[datetime]]:
    """Return when each session's own context was summarised, as its transcript says."""
    found: dict[str, list[datetime]] = defaultdict(list)
    sources = folder.find(place).sources
    with closing(CallRegistry()) as registry:
        for source in sources:
            folder.claim(source, registry)
        for source in sources:
            for event in folder.read(source, registry):
                if isinstance(event, Compacted) and event.agent == source.agent:
                    found[source.owner].append(event.at)
    return found


def test_every_recorded_session_was_told_to_rotate_before_it_was_compacted_and_once(
    stack_db: firestore.Client, fleet_name: str, shared: Path
) -> None:
    places = [shared / "data/claude-code/dev", shared / "data/claude-code/snapshots"]
    expected = {k: sorted(v) for place in places for k, v in compactions(place).items()}
    assert len(expected) == 9
    with Fleet(fleet_name) as fleet:
        for place in places:
            replay(fleet, folder.find(place), Settings(context_window=WINDOW_TOKENS))

    def all_told(signals: list[Mapping[str, Any]]) -> bool:
        settled = {(s["session_id"], s["generation"]): s.get("expired_because") for s in signals}
        return all(
            settled.get((session, generation)) == "compacted"
            for session, times in expected.items()
            for generation in range(len(times))
        )

    signals = until(stack_db.collection("fleets", fleet_name, "signals"), all_told)
    told = Counter((signal["session_id"], signal["generation"]) for signal in signals)
    assert set(told.values()) == {1}
    for signal in signals:
        times = expected.get(signal["session_id"], [])
        assert signal["context_remaining_pct"] <= signal["threshold_pct"] == 35
        if signal["generation"] < len(times):
            assert signal["crossed_at"] < times[signal["generation"]]
    # A context that filled up again after it was summarised is a further generation's.
    sessions = stack_db.collection("fleets", fleet_name, "sessions").stream()
    generations = {session.id: session.get("generation") for session in sessions}
    for session, times in expected.items():
        assert generations[session] == len(times)
    assert stack_db.collection("fleets", fleet_name, "alerts").get() == []
