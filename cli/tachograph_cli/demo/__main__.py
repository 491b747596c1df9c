"""`python -m tachograph_cli.demo --fleet NAME`: some hours of the past, then work until Ctrl-C."""

from __future__ import annotations

import heapq
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import click

from tachograph import Fleet
from tachograph.tracing.settings import Tracing
from tachograph_cli.demo.actions import Paused
from tachograph_cli.demo.player import Actor
from tachograph_cli.demo.simulation import World

if TYPE_CHECKING:
    from types import FrameType

SLOWER = 40.0
"""How much longer the past's pauses are: a day of it is some hundred tasks, not ten thousand."""
HISTORY_S_PER_HOUR = 1.2
"""Seconds to lay down an hour of the past in, so that the functions keep up."""
STUCK_S_BEFORE = 6 * 3600.0
"""How long ago one agent stopped getting on, in the middle of a task: more than three times what
tasks take in the past, so that the functions find it as soon as they look."""
STUCK = 4
"""Which worker that is, where there are as many."""


class Play:
    """Everybody's acts, in the order they are due: seconds from now, the past below zero."""

    def __init__(self, fleet: Fleet, world: World, run: str, hours: float) -> None:
        self._world = world
        self._numbers = count()
        self._stuck = world.workers[STUCK].name if len(world.workers) > STUCK else None
        self._due = [
            (-hours * 3600, next(self._numbers), Actor(fleet, agent, run)) for agent in world.agents
        ]
        self.actors = [actor for _, _, actor in self._due]
        self._hung: list[Actor] = []

    def past(self, now: datetime, stop: threading.Event) -> None:
        """Play what is due before now, each act in its own time."""
        began_s, first_s = time.monotonic(), self._due[0][0]
        while self._due[0][0] < 0 and not stop.is_set():
            due_s, _, actor = heapq.heappop(self._due)
            elapsed_s = (due_s - first_s) / 3600 * HISTORY_S_PER_HOUR
            stop.wait(max(0.0, began_s + elapsed_s - time.monotonic()))
            hangs = due_s > -STUCK_S_BEFORE and actor.agent.busy
            if hangs and actor.agent.name == self._stuck:
                self._hung.append(actor)
                continue
            pause_s = _turn(actor, now + timedelta(seconds=due_s), live=False)
            heapq.heappush(self._due, (due_s + pause_s * SLOWER, next(self._numbers), actor))
        # Nobody rests an hour into the watched part: pauses of the past were the longer ones.
        self._due = [(due_s / SLOWER, number, actor) for due_s, number, actor in self._due]
        heapq.heapify(self._due)

    def present(self, fleet: Fleet, stop: threading.Event) -> None:
        """Play on as time passes, until somebody says stop."""
        for job in self._world.queue:
            fleet.create_task(job.id, **job.fields)
        for actor in self._hung:
            actor.hang()
        began_s = time.monotonic()
        while not stop.is_set():
            due_s, _, actor = heapq.heappop(self._due)
            if stop.wait(max(0.0, began_s + due_s - time.monotonic())):
                return
            pause_s = _turn(actor, datetime.now(UTC), live=True)
            heapq.heappush(self._due, (due_s + pause_s, next(self._numbers), actor))


def _turn(actor: Actor, at: datetime, *, live: bool) -> float:
    """Let an agent act until it pauses; returns for how long."""
    actor.feel(live=live)
    for act in actor.agent.life:
        if isinstance(act, Paused):
            return act.seconds
        actor.act(act, at, live=live)
        actor.feel(live=live)
    raise AssertionError("a pretended agent's life ended; expected one without end")


@click.command()
@click.option("--fleet", "name", required=True, help="The fleet to pretend.")
@click.option("--agents", type=click.IntRange(1, 200), default=12, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True, help="Decides everything.")
@click.option("--hours", type=click.FloatRange(0, 24 * 30), default=24.0, show_default=True)
def main(name: str, agents: int, seed: int, hours: float) -> None:
    """Pretend a fleet at work: HOURS of history first, then live until it is stopped."""
    stop = threading.Event()

    def leave(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    now = datetime.now(UTC)
    run = f"{int(now.timestamp()) // 60:x}"[-4:]
    with Fleet(name, tracing=Tracing(batches=True, keep_pct=100.0)) as fleet:
        play = Play(fleet, World(seed, agents, run), run, hours)
        click.echo(f"{name}: laying down {hours:g} h of history")
        play.past(now, stop)
        if not stop.is_set():
            click.echo(f"{name}: {agents} agents at work; Ctrl-C stops them")
            play.present(fleet, stop)
        for actor in play.actors:
            actor.end()


if __name__ == "__main__":
    main()
