"""What a replay decides: who plays, when, and what an event means. No clock, no I/O."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.events import Broken, Called, Event, Source
from tachograph_cli.replay.transcripts.values import short
from tachograph_schema.pricing.price import price

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

LONGEST_GAP = timedelta(minutes=10)
"""The longest pause that is played: nights and lunches would leave nobody at work."""
USUAL_WINDOW = 200_000
LONG_WINDOW = 1_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """One context window of the recording: its files, in the order they are played."""

    sources: tuple[Source, ...]

    @property
    def first(self) -> Source:
        """The file that names the agent."""
        return self.sources[0]

    @property
    def agent(self) -> str:
        """A name a person can read, the same in every replay: `shop/8ef64fdd`."""
        first = self.first
        name = f"{project(first.cwd, first.path.parent.name)}/{short(first.session)}"
        return name if first.agent is None else f"{name}.{first.agent}"


def parts(sources: Sequence[Source]) -> list[Part]:
    """Group files by the window they recorded, keeping the order of each window's first file."""
    windows: dict[str, list[Source]] = {}
    for source in sources:
        windows.setdefault(source.owner, []).append(source)
    return [Part(tuple(window)) for window in windows.values()]


def project(cwd: str | None, folder: str) -> str:
    """Return what an agent works on, for its name: the last folder of its path.

    In recordings made anonymous that folder is a number, and the user above it says more.
    """
    steps = [step for step in (cwd or folder).replace("\\", "/").split("/") if step]
    if len(steps) > 1 and steps[0] == "redacted":
        return steps[1]
    return steps[-1] if steps else "somewhere"


def schedule(
    lanes: Iterable[Part],
    events: Callable[[Part], Iterator[Event]],
    *,
    at_once: int,
    speed: float,
) -> Iterator[tuple[float, Part, Event | None]]:
    """Merge the windows' events as they fall due: seconds since the start, whose, and what.

    Every window keeps its own order and begins when there is room for it; None says that it is
    over. With speed 0 one plays after the other, so that each writes as little as it can.
    """
    waiting = deque(lanes)
    numbers = count()
    playing: list[tuple[float, int, Part, Event | None, Iterator[Event], datetime | None]] = []

    def push(due_s: float, part: Part, stream: Iterator[Event], before: datetime | None) -> None:
        event = next(stream, None)
        at = None if event is None else said_at(event)
        if at is not None:
            due_s += pause_s(before, at, speed)
            before = at if before is None else max(before, at)
        # At one moment the one that has waited longest is first.
        heapq.heappush(playing, (due_s, next(numbers), part, event, stream, before))

    def begin(now_s: float) -> None:
        if waiting:
            part = waiting.popleft()
            push(now_s, part, events(part), None)

    for _ in range(at_once if speed > 0 else 1):
        begin(0.0)
    while playing:
        now_s, _, part, event, stream, before = heapq.heappop(playing)
        yield now_s, part, event
        if event is None:
            begin(now_s)
        else:
            push(now_s, part, stream, before)


def said_at(event: Event) -> datetime | None:
    """Return when the recording said it; a broken line has no time."""
    if isinstance(event, Broken):
        return None
    return event.said_at if isinstance(event, Called) else event.at


def pause_s(before: datetime | None, now: datetime, speed: float) -> float:
    """Return how long to wait between two events of a window, in seconds of the replay."""
    if before is None or speed <= 0:
        return 0.0
    return max(timedelta(), min(now - before, LONGEST_GAP)).total_seconds() / speed


def window(known: int | None, said: int | None, prompt_tokens: int) -> int:
    """Return the size of a context window: what the record says, else what the calls show.

    It is no function of the model's name, so it is the usual one until a call is larger.
    """
    if said:
        return said
    fits = LONG_WINDOW if prompt_tokens > USUAL_WINDOW else USUAL_WINDOW
    return max(known or 0, fits)


def growth_cost_nanousd(event: Called, provider: str | None) -> int | None:
    """Return what a call costs more than was told; None for a first telling, or without a price.

    The difference of two prices and not the price of the difference: a long call's every token
    costs more.
    """
    if event.grown_from is None or event.model is None:
        return None
    now = price(event.usage, event.model, provider, event.at)
    before = price(event.grown_from, event.model, provider, event.at)
    return None if now is None or before is None else now - before
