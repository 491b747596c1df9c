"""roll_up over the wire: deliveries in any order, some of them twice, end at the last states."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from google.cloud import firestore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.recount import cells_of, hours_of, of_grain, published
from support.wire.events import EPOCH, Served, Version, history, serve
from tachograph_cli.local.stack import Stack
from tachograph_schema.counters.cells import Cells, add_up, delta
from tachograph_schema.periods import day_of, week_of

Rollups = dict[str, Cells]
_COUNTS = st.integers(0, 10**9)
_MODELS = st.sampled_from(
    ["claude-opus-4-6", "claude-haiku-4-5", "gpt-5.3-codex", "a/b.c:d[e]*~`f`"]
)
_MOMENTS = st.integers(-3000, 600).map(lambda minutes: EPOCH + timedelta(minutes=minutes))
_TASKS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["queued", "claimed", "active", "completed", "failed"]),
        "task_type": st.sampled_from(["build", "review", "a type: with | signs"]),
        "agent_id": st.sampled_from(["b-1", "b-2"]),
        "model": _MODELS,
        "provider": st.sampled_from(["anthropic", "openai"]),
        "tokens_in": _COUNTS,
        "tokens_out": _COUNTS,
        "cache_read_tokens": _COUNTS,
        "cost_nanousd": _COUNTS,
        "cost_usd": st.floats(0, 100),
        "duration_ms": _COUNTS,
        "created_at": _MOMENTS,
        "claimed_at": _MOMENTS,
        "reported_at": _MOMENTS,
        "voided": st.booleans(),
        "labels": st.dictionaries(st.sampled_from(["team", "other"]), st.sampled_from("xyz")),
        "usage_by_model": st.dictionaries(
            _MODELS, st.fixed_dictionaries({"tokens_in": _COUNTS, "cost_nanousd": _COUNTS})
        ),
    },
)


@pytest.fixture(scope="module")
def roll_up(emulator: Stack) -> Iterator[Served]:
    with serve("roll_up", emulator.address("firestore")) as served:
        yield served


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    documents=st.lists(st.lists(_TASKS, min_size=1, max_size=5), min_size=1, max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_any_order_and_any_duplicates_of_many_documents_end_at_their_last_states(
    db: firestore.Client,
    roll_up: Served,
    documents: list[list[dict[str, object]]],
    order: random.Random,
) -> None:
    fleet = f"any-{uuid4().hex}"
    writes = [
        write
        for n, versions in enumerate(documents)
        for write in history(f"fleets/{fleet}/tasks/t-{n}", versions)
    ]
    deliveries = writes + order.choices(writes, k=len(writes) // 2)
    order.shuffle(deliveries)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(roll_up.deliver, deliveries)) == {200}

    rollups = published(db, fleet)
    hours = hours_of(writes)
    assert of_grain(rollups, "hour") == hours
    assert of_grain(rollups, "day") == _summed(hours, day_of)
    assert of_grain(rollups, "week") == _summed(hours, week_of)
    last_states = (
        cells_of(f"fleets/{fleet}/tasks/t", Version(versions[-1], EPOCH)) for versions in documents
    )
    everything = add_up(last_states).get("fleet", {})
    assert rollups.get("total_all", {}).get("fleet", {}) == everything
    assert delta(add_up(hours.values()), add_up(of_grain(rollups, "hour").values())) == {}


def _summed(hours: Rollups, period_of: Callable[[str], str]) -> Rollups:
    sums: Rollups = {}
    for hour, cells in hours.items():
        period = period_of(hour)
        sums[period] = add_up([sums.get(period, {}), cells])
    return {period: cells for period, cells in sums.items() if cells}
