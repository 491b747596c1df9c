"""`python -m tachograph_cli.demo --fleet NAME`: hours of history, then live work until Ctrl-C."""

from __future__ import annotations

import heapq
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import click
from google.api_core.exceptions import GoogleAPICallError, RetryError

from tachograph import Fleet
from tachograph.firestore.client import service_client
from tachograph.tracing.settings import Tracing
from tachograph_cli.demo.actions import Pause
from tachograph_cli.demo.player import Player
from tachograph_cli.demo.retention import Retention
from tachograph_cli.demo.simulation import SimulatedFleet
from tachograph_cli.terminal.command_line import network_errors
from tachograph_cli.terminal.parameters import checked, finite, fleet_name
from tachograph_cli.terminal.streams import escaped_streams

if TYPE_CHECKING:
    from collections.abc import Callable

SLOWER = 40.0
"""The factor by which pauses of the past are longer: a day is some hundred tasks, not 10,000."""
HISTORY_S_PER_HOUR = 1.2
"""Seconds in which an hour of the past is written, so that the functions keep up."""
SLOWS_EVERY_S = 1800.0
"""The live work after which pauses are longer by those of the beginning, and so on."""
SLOWEST = 12.0
"""The most by which they are longer: an agent that is well still counts as such."""
AGAIN_S = 5.0
STUCK_S_BEFORE = 6 * 3600.0
"""The age of one agent's last progress, in the middle of a task. It is more than three times the
duration of tasks of the past, so that the functions find the agent stuck at once."""
STUCK = 4
"""The number of that worker, where there are as many."""


class Timeline:
    """All agents' actions in the order in which they are due, in seconds from now."""

    def __init__(self, fleet: Fleet, simulated: SimulatedFleet, run: str, hours: float) -> None:
        self._simulated = simulated
        self._numbers = count()
        self._stuck = simulated.workers[STUCK].name if len(simulated.workers) > STUCK else None
        self._due = [
            (-hours * 3600, next(self._numbers), Player(fleet, agent, run))
            for agent in simulated.agents
        ]
        self._hung: list[Player] = []

    def play_past(self, now: datetime) -> None:
        """Play the actions that are due before `now`, each as of its own time."""
        started_s, first_s = time.monotonic(), self._due[0][0]
        while self._due[0][0] < 0:
            due_s, _, player = heapq.heappop(self._due)
            elapsed_s = (due_s - first_s) / 3600 * HISTORY_S_PER_HOUR
            time.sleep(max(0.0, started_s + elapsed_s - time.monotonic()))
            hangs = due_s > -STUCK_S_BEFORE and player.agent.busy
            if hangs and player.agent.name == self._stuck:
                self._hung.append(player)
                continue
            pause_s = _turn(player, now + timedelta(seconds=due_s), live=False)
            heapq.heappush(self._due, (due_s + pause_s * SLOWER, next(self._numbers), player))
        # The next pauses are live ones, which are shorter.
        self._due = [(due_s / SLOWER, number, player) for due_s, number, player in self._due]
        heapq.heapify(self._due)

    def play_live(self, fleet: Fleet) -> None:
        """Play the following actions as they fall due, for ever."""
        for task in self._simulated.queue:
            fleet.create_task(task.id, **task.fields)
        for player in self._hung:
            player.hang()
        started_s = time.monotonic()
        while True:
            due_s, _, player = heapq.heappop(self._due)
            time.sleep(max(0.0, started_s + due_s - time.monotonic()))
            pause_s = _turn(player, datetime.now(UTC), live=True) * slowdown(due_s)
            heapq.heappush(self._due, (due_s + pause_s, next(self._numbers), player))


def slowdown(elapsed_s: float) -> float:
    """Return the factor by which pauses are longer after so many seconds of live work.

    Nobody watches a demo all day, and the emulator keeps all of its work in memory.
    """
    return min(SLOWEST, 1 + elapsed_s / SLOWS_EVERY_S)


def _turn(player: Player, at: datetime, *, live: bool) -> float:
    """Play an agent's actions until it pauses; return the pause in seconds."""
    player.read_signal(live=live)
    for action in player.agent.actions:
        if isinstance(action, Pause):
            return action.seconds
        _insist(partial(player.play, action, at, live=live))
        player.read_signal(live=live)
    raise AssertionError("a simulated agent ended its actions; expected an endless iterator")


def _insist(play: Callable[[], None]) -> None:
    """Play until it succeeds: on a busy machine an emulator may stand still for seconds."""
    while True:
        try:
            return play()
        except (GoogleAPICallError, RetryError, LookupError) as error:
            click.echo(f"{error}; tried again in {AGAIN_S:g} s", err=True)
            time.sleep(AGAIN_S)


def _keep_emulator_small(fleet: str) -> None:
    """Let old pretend data go, in an emulator alone: elsewhere nothing is deleted."""
    if "FIRESTORE_EMULATOR_HOST" in os.environ:
        threading.Thread(target=Retention(service_client(), fleet).run, daemon=True).start()


@click.command()
@click.option(
    "--fleet", "name", required=True, callback=checked(fleet_name), help="The fleet to pretend."
)
@click.option("--agents", type=click.IntRange(1, 200), default=12, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True, help="Decides everything.")
@click.option(
    "--hours",
    type=click.FloatRange(0, 24 * 30),
    default=24.0,
    show_default=True,
    callback=checked(finite),
)
def main(name: str, agents: int, seed: int, hours: float) -> None:
    """Pretend a fleet at work: HOURS of history first, then live until it is stopped."""
    # What is pretended ends with its stack, so nothing of it needs to be written first.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    now = datetime.now(UTC)
    run = f"{int(now.timestamp()) // 60:x}"[-4:]
    with (
        network_errors(f"fleets/{name}"),
        Fleet(name, tracing=Tracing(batches=True, keep_pct=100.0)) as fleet,
    ):
        _keep_emulator_small(name)
        simulated = SimulatedFleet(seed, agents, run)
        timeline = Timeline(fleet, simulated, run, hours)
        click.echo(f"{name}: laying down {hours:g} h of history")
        timeline.play_past(now)
        click.echo(f"{name}: {len(simulated.workers)} agents at work; Ctrl-C stops them")
        timeline.play_live(fleet)


if __name__ == "__main__":
    with escaped_streams():
        main()
