"""Agents at work in a process, for the simulation of a fleet: `agents_at_work.py SETTINGS`.

Each agent takes tasks, calls models and tools, and hands over when it is told to, until its
standard input ends. What it spends is written to a file of its own, before and after it is
recorded: whatever kills the process, what was recorded lies between the two.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from google.api_core.exceptions import GoogleAPICallError, RetryError

from tachograph import Fleet, Session, TaskRun, Usage

MODEL = "claude-haiku-4-5"
WINDOW_TOKENS = 200_000
GROWTH_TOKENS = 12_000
BOOTSTRAP_TOKENS = 12_000
LONG_TOOL_S = 100
"""Longer than a task may stand still, but declared."""
HANG_S = 120
"""Longer still, and not declared."""
# An emulator delivers one event after the other, and sorts all tasks for a look at an empty queue.
FLUSH_S = 4.0
TOOL_S = (7.0, 12.0)
IDLE_S = (15.0, 30.0)


class _Ledger:
    """The usage of this process, by its own account."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, *words: object) -> None:
        """Append a line; it outlives the process as soon as this returns."""
        os.write(self._file, (json.dumps(words) + "\n").encode())


class _Agent:
    """One agent: its present session, and how full that is."""

    def __init__(
        self, fleet: Fleet, name: str, ledger: _Ledger, oddity: str | None, pause: Path
    ) -> None:
        self._fleet, self._name, self._ledger = fleet, name, ledger
        self._pause = pause
        self._oddity = oddity
        self._random = random.Random(name)  # noqa: S311 - a simulation's
        self._session = self._fresh(None)

    def work(self, over: threading.Event) -> None:
        """Take tasks until it is over, and none while the functions are behind."""
        while not over.is_set():
            if self._pause.exists():
                over.wait(1)
                continue
            try:
                task = self._session.claim_next()
            except (GoogleAPICallError, RetryError):
                continue  # the network is cut
            if task is None:
                over.wait(self._random.uniform(*IDLE_S))
                continue
            self._do(task)
            if self._session.should_rotate:
                self._session.hand_off(journal=f"notes/{self._session.id}")
                self._session = self._fresh(self._session.id)
        self._session.end()

    def _do(self, task: TaskRun) -> None:
        self._ledger.note("began", self._session.id, task.id)
        for _ in range(self._random.randint(1, 3)):
            self._call(task)
            with task.tool_call("edit"):
                time.sleep(self._random.uniform(*TOOL_S))
        if self._oddity is not None:
            self._be_odd(task)
        if not task.lost:
            task.complete()

    def _be_odd(self, task: TaskRun) -> None:
        oddity, self._oddity = self._oddity, None
        self._ledger.note(oddity, self._session.id, task.id)
        if oddity == "long tool":
            with task.tool_call("build", up_to_s=2 * LONG_TOOL_S):
                time.sleep(LONG_TOOL_S)
        else:
            time.sleep(HANG_S)

    def _call(self, task: TaskRun) -> None:
        self._used += GROWTH_TOKENS
        out = self._random.randint(1, 500)
        usage = Usage(tokens_in=GROWTH_TOKENS, cache_read_tokens=self._used, tokens_out=out)
        self._ledger.note("to spend", task.id, out)
        task.record(usage, model=MODEL, provider="anthropic")
        self._ledger.note("spent", task.id, out)

    def _fresh(self, predecessor: str | None) -> Session:
        self._used = BOOTSTRAP_TOKENS
        while True:
            try:
                return self._fleet.session(
                    self._name,
                    model=MODEL,
                    provider="anthropic",
                    context_window=WINDOW_TOKENS,
                    successor_of=predecessor,
                )
            except (GoogleAPICallError, RetryError):
                continue  # as above


def _set_clocks(minutes: float) -> None:
    """Have every module of the SDK tell a time that is wrong by so much."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:  # noqa: ANN401 - as datetime.now
            return datetime.now(tz) + timedelta(minutes=minutes)

    for name, module in list(sys.modules.items()):
        if name.startswith("tachograph") and getattr(module, "datetime", None) is datetime:
            module.datetime = Wrong  # type: ignore[attr-defined]  # seen in the line above


def main(settings: dict[str, Any]) -> NoReturn:
    """Run so many agents until standard input ends."""
    _set_clocks(settings["skew_min"])
    over = threading.Event()
    ledger = _Ledger(settings["ledger"])
    fleet = Fleet(settings["fleet"], flush_interval_s=FLUSH_S)
    agents = [
        _Agent(
            fleet,
            f"{settings['name']}-{n}",
            ledger,
            settings["oddities"].get(str(n)),
            Path(settings["pause"]),
        )
        for n in range(settings["agents"])
    ]
    threads = [threading.Thread(target=agent.work, args=(over,)) for agent in agents]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    fleet.flush(60)
    fleet.close()
    sys.exit()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
