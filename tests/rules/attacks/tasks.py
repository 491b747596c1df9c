"""Tasks of others, tasks that are over, and tasks that one was relieved of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rules.attacks.row import TASK, Row, claim
from support.fleets.two_agents import DELETE, ORCHESTRATOR, OWNER, A, B, T
from support.rules import Attempt, create, delete, put, update


def others_tasks() -> Iterator[Row]:
    """Tasks of others, and tasks in others' names."""
    yield Row(
        "an agent completes another's task",
        update(A, "tasks/b", status="completed"),
        update(A, "tasks/a", status="completed"),
    )
    yield Row(
        "an agent adds to another's cost",
        update(A, "tasks/b", cost_nanousd=10**9),
        update(A, "tasks/a", cost_nanousd=10**9),
    )
    yield Row("an agent claims a task that is held", claim(A, "b"), claim(A, "queued"))
    yield Row("an agent claims a task meant for another", claim(A, "for-b"), claim(B, "for-b"))
    yield Row(
        "an agent claims a task for another", claim(A, "queued", agent_id="b"), claim(A, "queued")
    )
    yield Row(
        "a claim that leaves the task queued",
        claim(A, "queued", status="queued"),
        claim(A, "queued", status="active"),
    )
    yield Row("an agent claims a task that is over", claim(A, "done-b"), claim(A, "plain"))
    yield Row(
        "an agent claims a task given to another since it was lost",
        claim(A, "lost-before"),
        claim(A, "lost"),
    )
    yield Row(
        "an agent says that another's task was lost",
        update(A, "tasks/b", lost_session_id="s-b"),
        update(B, "tasks/b", lost_session_id="s-b", status="queued"),
    )
    yield Row(
        "an agent says that the task it claims was lost",
        claim(A, "queued", lost_session_id="s-b"),
        claim(A, "lost", lost_session_id=None),
    )
    yield Row(
        "an agent says that its task was another's loss",
        update(A, "tasks/a", lost_session_id="s-b", status="queued"),
        update(A, "tasks/a", lost_session_id="s-a", status="queued"),
    )
    yield Row(
        "an agent gives up its task and works on",
        update(A, "tasks/a", lost_session_id="s-a"),
        update(A, "tasks/a", lost_session_id="s-a", status="failed"),
    )
    yield Row(
        "a new task that was lost",
        create(A, "tasks/x", {**TASK, "lost_session_id": "s-a"}),
        create(A, "tasks/x", TASK),
    )
    yield Row(
        "an agent puts its task on another",
        update(A, "tasks/a", agent_id="b"),
        update(A, "tasks/a", agent_id=DELETE, session_id=DELETE, status="queued"),
    )
    yield Row(
        "an agent makes its task nobody's and goes on",
        update(A, "tasks/a", agent_id=DELETE, status="active"),
        update(A, "tasks/a", agent_id=None, session_id=None, status="queued"),
    )
    yield Row(
        "an agent claims with another's session",
        claim(A, "queued", session_id="s-b"),
        claim(A, "queued", session_id="s-a"),
    )
    yield Row(
        "an agent puts its task on another's session",
        update(A, "tasks/a", session_id="s-b"),
        update(A, "tasks/a", session_id="s-a1"),
    )
    yield Row(
        "an agent's new task names another's session",
        create(A, "tasks/x", {**TASK, "session_id": "s-b"}),
        create(A, "tasks/x", TASK),
    )
    yield Row(
        "a session's name with a slash leads elsewhere",
        create(A, "tasks/x", {**TASK, "session_id": "s-b/../s-a"}),
        create(A, "tasks/x", {**TASK, "session_id": "s-not-written-yet"}),
    )
    yield Row(
        "an agent creates a task of another",
        create(A, "tasks/x", {**TASK, "agent_id": "b"}),
        create(B, "tasks/x", {**TASK, "agent_id": "b", "session_id": "s-b"}),
    )
    yield Row(
        "an agent fills the queue",
        create(A, "tasks/x", {"status": "queued"}),
        create(ORCHESTRATOR, "tasks/x", {"status": "queued"}),
    )
    yield Row(
        "an agent says that another asked for its task",
        create(A, "tasks/x", {**TASK, "created_by": "lead"}),
        create(A, "tasks/x", {**TASK, "created_by": "a"}),
    )
    yield Row(
        "an orchestrator says that the owner asked for a task",
        create(ORCHESTRATOR, "tasks/x", {"status": "queued", "created_by": "boss"}),
        create(ORCHESTRATOR, "tasks/x", {"status": "queued", "created_by": "lead"}),
    )
    yield Row(
        "an agent deletes its task", delete(A, "tasks/a"), update(A, "tasks/a", status="cancelled")
    )
    yield Row(
        "an agent replaces another's task",
        put(A, "tasks/b", TASK),
        update(B, "tasks/b", status="waiting"),
    )
    yield Row(
        "an agent replaces its task, and with it who asked for it",
        put(A, "tasks/a", {**TASK, "tokens_in": 100, "cost_nanousd": 1000}),
        update(A, "tasks/a", tokens_in=105),
    )
    yield Row(
        "an agent claims what was never lost", claim(A, "for-b-again"), claim(B, "for-b-again")
    )
    yield Row("an agent claims a task that is at work", claim(A, "adrift"), claim(A, "plain"))
    yield Row(
        "an agent queues its task for another",
        update(A, "tasks/a", agent_id="b", status="queued"),
        update(A, "tasks/a", agent_id=None, status="queued"),
    )


def ends() -> Iterator[Row]:
    """Yield what would begin again what is over."""
    yield Row(
        "an agent reopens its task",
        update(A, "tasks/done", status="active"),
        update(ORCHESTRATOR, "tasks/done", status="queued"),
    )
    yield Row(
        "an agent queues its finished task",
        update(A, "tasks/done", status="queued"),
        update(A, "tasks/done", feedback=1),
    )
    yield Row(
        "an agent removes that its task is over",
        update(A, "tasks/done", status=DELETE),
        update(A, "tasks/done", status="failed"),
    )
    yield Row(
        "an agent completes what was called off",
        update(A, "tasks/off", status="completed"),
        update(A, "tasks/off", tokens_in=200),
    )
    yield Row(
        "an agent reopens what failed by itself",
        update(A, "tasks/failed", status="active"),
        update(A, "tasks/lost-a", status="active", lost_session_id=None),
    )
    yield Row(
        "an agent says afterwards that what failed was lost",
        update(A, "tasks/failed", status="active", error_type="session_lost"),
        update(A, "tasks/failed", error_type="session_lost"),
    )
    yield Row(
        "an agent reopens what another's session lost",
        update(A, "tasks/taken", status="active"),
        update(A, "tasks/taken", feedback=1),
    )
    yield Row(
        "an agent releases its finished task for others",
        update(A, "tasks/done", status="queued", agent_id=None),
        update(A, "tasks/done", rework_count=1),
    )
    yield Row(
        "an agent goes on with what was called off when it was lost",
        update(A, "tasks/off-lost", status="active"),
        update(A, "tasks/off-lost", tokens_in=200),
    )
    yield Row(
        "an agent goes on with what failed by itself before it was lost",
        update(A, "tasks/timed-out", status="active"),
        update(A, "tasks/timed-out", tokens_in=200),
    )


def late() -> Iterator[Row]:
    """Yield sessions that were relieved, with their last tokens."""

    def late(task: str = "relieved", n: int = 4, **fields: Any) -> Attempt:  # noqa: ANN401
        written = {"reports.`a:s-a.1`": n, "reporter": "a:s-a.1", "reported_at": T, **fields}
        return update(A, f"tasks/{task}", **written)

    fine = late(tokens_in=200, cost_nanousd=2000, llm_calls=3)
    yield Row("who never worked on a task adds to it", late("b", tokens_in=200), fine)
    yield Row("who was relieved takes the task back", late(status="active", agent_id="a"), fine)
    yield Row("who was relieved completes the task", late(status="completed"), fine)
    yield Row("who was relieved puts its session on it", late(session_id="s-a"), fine)
    yield Row("who was relieved says what it thinks of the result", late(feedback=-1), fine)
    yield Row("who was relieved replays", late(n=3, tokens_in=200), fine)
    yield Row(
        "who was relieved adds without a number",
        update(A, "tasks/relieved", tokens_in=200, reporter="a:s-a.1"),
        fine,
    )
    for name, less in {
        "cost_nanousd": 999,
        "tokens_in": 99,
    }.items():
        yield Row(f"who was relieved takes away from {name}", late(**{name: less}), fine)
    yield Row(
        "who was relieved takes away from tokens_out", late(tokens_out=8), late(tokens_out=10)
    )
    yield Row(
        "who was relieved speaks as who relieved it",
        late(reporter="b:s-b.1", **{"reports.`a:s-a.1`": 3, "reports.`b:s-b.1`": 9}),
        fine,
    )


def managing() -> Iterator[Row]:
    """Yield what an orchestrator does, and does not."""
    on_b = lambda **fields: update(ORCHESTRATOR, "tasks/b", **fields)  # noqa: E731 - short
    yield Row(
        "an orchestrator changes what another's work cost",
        on_b(cost_nanousd=1),
        on_b(priority="high"),
    )
    yield Row("an orchestrator changes another's tokens", on_b(tokens_in=1), on_b(title="New"))
    yield Row(
        "an orchestrator changes another's models",
        on_b(usage_by_model={"m": {"tokens_in": 1}}),
        on_b(route="local"),
    )
    yield Row(
        "an orchestrator changes where a task came from",
        on_b(parent_task_id="x"),
        on_b(agent_id="a", session_id=None, status="queued"),
    )
    yield Row(
        "an owner moves a task under another's tree",
        update(OWNER, "tasks/spawned", parent_task_id="a"),
        update(OWNER, "tasks/b", parent_task_id="a", root_task_id="a", depth=1),
    )
    yield Row(
        "an agent assigns a task",
        update(A, "tasks/queued", agent_id="b"),
        update(ORCHESTRATOR, "tasks/queued", agent_id="b"),
    )
    yield Row(
        "an agent cancels another's task",
        update(A, "tasks/b", status="cancelled"),
        on_b(status="cancelled"),
    )
    yield Row(
        "an agent raises a queued task's priority",
        update(A, "tasks/queued", priority="high"),
        update(ORCHESTRATOR, "tasks/queued", priority="high"),
    )
    yield Row(
        "an orchestrator says in the agent's place that its task was lost",
        on_b(lost_session_id="s-b", status="queued"),
        on_b(status="queued"),
    )
    yield Row(
        "an orchestrator says that a task at work was lost",
        on_b(lost_session_id="s-b"),
        on_b(error_type="gave up", status="failed"),
    )
    yield Row(
        "an orchestrator pushes another's sequence ahead",
        on_b(**{"reports.`b:s-b.1`": 1000}),
        on_b(reporter="lead:s.1", **{"reports.`lead:s.1`": 1}),
    )
