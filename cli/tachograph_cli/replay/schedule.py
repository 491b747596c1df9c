"""Pure: the schedule of a replay: which recorded session plays which event, and when."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.events import Event, ModelCall, Source, UnreadableLine
from tachograph_cli.replay.transcripts.values import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

LONGEST_GAP = timedelta(minutes=10)
"""The longest pause that is played; nights and lunch breaks are shortened to it."""


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """One context window of the recording: its files, in the order in which they are played."""

    sources: tuple[Source, ...]

    @property
    def first(self) -> Source:
        """The first file, which names the agent."""
        return self.sources[0]

    @property
    def agent(self) -> str:
        """The agent's name, the same in every replay, such as shop/8ef64fdd."""
        first = self.first
        name = f"{project(first.cwd, first.path.parent.name)}/{short(first.session)}"
        return name if first.agent is None else f"{name}.{first.agent}"


def recorded_sessions(sources: Sequence[Source]) -> list[RecordedSession]:
    """Group files by their context window, in the order of each window's first file."""
    windows: dict[str, list[Source]] = {}
    for source in sources:
        windows.setdefault(source.owner, []).append(source)
    return [RecordedSession(tuple(window)) for window in windows.values()]


def project(cwd: str | None, folder: str) -> str:
    """Return the name of an agent's project: the last folder of its path.

    `folder` stands in for a transcript without a path. In anonymised recordings the last folder is
    a number, so the user above it is taken.
    """
    names = [name for name in (cwd or folder).replace("\\", "/").split("/") if name]
    if len(names) > 1 and names[0] == "redacted":
        return names[1]
    return names[-1] if names else "somewhere"


def schedule(
    sessions: Iterable[RecordedSession],
    events: Callable[[RecordedSession], Iterator[Event]],
    *,
    agents_at_once: int,
    speed: float,
) -> Iterator[tuple[float, RecordedSession, Event | None]]:
    """Merge the sessions' events: yield the second since the start, the session and the event.

    None as an event marks the end of a session. `speed` is how many times as fast as recorded the
    events are due. At most `agents_at_once` sessions play at a time, each in its own order. With
    speed 0 one plays after the other, so that each needs the fewest writes.
    """
    waiting = deque(sessions)
    numbers = count()
    playing: list[
        tuple[float, int, RecordedSession, Event | None, Iterator[Event], datetime | None]
    ] = []

    def push(
        due_s: float, recording: RecordedSession, stream: Iterator[Event], before: datetime | None
    ) -> None:
        event = next(stream, None)
        at = None if event is None else recorded_at(event)
        if at is not None:
            due_s += pause_s(before, at, speed)
            before = at if before is None else max(before, at)
        # Of several events at one moment, the one that was pushed first is yielded first.
        heapq.heappush(playing, (due_s, next(numbers), recording, event, stream, before))

    def begin(now_s: float) -> None:
        if waiting:
            recording = waiting.popleft()
            push(now_s, recording, events(recording), None)

    for _ in range(agents_at_once if speed > 0 else 1):
        begin(0.0)
    while playing:
        now_s, _, recording, event, stream, before = heapq.heappop(playing)
        yield now_s, recording, event
        if event is None:
            begin(now_s)
        else:
            push(now_s, recording, stream, before)


def recorded_at(event: Event) -> datetime | None:
    """Return the time of an event's line; an unreadable line has none."""
    if isinstance(event, UnreadableLine):
        return None
    return event.line_at if isinstance(event, ModelCall) else event.at


def pause_s(before: datetime | None, now: datetime, speed: float) -> float:
    """Return how long to wait between two events of a window, in seconds of the replay."""
    if before is None or speed <= 0:
        return 0.0
    return max(timedelta(), min(now - before, LONGEST_GAP)).total_seconds() / speed
