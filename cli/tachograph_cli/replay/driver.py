"""The replay of a folder of transcripts into a fleet, as fast as possible or at a given speed."""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from tachograph.firestore.emulator_instance import database_key
from tachograph.reports.spool import spool_folder
from tachograph_cli.replay.bills import Bills
from tachograph_cli.replay.known_calls import KnownCalls
from tachograph_cli.replay.player import Player
from tachograph_cli.replay.schedule import RecordedSession, recorded_sessions, schedule
from tachograph_cli.replay.tally import Tally
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_cli.replay.transcripts.events import Billed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tachograph import Fleet
    from tachograph_cli.replay.transcripts.events import Event
    from tachograph_cli.replay.transcripts.folder import Listing

FLUSH_S = 600.0
"""The longest wait at the end, in seconds, for writes that are still queued."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a replay."""

    speed: float = 0.0
    """Times as fast as recorded; 0: as fast as possible."""
    live: bool = False
    """Whether calls are recorded as of now, not as of their own time."""
    context_window: int | None = None
    """The size of every context window in tokens; None: estimated from the recording."""
    agents_at_once: int = 64
    """The most sessions at a time, where there is a speed."""


def replay(
    fleet: Fleet,
    listing: Listing,
    settings: Settings,
    progress: Callable[[Tally, int], None] = lambda _tally, _ended: None,
) -> Tally:
    """Replay transcripts into a fleet and return the tally of the replay.

    A transcript that was replayed before changes nothing; one that has grown adds its new events.
    `progress` is called after every event, with the tally and the number of sessions that have
    ended. Memory holds the sessions that play, at most `agents_at_once` open files.
    """
    tally, ended = Tally(), 0
    with closing(_known_calls(fleet)) as known, closing(CallRegistry(known)) as registry:
        for source in listing.sources:
            folder.claim(source, registry)
        registry.keep_claims()
        folder.note_lineage(listing.sources, registry)

        def events(session: RecordedSession) -> Iterator[Event]:
            return chain.from_iterable(folder.read(source, registry) for source in session.sources)

        playing: dict[RecordedSession, Player] = {}
        bills, billed = Bills(), dict[str, Player]()
        sessions = recorded_sessions(listing.sources)
        started_s = time.monotonic()
        for due_s, session, event in schedule(
            sessions, events, agents_at_once=settings.agents_at_once, speed=settings.speed
        ):
            _sleep_until(started_s + due_s)
            player = playing.get(session) or Player(
                fleet,
                session,
                registry,
                tally,
                live=settings.live,
                window=settings.context_window,
            )
            if event is None:
                ended += 1
                playing.pop(session, None)
                player.close()
            else:
                playing[session] = player
                player.play(event)
                if isinstance(event, Billed):
                    bills.note(event)
                    billed[session.first.session] = player
            progress(tally, ended)
        for name, correction in bills.corrections(listing.sources, registry).items():
            if name in billed:
                billed[name].bill(correction)
    tally.written = fleet.flush(FLUSH_S)
    return tally


def _known_calls(fleet: Fleet) -> KnownCalls:
    """Return the calls of earlier replays into a fleet, which lie beside its spool."""
    return KnownCalls(spool_folder(os.environ, *database_key(fleet.client), fleet.name))


def _sleep_until(instant_s: float) -> None:
    wait_s = instant_s - time.monotonic()
    if wait_s > 0:
        time.sleep(wait_s)
