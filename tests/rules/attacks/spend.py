"""Recorded usage that somebody takes back, moves, or adds to in another's place."""

from __future__ import annotations

from collections.abc import Iterator

from rules.attacks.row import TASK, Row, claim
from support.fleets.two_agents import DELETE, ORCHESTRATOR, OWNER, A, T
from support.rules import any_of, create, put, update

COUNTS = (
    "tokens_in", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "tokens_out",
    "reasoning_tokens", "cost_nanousd", "llm_calls", "unpriced_calls", "unpriced_tokens",
    "retry_cost_nanousd", "rotation_cost_nanousd", "handoff_cost_nanousd",
)  # fmt: skip
"""The fields of a task that only rise."""
MODEL_COUNTS = (
    "tokens_in", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "tokens_out",
    "reasoning_tokens", "llm_calls", "cost_nanousd", "unpriced_calls", "unpriced_tokens",
)  # fmt: skip
_ROW = {**dict.fromkeys(MODEL_COUNTS, 50), "provider": "anthropic"}
_TOOL = {"calls": 5, "errors": 5, "duration_ms": 5}


def spend() -> Iterator[Row]:
    """Usage that falls, in whole or in part."""
    used = lambda **fields: update(A, "tasks/used", **fields)  # noqa: E731 - short
    for name in COUNTS:
        yield Row(
            f"who holds a task takes away from {name}", used(**{name: 49}), used(**{name: 51})
        )
    unknown = lambda **fields: update(A, "tasks/unknown", **fields)  # noqa: E731 - short
    for name in MODEL_COUNTS:
        yield Row(
            f"who holds a task takes away from {name}, where something is unknown",
            unknown(**{name: 49}),
            unknown(**{name: 51}),
        )
    yield Row(
        "what is known of a task becomes unknown",
        update(A, "tasks/nulls", tokens_in=None),
        update(A, "tasks/nulls", tokens_out=5),
    )
    yield Row(
        "a fraction for a retry's cost",
        used(retry_cost_nanousd=50.5),
        used(retry_cost_nanousd=51),
    )
    yield Row(
        "a cost's source that nobody knows",
        used(cost_source="guessed"),
        used(cost_source="reported"),
    )
    for field, count, most in (("tools", "calls", 12), ("usage_by_model", "llm_calls", 4)):
        rows = [
            {f"x{k}": {count: "5" if k == n else 5} for k in range(most)} for n in range(most + 1)
        ]
        *wrong, fine = (update(A, "tasks/a", **{field: one}) for one in rows)
        yield Row(f"text for a count of one of {most} {field}", any_of(*wrong), fine)
    yield Row(
        "an attempt by a word",
        update(A, "tasks/a", attempt="2"),
        update(A, "tasks/a", attempt=2),
    )
    yield Row(
        "one of two new tools with a field of its own",
        update(A, "tasks/a", tools={"grep": {"calls": 1}, "sed": {"calls": 1, "args": 2}}),
        update(A, "tasks/a", tools={"grep": {"calls": 1}, "sed": {"calls": 1, "errors": 2}}),
    )
    for name in MODEL_COUNTS:
        models = lambda n, name=name: {"m1": {**_ROW, name: n}, "m2": _ROW}  # noqa: E731 - short
        yield Row(
            f"who holds a task takes away from a model's {name}",
            used(usage_by_model=models(49)),
            used(usage_by_model=models(51)),
        )
    yield Row(
        "a model vanishes", used(usage_by_model={"m1": _ROW}),
        used(usage_by_model={"m1": _ROW, "m2": _ROW, "m3": _ROW}),
    )  # fmt: skip
    yield Row(
        "usage moves from one model to another",
        used(usage_by_model={"m1": {**_ROW, "tokens_in": 0}, "m2": {**_ROW, "tokens_in": 100}}),
        used(usage_by_model={"m1": _ROW, "m2": {**_ROW, "tokens_in": 100}}),
    )
    yield Row("a task's usage becomes another model's", used(model="m2"), used(model="m1"))
    yield Row("a task's usage becomes another provider's", used(provider="x"), used(route="x"))
    yield Row(
        "a task's only model loses its usage to a second one",
        update(A, "tasks/one-model", usage_by_model={"m2": {"tokens_in": 50}}),
        update(
            A,
            "tasks/one-model",
            usage_by_model={"m1": {"tokens_in": 50, "llm_calls": 50}, "m2": {}},
        ),
    )
    yield Row("who holds a task removes its cost", used(cost_nanousd=DELETE), used(cost_nanousd=50))
    yield Row(
        "who holds a task makes its cost null", used(cost_nanousd=None), used(cost_nanousd=51)
    )
    yield Row(
        "a cost in dollars is replaced by less in nano-dollars",
        update(A, "tasks/dollars", cost_nanousd=359_999_999),
        update(A, "tasks/dollars", cost_nanousd=360_000_000),
    )
    yield Row(
        "a cost in dollars falls",
        update(A, "tasks/dollars", cost_usd=0.35),
        update(A, "tasks/dollars", cost_usd=0.37),
    )
    yield Row(
        "a cost in nano-dollars is replaced by less in dollars",
        used(cost_nanousd=DELETE, cost_usd=0.0),
        used(cost_usd=0.01),
    )
    yield Row(
        "a model's count is null, that nobody can add to",
        used(usage_by_model={"m1": _ROW, "m2": {**_ROW, "llm_calls": None}}),
        used(usage_by_model={"m1": _ROW, "m2": {**_ROW, "llm_calls": 60}}),
    )
    yield Row(
        "a tool's count is null, that nobody can add to",
        used(tools={"grep": _TOOL, "sed": _TOOL, "awk": {"calls": None}}),
        used(tools={"grep": _TOOL, "sed": _TOOL, "awk": {"calls": 0}}),
    )


def strangers_spend() -> Iterator[Row]:
    """Usage added or taken by whom the work is not."""
    queue = {"reporter": "queue", "reported_at": T}
    late = {"reporter": "a:s-a.1", "reports.`a:s-a.1`": 4}
    for name, value in {"route": "local", "finish_reason": "x", "context_remaining_pct": 5}.items():
        yield Row(
            f"who was relieved changes {name}",
            update(A, "tasks/relieved", **late, **{name: value}),
            update(A, "tasks/lost", **late, route="local", tokens_in=5),
        )
    for task in ("queued", "by-queue"):
        yield Row(
            f"a stranger adds $900,000 to the task {task} as the queue",
            update(A, f"tasks/{task}", **queue, **{"reports.`queue`": 2}, cost_nanousd=9 * 10**14),
            update(A, "tasks/relieved", **late, cost_nanousd=2000),
        )
    yield Row(
        "a stranger replaces a finished task's model as the queue",
        update(A, "tasks/by-queue", **queue, **{"reports.`queue`": 2}, model="m"),
        update(A, "tasks/relieved", **late, llm_calls=1),
    )
    yield Row(
        "who holds a task reports usage as the queue",
        update(A, "tasks/a", **queue, **{"reports.`queue`": 2}, tokens_in=200),
        update(A, "tasks/a", **queue, **{"reports.`queue`": 2}, priority="high"),
    )
    yield Row(
        "a stranger adds under its own name, which never worked on the task",
        update(A, "tasks/b", reporter="a:s-a.1", **{"reports.`a:s-a.1`": 1}, cost_nanousd=10**6),
        update(A, "tasks/relieved", **late, cost_nanousd=10**6),
    )
    yield Row("a claim brings usage", claim(A, "queued", tokens_in=5), claim(A, "queued"))
    yield Row(
        "a claim zeroes the cost", claim(A, "lost-cost", cost_nanousd=0), claim(A, "lost-cost")
    )
    yield Row(
        "an orchestrator assigns a task to itself and zeroes its cost",
        update(ORCHESTRATOR, "tasks/b", agent_id="lead", session_id=None, cost_nanousd=0),
        update(ORCHESTRATOR, "tasks/b", agent_id="lead", session_id=None),
    )
    yield Row(
        "an orchestrator that holds a task zeroes its cost",
        update(ORCHESTRATOR, "tasks/leads", cost_nanousd=0),
        update(ORCHESTRATOR, "tasks/leads", cost_nanousd=2000),
    )
    yield Row(
        "an orchestrator adds to the cost of another's task",
        update(ORCHESTRATOR, "tasks/b", cost_nanousd=10**9),
        update(ORCHESTRATOR, "tasks/b", priority="high"),
    )
    yield Row(
        "who was relieved, and reported last, adds without a number",
        update(A, "tasks/last-by-a", tokens_in=200),
        update(A, "tasks/last-by-a", **{"reports.`a:s-a.1`": 4}, tokens_in=200),
    )
    yield Row(
        "an orchestrator gives a task back with less usage",
        update(ORCHESTRATOR, "tasks/leads", agent_id=None, status="queued", tokens_in=0),
        update(ORCHESTRATOR, "tasks/leads", agent_id=None, status="queued"),
    )
    yield Row(
        "an orchestrator replaces a task that it holds by one without usage",
        put(ORCHESTRATOR, "tasks/leads", {**TASK, "agent_id": "lead", "session_id": None}),
        update(ORCHESTRATOR, "tasks/leads", tokens_in=200),
    )
    yield Row(
        "an orchestrator creates another's usage",
        create(ORCHESTRATOR, "tasks/x", {"agent_id": "b", "cost_nanousd": 9 * 10**14}),
        create(ORCHESTRATOR, "tasks/x", {"agent_id": "b"}),
    )
    yield Row(
        "an orchestrator takes a task's cost back by voiding it",
        update(ORCHESTRATOR, "tasks/b", voided=True),
        update(OWNER, "tasks/b", voided=True),
    )
    yield Row(
        "an agent lowers what the owner alone corrects",
        update(A, "tasks/a", cost_nanousd=10),
        update(OWNER, "tasks/a", cost_nanousd=10),
    )
