"""Any fleet, delivered in any order, in part twice and in part not at all, is counted right.

After the sweep every document that stands counts for its last state, and so does every tree. The
hours are those of the events that came; what was lost between two is in the later one's hour, and
what was lost last of all in the hour of the document itself. When the lost events come after all,
the next sweep leaves every hour as if nothing had ever been lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.cloud import firestore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repair.sweep import SweepResult, sweep
from support.recorded_events import Recorder, state_of, trees_of
from support.recount import cells_of, hours_of, published
from support.wire.events import Served, Write, serve
from tachograph_cli.local.stack import Stack
from tachograph_cli.repair.verify import verify
from tachograph_schema.counters.cells import Cells, add_up, delta
from tachograph_schema.counters.names import FLEET
from tachograph_schema.documents.coordination import INCIDENT_KINDS
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.periods import day_of, week_of

_NOW = datetime.now(UTC)
_COUNTS = st.integers(0, 10**9)
_MODELS = st.sampled_from(["claude-opus-4-6", "claude-haiku-4-5", "gpt-5.3-codex", "our-model"])
_MOMENTS = st.integers(-5000, 600).map(lambda minutes: _NOW + timedelta(minutes=minutes))
_NAMES = [f"t-{n}" for n in range(5)]
_TASK = st.fixed_dictionaries(
    {"model": _MODELS},
    optional={
        "status": st.sampled_from(["queued", "active", "completed", "failed"]),
        "task_type": st.sampled_from(["build", "review"]),
        "agent_id": st.sampled_from(["b-1", "b-2"]),
        "labels": st.dictionaries(st.just("team"), st.sampled_from("xyz"), max_size=1),
        "parent_task_id": st.sampled_from(_NAMES),
        "root_task_id": st.sampled_from(_NAMES[:2]),
        "tokens_in": _COUNTS,
        "cost_nanousd": _COUNTS,
        "retries": st.integers(0, 3),
        "retry_cost_nanousd": _COUNTS,
        "rotations": st.integers(0, 3),
        "rotation_cost_nanousd": _COUNTS,
        "attempt_kind": st.sampled_from(["first", "retry", "rotation"]),
        "duration_ms": _COUNTS,
        "usage_by_model": st.dictionaries(
            _MODELS, st.fixed_dictionaries({"tokens_in": _COUNTS, "cost_nanousd": _COUNTS})
        ),
        "reported_at": _MOMENTS,
        "voided": st.booleans(),
    },
)
_SESSION = st.fixed_dictionaries(
    {"agent_id": st.sampled_from(["b-1", "b-2"])},
    optional={
        "end_reason": st.sampled_from(["completed", "rotated"]),
        "bootstrap_tokens": _COUNTS,
        "reported_at": _MOMENTS,
    },
)
_AGENTS = st.sampled_from(["b-1", "b-2"])
_MESSAGE = st.fixed_dictionaries(
    {"acknowledged_at": st.none() | _MOMENTS},
    optional={
        "from_agent_id": _AGENTS,
        "to_agent_id": _AGENTS,
        "sent_at": _MOMENTS,
        "reported_at": _MOMENTS,
        "voided": st.booleans(),
    },
)
_INCIDENT = st.fixed_dictionaries(
    {"kind": st.sampled_from([*INCIDENT_KINDS, "unheard-of"])},
    optional={
        "agent_id": _AGENTS,
        "other_agent_id": _AGENTS,
        "occurred_at": _MOMENTS,
        "voided": st.booleans(),
    },
)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tasks"), st.sampled_from(_NAMES), _TASK),
        st.tuples(st.just("tasks"), st.sampled_from(_NAMES), _TASK),
        st.tuples(st.just("sessions"), st.sampled_from(["s-1", "s-2"]), _SESSION),
        st.tuples(st.just("messages"), st.sampled_from(["m-1", "m-2"]), _MESSAGE),
        st.tuples(st.just("incidents"), st.sampled_from(["i-1", "i-2"]), _INCIDENT),
        st.tuples(st.just("tasks"), st.sampled_from(_NAMES), st.none()),
        st.tuples(st.just("messages"), st.sampled_from(["m-1", "m-2"]), st.none()),
    ),
    min_size=1,
    max_size=25,
)
Step = tuple[str, str, dict[str, Any] | None]


@pytest.fixture(scope="module")
def roll_up(emulator: Stack) -> Iterator[Served]:
    with serve("roll_up", emulator.address("firestore")) as served:
        yield served


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=_STEPS, chance=st.randoms(use_true_random=False))
def test_any_fleet_is_counted_to_the_nano_dollar_whatever_is_lost(
    db: firestore.Client, roll_up: Served, steps: list[Step], chance: random.Random
) -> None:
    recorder = Recorder(db, f"any-{uuid4().hex}")
    writes = _written(recorder, steps)
    lost = [write for write in writes if chance.random() < 0.3]
    came = [write for write in writes if write not in lost]
    _deliver(roll_up, came + chance.choices(came, k=len(came) // 2) if came else [], chance)

    _sweep(recorder)
    _assert_rollups(recorder, _swept_hours(writes, came))
    assert _trees(recorder) == _swept_trees(writes, came)
    assert _sweep(recorder).found == 0
    assert verify(db, recorder.fleet, Fleet(), all_ages=True).holds

    _deliver(roll_up, lost, chance)
    _sweep(recorder)
    _assert_rollups(recorder, hours_of(writes))
    assert _trees(recorder) == _swept_trees(writes, writes)


def _written(recorder: Recorder, steps: list[Step]) -> list[Write]:
    there: set[tuple[str, str]] = set()
    for collection, name, fields in steps:
        if fields is not None:
            recorder.write(name, fields, collection)
            there.add((collection, name))
        elif (collection, name) in there:
            recorder.delete(name, collection)
            there.remove((collection, name))
    return recorder.writes


def _deliver(roll_up: Served, writes: list[Write], chance: random.Random) -> None:
    chance.shuffle(writes)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(roll_up.deliver, writes)) <= {200}


def _sweep(recorder: Recorder) -> SweepResult:
    later = datetime.now(UTC) + timedelta(days=2)
    return sweep(recorder.db, recorder.fleet, Fleet(), now=later, known_since="2020")


def _assert_rollups(recorder: Recorder, hours: dict[str, Cells]) -> None:
    rollups = published(recorder.db, recorder.fleet)
    assert _of(rollups, "hour") == hours
    assert _of(rollups, "day") == _summed(hours, day_of)
    assert _of(rollups, "week") == _summed(hours, week_of)
    total = add_up(hours.values()).get(FLEET, {})
    assert rollups.get("total_all", {}).get(FLEET, {}) == total


def _of(rollups: dict[str, Cells], grain: str) -> dict[str, Cells]:
    return {
        name.partition("_")[2]: cells
        for name, cells in rollups.items()
        if name.startswith(f"{grain}_")
    }


def _summed(hours: dict[str, Cells], period_of: Callable[[str], str]) -> dict[str, Cells]:
    sums: dict[str, Cells] = {}
    for hour, cells in hours.items():
        sums[period_of(hour)] = add_up([sums.get(period_of(hour), {}), cells])
    return {period: cells for period, cells in sums.items() if cells}


def _lives(writes: list[Write]) -> Iterator[tuple[list[Write], bool]]:
    """Yield the writes of each document, from its creation on, and whether it still stands."""
    lives: dict[tuple[str, object], list[Write]] = {}
    gone: set[tuple[str, object]] = set()
    for write in writes:
        version = write.after or write.before
        assert version is not None
        life: tuple[str, object] = (write.path, version.created_at)
        if write.after is None:
            gone.add(life)
        else:
            lives.setdefault(life, []).append(write)
    for life, made in lives.items():
        yield made, life not in gone


def _swept_hours(writes: list[Write], came: list[Write]) -> dict[str, Cells]:
    """Add up by the hour what came, and with it what was lost before it."""
    hours: dict[str, Cells] = {}
    for life, stands in _lives(writes):
        lost: Cells = {}
        for write in life:
            before = {} if write.before is None else cells_of(write.path, write.before)
            change = delta(before, cells_of(write.path, write.after))
            lost = add_up([lost, change])
            counted = write in came and (change or _tree_change(write))
            if counted or (stands and write is life[-1]):
                hour = state_of(write).hour
                hours[hour] = add_up([hours.get(hour, {}), lost])
                lost = {}
    return {hour: cells for hour, cells in hours.items() if cells}


def _tree_change(write: Write) -> Cells:
    before = {} if write.before is None else trees_of(Write(write.path, None, write.before))
    return delta(before, trees_of(write))


def _swept_trees(writes: list[Write], came: list[Write]) -> Cells:
    """Add up the trees of what stands; of what was deleted, the last state that came."""
    last: list[Cells] = []
    for life, stands in _lives(writes):
        known = [
            write for write in life
            if (stands and write is life[-1])
            or (write in came and (_tree_change(write) or _change(write)))
        ]  # fmt: skip
        last += [trees_of(write) for write in known[-1:]]
    return add_up(last)


def _change(write: Write) -> Cells:
    before = {} if write.before is None else cells_of(write.path, write.before)
    return delta(before, cells_of(write.path, write.after))


def _trees(recorder: Recorder) -> Cells:
    trees: Iterable[Any] = recorder.db.collection("fleets", recorder.fleet, "trees").stream()
    return add_up({tree.id: tree.get("c")} for tree in trees)
