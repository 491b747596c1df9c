"""A folder of transcripts, replayed into a fleet: as fast as it goes, or at a multiple of life."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from tachograph_cli.replay.player import Player
from tachograph_cli.replay.schedule import Part, parts, schedule
from tachograph_cli.replay.tally import Tally
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tachograph import Fleet
    from tachograph_cli.replay.transcripts.events import Event
    from tachograph_cli.replay.transcripts.folder import Listing

FLUSH_S = 600.0
"""The longest wait, at the end, for what is not written yet."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to replay: `speed` 0 is as fast as possible; `live` records calls as of now."""

    speed: float = 0.0
    live: bool = False
    context_window: int | None = None
    at_once: int = 64


def replay(
    fleet: Fleet,
    listing: Listing,
    settings: Settings,
    progress: Callable[[Tally, int], None] = lambda _tally, _over: None,
) -> Tally:
    """Replay transcripts into a fleet; returns what it went through.

    A transcript that was replayed before changes nothing, one that has grown adds what is new.
    `progress` is called after every event with the tally and the number of windows that are over.
    At most `at_once` files are open, and nothing is held but the windows that play.
    """
    tally, over = Tally(), 0
    with closing(Seen()) as seen:
        for source in listing.sources:
            folder.claim(source, seen)

        def events(part: Part) -> Iterator[Event]:
            return chain.from_iterable(folder.read(source, seen) for source in part.sources)

        playing: dict[Part, Player] = {}
        lanes = parts(listing.sources)
        started_s = time.monotonic()
        for due_s, part, event in schedule(
            lanes, events, at_once=settings.at_once, speed=settings.speed
        ):
            _sleep_until(started_s + due_s)
            player = playing.get(part) or Player(
                fleet, part, seen, tally, live=settings.live, window=settings.context_window
            )
            if event is None:
                over += 1
                playing.pop(part, None)
                player.close()
            else:
                playing[part] = player
                player.play(event)
            progress(tally, over)
    fleet.flush(FLUSH_S)
    return tally


def _sleep_until(instant_s: float) -> None:
    wait_s = instant_s - time.monotonic()
    if wait_s > 0:
        time.sleep(wait_s)
