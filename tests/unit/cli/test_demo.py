"""The pretended fleet: the same seed plays the same, and there is something to see."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from support.transcripts import START
from tachograph_cli.demo.actions import (
    Act,
    Asked,
    Finished,
    HandedOff,
    Paused,
    Queued,
    Retried,
    Took,
)
from tachograph_cli.demo.simulation import Agent, World
from tachograph_schema.pricing.price import price

if TYPE_CHECKING:
    from collections.abc import Iterator


def played(seed: int, rounds: int) -> Iterator[tuple[str, Act]]:
    """Let everybody act in turns, told to rotate when a third of the context is free."""
    world = World(seed, 12, "x")
    for _ in range(rounds):
        for agent in world.agents:
            for act in islice(agent.life, 50):
                yield agent.name, act
                agent.signalled = agent.remaining < 1 / 3
                if isinstance(act, Paused):
                    break


def test_the_same_seed_plays_the_same_and_another_does_not() -> None:
    first, again, other = (list(played(seed, 200)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_there_are_subtasks_retries_failures_and_rotations_to_see() -> None:
    acts = [act for _, act in played(7, 2_000)]
    kinds = Counter(type(act) for act in acts)
    assert min(kinds[Retried], kinds[HandedOff]) > 10
    jobs = [act.job for act in acts if isinstance(act, Queued)]
    assert any("parent_task_id" in job.fields for job in jobs)
    assert len({job.fields["task_type"] for job in jobs}) == 6
    assert any(act.error_type for act in acts if isinstance(act, Finished))


def test_a_successor_goes_on_with_the_task_its_predecessor_had() -> None:
    holding: dict[str, str] = {}
    handed_over = 0
    for name, act in played(7, 2_000):
        if isinstance(act, Took) and act.handed_over and name in holding:
            assert act.job.id == holding[name]
            handed_over += 1
        if isinstance(act, Took):
            holding[name] = act.job.id
        if isinstance(act, Finished):
            holding.pop(name)
    assert handed_over > 10


def test_every_call_has_a_price_and_fits_its_window() -> None:
    world = World(7, 12, "x")
    windows = {agent.model.name: agent.model.window_tokens for agent in world.agents}
    for _, act in played(7, 500):
        if isinstance(act, Asked):
            assert act.usage.prompt_tokens < windows[act.model.name]
            assert price(act.usage, act.model.name, act.model.provider, START) is not None


def test_an_agent_that_nobody_signals_rotates_before_its_context_is_full() -> None:
    agent: Agent = World(7, 1, "x").workers[0]
    agent.used_tokens = agent.model.window_tokens - 1
    assert agent.rotates
