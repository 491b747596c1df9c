"""A fleet at work, whatever happens to it: 50 agents, 500 tasks, in processes of their own.

`make simulate` runs it; it takes five minutes, and is no part of `make test`.

Processes are killed, the network between some and Firestore is cut for half a minute, clocks are
wrong by minutes, one tool takes long and says so, and two agents hang. What was promised is held
against what the agents themselves wrote down.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from google.cloud import firestore

from publishing.rollups import publish
from support.cli import run, wrong
from support.wire.relay import Relay, relayed
from tachograph import Fleet
from tachograph_cli.local.stack import Stack

PROCESSES, AGENTS, TASKS = 10, 5, 500
SKEWS_MIN = (-7, -3, 0, 0, 0, 0, 0, 0, 3, 7)
BEHIND_THE_CABLE = (2, 3, 4)
ODDITIES = {5: {"0": "hang"}, 6: {"0": "hang", "1": "long tool"}, 7: {"0": "long tool"}}
CUT_S = 30
KILLS = {100: 0, 200: 1, 300: 2}
"""When so many tasks are completed, which process is killed."""
CUT_AFTER_TASKS = 150
STUCK_AFTER_S = 75
"""More than the cut: who was cut off is well again, once its connection is up."""
POLICY = {
    "liveness": {"stuck_after_min_s": STUCK_AFTER_S, "missed_heartbeats": 10},
    "rotation": {"rotate_below_pct": 35},
}
PATIENCE_S = 1200


@dataclass
class Simulation:
    """The processes, and what is seen of their sessions while they work."""

    db: firestore.Client
    fleet: str
    folder: Path
    cable: Relay
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    killed_agents: set[str] = field(default_factory=set)
    seen_stuck: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """When a session was found stuck, and when its last progress had been, the first time."""
    started: int = 0

    def start(self, place: int) -> None:
        """Start a process with its agents; its ledger is its own."""
        self.started += 1
        name = f"p{place}-{self.started}"
        settings = {
            "fleet": self.fleet,
            "name": name,
            "agents": AGENTS,
            "skew_min": SKEWS_MIN[place],
            "oddities": ODDITIES.get(place, {}),
            "ledger": str(self.folder / f"{name}.jsonl"),
        }
        environment = {**os.environ, "TACHOGRAPH_SPOOL": str(self.folder / "spool")}
        if place in BEHIND_THE_CABLE:
            environment["FIRESTORE_EMULATOR_HOST"] = self.cable.address
        program = Path(__file__).parent / "agents_at_work.py"
        with (self.folder / f"{name}.err").open("wb") as said:
            self.processes[place] = subprocess.Popen(
                [sys.executable, str(program), json.dumps(settings)],
                env=environment,
                stdin=subprocess.PIPE,
                stderr=said,
            )

    def kill(self, place: int) -> None:
        """Kill a process as nothing can be prepared for, and start another in its place."""
        process = self.processes[place]
        process.kill()
        process.communicate()
        self.killed_agents |= {f"p{place}-{self.started_as(place)}-{n}" for n in range(AGENTS)}
        self.start(place)

    def started_as(self, place: int) -> int:
        """Return the number that the process in a place was started by."""
        settings = json.loads(str(self.processes[place].args[2]))  # type: ignore[index]  # a list
        return int(settings["name"].rpartition("-")[2])

    def cut_cable(self) -> None:
        """Cut it, and have it mended in half a minute."""
        self.cable.cut()
        Timer(CUT_S, self.cable.mend).start()

    def completed(self) -> int:
        """Count the tasks that are."""
        tasks = self.db.collection("fleets", self.fleet, "tasks")
        done = tasks.where(filter=firestore.FieldFilter("status", "==", "completed"))
        counted: Any = done.count()  # its types are wrong
        return int(counted.get()[0][0].value)

    def watch(self) -> Any:  # noqa: ANN401 - a listener
        """Note every session that functions find stuck."""
        sessions = self.db.collection("fleets", self.fleet, "sessions")
        stuck = sessions.where(filter=firestore.FieldFilter("effective_state", "==", "stuck"))

        def heard(documents: list[Any], *_: object) -> None:
            for document in documents:
                times = document.get("effective_since"), document.get("effective_progress_at")
                self.seen_stuck.setdefault(document.id, times)

        return stuck.on_snapshot(heard)

    def notes(self) -> Iterator[list[Any]]:
        """Yield what the agents wrote down, whichever process they were in."""
        for path in self.folder.glob("*.jsonl"):
            yield from (json.loads(line) for line in path.read_text().splitlines())

    def all(self, collection: str) -> dict[str, dict[str, Any]]:
        """Read a collection."""
        documents = self.db.collection("fleets", self.fleet, collection).stream()
        return {document.id: document.to_dict() or {} for document in documents}


@pytest.fixture(scope="module")
def simulated(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Run it once, for every promise below."""
    name = f"at-work-{os.urandom(4).hex()}"
    with ExitStack() as during:
        patch = during.enter_context(pytest.MonkeyPatch.context())
        for variable, value in stack.env.items():
            patch.setenv(variable, value)
        db = firestore.Client()
        db.document("fleets", name).set(POLICY)
        cable = during.enter_context(relayed(stack.address("firestore")))
        simulation = Simulation(db, name, tmp_path_factory.mktemp("agents"), cable)
        during.callback(_end, simulation)
        _run(simulation)
        _tell(simulation)
        yield simulation


def _run(simulation: Simulation) -> None:
    watching = simulation.watch()
    with Fleet(simulation.fleet) as orchestrator:
        for n in range(TASKS):
            orchestrator.create_task(f"t-{n}", task_type="edit", expected_duration_ms=5_000)
        assert orchestrator.flush(120)
    for place in range(PROCESSES):
        simulation.start(place)
    kills, is_cut = dict(KILLS), False
    deadline = time.monotonic() + PATIENCE_S
    while (done := simulation.completed()) < TASKS:
        assert time.monotonic() < deadline, f"{done} of {TASKS} tasks in {PATIENCE_S} s"
        for after in [after for after in kills if done >= after]:
            simulation.kill(kills.pop(after))
        if done >= CUT_AFTER_TASKS and not is_cut:
            is_cut = True
            simulation.cut_cable()
        time.sleep(0.5)
    _end(simulation)
    _settle(simulation)
    watching.unsubscribe()


def _tell(simulation: Simulation) -> None:
    sessions = simulation.all("sessions").values()
    reasons = Counter(session.get("end_reason") for session in sessions)
    gaps_ms = sorted(s["handoff_ms"] for s in sessions if s.get("handoff_ms") is not None)
    median_ms = gaps_ms[len(gaps_ms) // 2] if gaps_ms else None
    print(  # noqa: T201 - for whoever runs it
        f"\n{TASKS} tasks, {len(sessions)} sessions: {dict(reasons)}, "
        f"{len(simulation.killed_agents)} agents killed, {len(simulation.seen_stuck)} found stuck, "
        f"median handoff {median_ms} ms, {_total(simulation)['retries']} retries"
    )


def _end(simulation: Simulation) -> None:
    """Let every process finish what it does."""
    for process in simulation.processes.values():
        if process.stdin and not process.stdin.closed:
            process.stdin.close()
    for process in simulation.processes.values():
        process.wait(300)


def _settle(simulation: Simulation) -> None:
    """Wait until the functions have found who is gone, and counted everything."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        sessions = simulation.all("sessions").values()
        if all(session.get("ended_at") for session in sessions) and not _dirty(simulation):
            break
        time.sleep(2)
    # The functions emulator delivers an event once, or not at all: what is lost, the sweep counts.
    run("sweep", "--fleet", simulation.fleet, "--all-ages")
    publish(simulation.db, simulation.fleet)


def _dirty(simulation: Simulation) -> bool:
    shards = simulation.db.collection("fleets", simulation.fleet, "shards")
    dirty = shards.where(filter=firestore.FieldFilter("dirty", "==", value=True))
    return bool(dirty.limit(1).get())


def test_every_task_is_completed_exactly_once(simulated: Simulation) -> None:
    assert {task["status"] for task in simulated.all("tasks").values()} == {"completed"}
    ups: Counter[str] = Counter()
    for entry in simulated.all("ledger").values():
        n = json.loads(entry["delta"]).get("fleet", {}).get("tasks_completed", 0)
        assert n >= 0, f"{entry['path']} was taken back"
        ups[entry["path"]] += n
    assert sum(ups.values()) == TASKS
    assert set(ups.values()) <= {0, 1}
    assert _total(simulated)["tasks_completed"] == TASKS


def test_nothing_spent_is_lost_and_nothing_is_counted_twice(simulated: Simulation) -> None:
    intended: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    for what, task, out, *_ in simulated.notes():
        if what == "to spend":
            intended[task] += out
        elif what == "spent":
            spent[task] += out
    counted = {name: task.get("tokens_out", 0) for name, task in simulated.all("tasks").items()}
    for name, tokens in counted.items():
        assert spent[name] <= tokens <= intended[name], name
    assert _total(simulated)["tokens_out"] == sum(counted.values())
    assert wrong(simulated.fleet, "--all-ages") == {}


def test_every_rotation_has_one_successor(simulated: Simulation) -> None:
    sessions = simulated.all("sessions")
    successors = Counter(s.get("predecessor_session_id") for s in sessions.values())
    rotated = [name for name, s in sessions.items() if s.get("end_reason") == "rotated"]
    gone = {name for name in rotated if sessions[name]["agent_id"] in simulated.killed_agents}
    assert len(rotated) > PROCESSES
    for name in rotated:
        # Who is killed between the two steps leaves a rotation that nobody took up.
        assert successors[name] == 1 or (name in gone and successors[name] == 0)
    signals = simulated.all("signals").values()
    claimed = Counter(s["successor_session_id"] for s in signals if "successor_session_id" in s)
    assert set(claimed.values()) == {1}
    for signal in signals:
        successor = sessions.get(signal.get("successor_session_id", ""), {})
        assert successor.get("predecessor_session_id", signal["session_id"]) == signal["session_id"]


def test_killed_agents_sessions_are_closed_as_crashed_and_no_others(
    simulated: Simulation,
) -> None:
    sessions = simulated.all("sessions").values()
    crashed = [s for s in sessions if s.get("end_reason") == "crashed"]
    assert {s["agent_id"] for s in crashed} <= simulated.killed_agents
    for agent in simulated.killed_agents:
        last = max((s for s in sessions if s["agent_id"] == agent), key=lambda s: s["started_at"])
        assert last["end_reason"] in ("crashed", "rotated")


def test_who_hangs_is_found_stuck_within_a_tick_and_nobody_else(simulated: Simulation) -> None:
    hung = {session for what, session, *_ in simulated.notes() if what == "hang"}
    alive = {
        name for name in simulated.seen_stuck
        if simulated.all("sessions")[name]["agent_id"] not in simulated.killed_agents
    }  # fmt: skip
    assert alive == hung
    snapshots = simulated.all("snapshots")
    ticks = {datetime.fromisoformat(name): s["at"] for name, s in snapshots.items() if "at" in s}
    for name in hung:
        found_at, last_progress = simulated.seen_stuck[name]
        due = last_progress + timedelta(seconds=STUCK_AFTER_S)
        assert due <= found_at <= min(taken for bucket, taken in ticks.items() if bucket >= due)


def _total(simulation: Simulation) -> dict[str, int]:
    total = simulation.db.document("fleets", simulation.fleet, "rollups", "total_all").get()
    row: dict[str, int] = total.get("c.fleet")
    return row
