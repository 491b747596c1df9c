"""A fleet at work, whatever happens to it: 50 agents, 500 tasks, in processes of their own.

`make simulate` runs it; it takes eight to ten minutes, and is no part of `make test`.

Processes are killed, the network between some and Firestore is cut for half a minute, clocks are
wrong by minutes, one tool takes long and says so, and two agents hang. Six further agents are
hostile: they do whatever an ordinary agent's credential lets them do. What was promised is held
against what the honest agents themselves wrote down.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from google.cloud import firestore

from publishing.rollups import publish
from simulation.simulated import (
    CUT_AFTER_TASKS,
    HONEST,
    KILLS,
    POLICY,
    PROCESSES,
    STUCK_AFTER_S,
    TASKS,
    Simulation,
)
from support.cli import run, verified
from support.places import ROOT
from support.wire.relay import relayed
from tachograph import Fleet
from tachograph_cli.local.stack import Stack

PATIENCE_S = 1200
SETTLED_WITHIN_S = 400
"""Functions count and publish all of it, and find who is gone, within this time."""
QUIET_S = 20
"""Nothing was counted for so long, so no event is on its way any more."""
LOOK_EVERY_S = 2
FORGET_EVERY_S = 60
GIVEN_UP = timedelta(minutes=5)
"""The age of live/now at which a run ends early: without ticks, no lost task comes back."""
LIVE_S = 120
"""How old live/now may be: some ticks, on a machine that is fully at work."""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Run it once, for every promise below, on a stack of its own.

    The emulator delivers one event after the other, so none of them may wait for a tick: those are
    the schedule's. And it forgets what the rules have seen, as a demo's does: adding to that is a
    part of every write.
    """
    name = f"at-work-{os.urandom(4).hex()}"
    with ExitStack() as during:
        patch = during.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("TACHOGRAPH_TICK_ON_WRITE", "false")
        stack = during.enter_context(Stack.start(ROOT, forget_every_s=FORGET_EVERY_S))
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
            orchestrator.create_task(
                f"t-{n}", task_type="edit", priority=HONEST, expected_duration_ms=5_000
            )
        assert orchestrator.flush(120)
    simulation.reached("all tasks are queued")
    for place in range(PROCESSES):
        simulation.start(place)
    simulation.begin_hostilities()
    kills, is_cut = dict(KILLS), False
    deadline = time.monotonic() + PATIENCE_S
    while (done := simulation.over()) < TASKS:
        assert time.monotonic() < deadline, f"{done} of {TASKS} tasks in {PATIENCE_S} s"
        for after in [after for after in kills if done >= after]:
            simulation.kill(kills.pop(after))
        if done >= CUT_AFTER_TASKS and not is_cut:
            is_cut = True
            simulation.cut_cable()
        simulation.pace()
        simulation.look_at_live()
        assert max(simulation.staleness[-1:], default=timedelta()) < GIVEN_UP, "no tick succeeds"
        time.sleep(LOOK_EVERY_S)
    simulation.reached("all tasks are done")
    _end(simulation)
    simulation.reached("all agents have ended")
    _settle(simulation)
    watching.unsubscribe()


def _tell(simulation: Simulation) -> None:
    sessions = simulation.honest("sessions").values()
    reasons = Counter(session.get("end_reason") for session in sessions)
    gaps_ms = sorted(s["handoff_ms"] for s in sessions if s.get("handoff_ms") is not None)
    median_ms = gaps_ms[len(gaps_ms) // 2] if gaps_ms else None
    print(  # noqa: T201 - for whoever runs it
        f"\n{TASKS} tasks, {len(sessions)} sessions: {dict(reasons)}, "
        f"{len(simulation.killed_agents)} agents killed, {len(simulation.seen_stuck)} found stuck, "
        f"median handoff {median_ms} ms, "
        f"live/now at most {max(simulation.staleness).total_seconds():.0f} s old"
    )
    for outcome, n in sorted(simulation.hostilities().items()):
        print(f"{n:6} {outcome}")  # noqa: T201 - as above


def _end(simulation: Simulation) -> None:
    """Let every process finish what it does."""
    for process in simulation.processes.values():
        if process.stdin and not process.stdin.closed:
            process.stdin.close()
    for process in simulation.processes.values():
        process.wait(300)


def _settle(simulation: Simulation) -> None:
    """Wait until the functions have found who is gone, and counted everything."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    counted, since = -1, time.monotonic()
    while time.monotonic() < deadline:
        if (now := simulation.counted()) != counted:
            counted, since = now, time.monotonic()
        if time.monotonic() - since > QUIET_S and not _unsettled(simulation):
            break
        time.sleep(LOOK_EVERY_S)
    simulation.reached(f"{counted} events are counted")
    # The functions emulator delivers an event once, or not at all: what is lost, the sweep counts.
    run("sweep", "--fleet", simulation.fleet, "--all-ages")
    publish(simulation.db, simulation.fleet)
    simulation.reached("it is swept and published")


def _unsettled(simulation: Simulation) -> bool:
    sessions = simulation.honest("sessions").values()
    return not all(session.get("ended_at") for session in sessions) or _dirty(simulation)


def _dirty(simulation: Simulation) -> bool:
    shards = simulation.db.collection("fleets", simulation.fleet, "shards")
    dirty = shards.where(filter=firestore.FieldFilter("dirty", "==", value=True))
    return bool(dirty.limit(1).get())


def test_every_task_is_completed_exactly_once(simulated: Simulation) -> None:
    tasks = simulated.honest_tasks()
    paths = {f"fleets/{simulated.fleet}/tasks/{name}" for name in tasks}
    assert {task["status"] for task in tasks.values()} == {"completed"}
    ups: Counter[str] = Counter()
    for path, row in _counted(simulated):
        n = row.get("tasks_completed", 0)
        assert n >= 0 or path not in paths, f"{path} was taken back"
        ups[path] += n
    assert {ups[path] for path in paths} == {1}


def test_nothing_spent_is_lost_and_nothing_is_counted_twice(simulated: Simulation) -> None:
    intended: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    for what, task, out, *_ in simulated.notes():
        if what == "to spend":
            intended[task] += out
        elif what == "spent":
            spent[task] += out
    counted: Counter[str] = Counter()
    for path, row in _counted(simulated):
        counted[path] += row.get("tokens_out", 0)
    for name, task in simulated.honest_tasks().items():
        tokens = task.get("tokens_out", 0)
        assert spent[name] <= tokens <= intended[name], name
        assert counted[f"fleets/{simulated.fleet}/tasks/{name}"] == tokens, name


def test_what_is_published_is_the_sum_of_what_was_counted(simulated: Simulation) -> None:
    total = _total(simulated)
    sums: Counter[str] = Counter()
    for _, row in _counted(simulated):
        sums.update({name: n for name, n in row.items() if "~" not in name})
    assert {name: total.get(name, 0) for name in sums} == dict(sums)


def test_verify_names_what_was_let_go_and_nothing_of_the_honest(simulated: Simulation) -> None:
    checks = verified(simulated.fleet, "--all-ages")["checks"]
    wrong = {name: check["findings"] for name, check in checks.items() if check["wrong"]}
    assert set(wrong) <= {"documents", "ledger"}
    named = {finding["where"] for findings in wrong.values() for finding in findings}
    assert named <= {refused["path"] for refused in simulated.all("rejected").values()}
    honest = {f"fleets/{simulated.fleet}/tasks/{name}" for name in simulated.honest_tasks()}
    assert named & honest == set()


def test_overview_stays_fresh(simulated: Simulation) -> None:
    assert len(simulated.staleness) > PROCESSES
    assert max(simulated.staleness) < timedelta(seconds=LIVE_S)


def test_every_rotation_has_one_successor(simulated: Simulation) -> None:
    sessions = simulated.honest("sessions")
    successors = Counter(s.get("predecessor_session_id") for s in sessions.values())
    rotated = [name for name, s in sessions.items() if s.get("end_reason") == "rotated"]
    gone = {name for name in rotated if sessions[name]["agent_id"] in simulated.killed_agents}
    assert len(rotated) > PROCESSES
    for name in rotated:
        # Who is killed between the two steps leaves a rotation that nobody took up.
        assert successors[name] == 1 or (name in gone and successors[name] == 0)
    signals = simulated.honest("signals").values()
    claimed = Counter(s["successor_session_id"] for s in signals if "successor_session_id" in s)
    assert set(claimed.values()) == {1}
    for signal in signals:
        successor = sessions.get(signal.get("successor_session_id", ""), {})
        assert successor.get("predecessor_session_id", signal["session_id"]) == signal["session_id"]


def test_killed_agents_sessions_are_closed_as_crashed_and_no_others(
    simulated: Simulation,
) -> None:
    sessions = simulated.honest("sessions").values()
    crashed = [s for s in sessions if s.get("end_reason") == "crashed"]
    assert {s["agent_id"] for s in crashed} <= simulated.killed_agents
    for agent in simulated.killed_agents:
        last = max((s for s in sessions if s["agent_id"] == agent), key=lambda s: s["started_at"])
        assert last["end_reason"] in ("crashed", "rotated")


def test_who_hangs_is_found_stuck_within_a_tick_and_nobody_else(simulated: Simulation) -> None:
    hung = {session for what, session, *_ in simulated.notes() if what == "hang"}
    alive = {
        name for name in simulated.seen_stuck
        if simulated.honest("sessions")[name]["agent_id"] not in simulated.killed_agents
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


def _counted(simulation: Simulation) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield what was counted for the fleet, by the path of the document that it was counted for."""
    for entry in simulation.all("ledger").values():
        yield entry["path"], json.loads(entry["delta"]).get("fleet", {})
