"""The simulated fleet: the same seed yields the same actions, of every kind."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from support.fleets.transcripts import START
from tachograph_cli.demo.__main__ import SLOWEST, slowdown
from tachograph_cli.demo.actions import (
    Action,
    CallModel,
    CallTool,
    FinishTask,
    HandOff,
    Pause,
    QueueTask,
    RetryTask,
    TakeTask,
)
from tachograph_cli.demo.simulation import SimulatedAgent, SimulatedFleet
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import price

if TYPE_CHECKING:
    from collections.abc import Iterator


def played(seed: int, rounds: int) -> Iterator[tuple[str, Action]]:
    """Let all agents act in turns, with the signal to rotate at a third of the context."""
    simulated = SimulatedFleet(seed, 12, "x")
    for _ in range(rounds):
        for agent in simulated.agents:
            for action in islice(agent.actions, 50):
                yield agent.name, action
                agent.signalled = agent.remaining < 1 / 3
                if isinstance(action, Pause):
                    break


def test_the_same_seed_plays_the_same_and_another_does_not() -> None:
    first, again, other = (list(played(seed, 200)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_there_are_subtasks_retries_failures_and_rotations_to_see() -> None:
    actions = [action for _, action in played(7, 2_000)]
    kinds = Counter(type(action) for action in actions)
    assert min(kinds[RetryTask], kinds[HandOff]) > 10
    tasks = [action.task for action in actions if isinstance(action, QueueTask)]
    assert any("parent_task_id" in task.fields for task in tasks)
    assert len({task.fields["task_type"] for task in tasks}) == 6
    assert any(action.error_type for action in actions if isinstance(action, FinishTask))


def test_a_successor_goes_on_with_the_task_its_predecessor_had() -> None:
    held: dict[str, str] = {}
    handed_over = 0
    for name, action in played(7, 2_000):
        if isinstance(action, TakeTask) and action.handed_over and name in held:
            assert action.task.id == held[name]
            handed_over += 1
        if isinstance(action, TakeTask):
            held[name] = action.task.id
        if isinstance(action, FinishTask):
            held.pop(name)
    assert handed_over > 10


def test_every_call_has_a_price_and_fits_its_window() -> None:
    simulated = SimulatedFleet(7, 12, "x")
    windows = {agent.model.name: agent.model.window_tokens for agent in simulated.agents}
    for _, action in played(7, 500):
        if isinstance(action, CallModel):
            assert action.usage.prompt_tokens < windows[action.model.name]
            model = action.model
            call = Call(action.usage, model.name, model.provider, START)
            assert price(call) is not None


def test_an_agent_that_nobody_signals_rotates_before_its_context_is_full() -> None:
    agent: SimulatedAgent = SimulatedFleet(7, 1, "x").workers[0]
    agent.used_tokens = agent.model.window_tokens - 1
    assert agent.rotates


def test_a_day_of_demo_is_less_work_than_three_hours_at_its_first_pace() -> None:
    seconds = range(24 * 3600)
    assert slowdown(0) == 1
    assert max(map(slowdown, seconds)) == SLOWEST
    assert sum(1 / slowdown(second) for second in seconds) < 3 * 3600


def test_calls_and_tools_take_no_longer_than_the_time_that_passes() -> None:
    worked_ms = passed_ms = 0.0
    for action in (action for name, action in played(7, 500) if name.startswith("builder-1")):
        if isinstance(action, CallModel | CallTool):
            worked_ms += action.duration_ms
        elif isinstance(action, Pause):
            passed_ms += 1000 * action.seconds
    assert 0 < worked_ms < passed_ms
