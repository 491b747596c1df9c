"""Names that become part of a path, that fill a document, or that a terminal obeys."""

from __future__ import annotations

from collections.abc import Iterator

from rules.attacks.row import SESSION, TASK, Row
from support.fleets.two_agents import NOW, ORCHESTRATOR, A, T, batch
from support.rules import Attempt, Identity, asked, create, update

_MESSAGE = {"from_agent_id": "a", "to_agent_id": "b", "sent_at": NOW, "acknowledged_at": None}
_INCIDENT = {"kind": "claim_collision", "agent_id": "a"}
_LEASE = {"agent_id": "a", "lease_ms": 60_000, "renewed_at": NOW}


def _with(field: str, value: str) -> Attempt:
    """Write a reference in a document that may hold it."""
    collection, name = field.split(".")
    if collection == "signals":
        heard = {"status": "journaled", "journaled_at": NOW}
        more = heard if name == "task_id" else {"succeeded_at": NOW}
        return update(A, "signals/noted", **{**more, name: value})
    documents = {
        "tasks": TASK, "sessions": SESSION, "messages": _MESSAGE, "incidents": _INCIDENT,
        "leases": _LEASE,
    }  # fmt: skip
    return create(A, f"{collection}/x", {**documents[collection], name: value})


def references() -> Iterator[Row]:
    """Ids out of documents, which become paths."""
    fields = (
        "tasks.parent_task_id", "tasks.root_task_id", "tasks.retry_session_id", "tasks.session_id",
        "sessions.task_id", "sessions.predecessor_session_id", "messages.task_id",
        "incidents.task_id", "incidents.session_id", "incidents.other_session_id",
        "leases.session_id",
        "signals.task_id", "signals.successor_session_id",
    )  # fmt: skip
    for field in fields:
        yield Row(f"{field} leads elsewhere", _with(field, "a/b"), _with(field, "feature-x"))
    for what, (bad, good) in {
        "is one dot": (".", ".a"),
        "is two dots": ("..", "..."),
        "is reserved": ("__x__", "__x"),
        "is empty": ("", "x"),
        "has 201 characters": ("x" * 201, "x" * 200),
        "has 402 bytes in 134 characters": ("\u20ac" * 134, "\u20ac" * 133),
        "has 402 bytes in 201 characters": ("\u00e4" * 201, "\u00e4" * 200),
        "has 404 bytes in 101 characters": ("\U0001d4b3" * 101, "\U0001d4b3" * 100),
        "ends a line": ("a\nb", "a b"),
        "holds an escape": ("a\x1b[2J", "a[2J"),
        "turns the direction of text": ("a\u202eb", "a|type=b:c"),
    }.items():
        yield Row(
            f"a parent {what}",
            _with("tasks.parent_task_id", bad),
            _with("tasks.parent_task_id", good),
        )
    documents = {
        "tasks": TASK, "sessions": SESSION, "messages": _MESSAGE, "incidents": _INCIDENT,
        "leases": _LEASE,
    }  # fmt: skip
    for collection, document in documents.items():
        most = 600 if collection == "messages" else 200
        yield Row(
            f"an id of {most + 1} characters in {collection}",
            create(A, f"{collection}/{'x' * (most + 1)}", document),
            create(A, f"{collection}/{'x' * most}", document),
        )
    yield Row(
        "a task's id holds an escape",
        create(A, "tasks/a\x1b[2J", TASK),
        create(A, "tasks/a|b=c:d", TASK),
    )
    for path, fine in (("{}/batches/0", "trace"), ("x/batches/{}", "batch")):
        yield Row(
            f"a {fine}'s id of 201 characters",
            create(A, f"traces/{path.format('x' * 201)}", batch()),
            create(A, f"traces/{path.format('x' * 200)}", batch()),
        )


def texts() -> Iterator[Row]:
    """Text that a terminal obeys, and names that fill a document."""
    on_a = lambda **fields: update(A, "tasks/a", **fields)  # noqa: E731 - short
    for what, bad in {
        "an escape": "a\x1b[31m", "a bell": "a\x07", "a C1 control": "a\x9b31m",
        "an override of direction": "a\u202eb", "an isolate": "a\u2066b", "a delete": "a\x7f",
    }.items():  # fmt: skip
        yield Row(f"a title with {what}", on_a(title=bad), on_a(title="a\tb\nc|d=e:f"))
        yield Row(f"a model with {what}", on_a(model=bad), on_a(model="a|type=b:c"))
    yield Row(
        "a span's name with an escape",
        create(A, "traces/x/batches/0", batch(name=["a\x1b[2J"])),
        create(A, "traces/x/batches/0", batch(name=["a|b=c:d"])),
    )
    yield Row(
        "a name of 200 characters and 600 bytes",
        on_a(model="\u20ac" * 200),
        on_a(model="\u00e4" * 200),
    )
    for field in ("repo", "agent_version", "finish_reason", "provider", "route"):
        yield Row(
            f"{field} of 134 characters and 402 bytes",
            on_a(**{field: "\u20ac" * 134}),
            on_a(**{field: "\u20ac" * 133}),
        )
    for what, map_of in {
        "a label": lambda name: {"labels": {name: "x"}},
        "a label's value": lambda name: {"labels": {"x": name}},
        "a tool": lambda name: {"tools": {name: {"calls": 1}}},
        "a model": lambda name: {"usage_by_model": {name: {}}},
        "a model's provider": lambda name: {"usage_by_model": {"m": {"provider": name}}},
        "an evaluator": lambda name: {"evaluations": {name: {"checked": 1}}},
    }.items():
        yield Row(
            f"{what} of 402 bytes", on_a(**map_of("\u20ac" * 134)), on_a(**map_of("\u20ac" * 133))
        )
    yield Row(
        "a sequence of 402 bytes",
        _reported(f"a:{chr(8364) * 134}"),
        _reported(f"a:{chr(8364) * 132}"),
    )
    for what, value in {"2^70": str(2**70), "-2^70": str(-(2**70))}.items():
        yield Row(
            f"a count of {what} by REST",
            _patched("integerValue", value),
            _patched("integerValue", "500"),
        )
    yield Row(
        "a count of 2^70 as a fraction by REST",
        _patched("doubleValue", float(2**70)),
        _patched("integerValue", "501"),
    )


def _reported(reporter: str) -> Attempt:
    return update(A, "tasks/a", reporter=reporter, **{f"reports.`{reporter}`": 1})


def _patched(kind: str, value: object) -> Attempt:
    mask = "updateMask.fieldPaths=tokens_in"
    return asked(
        A, "PATCH", f"fleets/{{fleet}}/tasks/a?{mask}", {"fields": {"tokens_in": {kind: value}}}
    )


def writers() -> Iterator[Row]:
    """Documents that bear another writer's name, or name another's session as their own."""
    opened = lambda **fields: create(A, "sessions/x", {**SESSION, **fields})  # noqa: E731 - short
    yield Row(
        "an agent's new session takes over from another agent's",
        opened(predecessor_session_id="s-b"),
        opened(predecessor_session_id="s-a"),
    )
    yield Row(
        "an agent's session takes over from another agent's afterwards",
        update(A, "sessions/over", predecessor_session_id="s-b"),
        update(A, "sessions/over", predecessor_session_id="s-a"),
    )
    yield Row(
        "an agent takes over from another agent as an orchestrator does",
        opened(predecessor_session_id="s-b1"),
        create(
            ORCHESTRATOR,
            "sessions/x",
            {**SESSION, "agent_id": "lead", "predecessor_session_id": "s-b1"},
        ),
    )
    traced = lambda *agents: create(  # noqa: E731 - short
        A, "traces/x/batches/0", batch(agent_id=list(agents))
    )
    yield Row("a batch of another agent's span", traced("b"), traced("a"))
    yield Row(
        "a batch with one span of another agent's", traced("a", "", "b"), traced("a", "", "a")
    )
    yield Row(
        "an agent's session takes over from a second one of its own",
        update(A, "sessions/s-a1", predecessor_session_id="over"),
        update(A, "sessions/over", predecessor_session_id="s-a"),
    )
    yield Row(
        "a lease is prolonged beyond a day",
        update(A, "leases/a", renewed_at=NOW, lease_ms=86_400_001),
        update(A, "leases/a", renewed_at=NOW, lease_ms=86_400_000),
    )
    long = Identity("a" * 130, "agent")
    yield Row(
        "a batch of an agent whose name begins like a long one",
        create(long, "traces/x/batches/0", batch(agent_id=["a" * 119])),
        create(long, "traces/x/batches/0", batch(agent_id=["a" * 120])),
    )
    yield Row(
        "an incident of another's session",
        create(A, "incidents/x", {**_INCIDENT, "session_id": "s-b"}),
        create(A, "incidents/x", {**_INCIDENT, "session_id": "s-a", "other_session_id": "s-b"}),
    )
    yield Row(
        "an agent reports as one whose name ends where its own has a colon",
        update(A, "tasks/a", reporter="a%3Ab:s", **{"reports.`a%3Ab:s`": 1}),
        update(A, "tasks/a", reporter="a:b:s", **{"reports.`a:b:s`": 1}, reported_at=T),
    )
