"""Acts of a hostile agent against its fleet: one row an act, each with an ordinary credential.

Some of it the rules refuse, and some they allow. An act is a generator of writes, made one after
the other; a refused write is no reason to leave the next one out.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud import firestore

NAME = "mallory"
"""The beginning of a hostile agent's name, and of all that it creates."""
CHAIN, CROWD = 20, 6
AS_QUEUE = 10**9
"""The number of a report that no queue makes."""
WIDE = "𐍈" * 200
ODD_IDS = ("feature/x", "a/b/c", "..", ".", "x|model:gpt-5", "a=b", "`x`", "[*]~", " ", WIDE)
DELIMITED = ("edit|model:claude-haiku-4-5", "x|y=z:q", "_other", "_unknown", "fleet", "~steps~7")
MOMENTS = (
    datetime(2000, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    "2026-03-01T00:00:00Z",
    1_772_000_000.5,
    -1,
)
NOW = firestore.SERVER_TIMESTAMP

Write = tuple[str, dict[str, Any]]
"""A path below the fleet, and the fields to be merged into the document there."""


@dataclass
class Hostile:
    """A hostile agent, and the others' documents that it knows by name, since it may read them."""

    name: str
    random: random.Random
    others: dict[str, list[str]] = field(default_factory=dict)
    """Ids of others' documents, by collection."""
    _number: Iterator[int] = field(default_factory=itertools.count)

    def new(self, end: str = "") -> str:
        """Return an id that nobody has yet."""
        return f"{self.name}-{next(self._number)}{end}"

    def victim(self, collection: str) -> str:
        """Return the id of another's document."""
        return self.random.choice(self.others.get(collection) or ["t-0"])

    def task(self, name: str | None = None, **fields: object) -> Write:
        """Return the creation of a completed task of its own."""
        own = {"agent_id": self.name, "status": "completed", "tokens_out": 7, "task_type": "edit"}
        return f"tasks/{name or self.new()}", own | fields

    def session(self, name: str | None = None, **fields: object) -> Write:
        """Return the creation of a session of its own."""
        own = {"agent_id": self.name, "state": "active", "last_seen_at": NOW}
        return f"sessions/{name or self.new()}", own | fields


def foreign_predecessors(me: Hostile) -> Iterator[Write]:
    """Say that its sessions took over from others'."""
    for _ in range(CROWD):
        theirs = {"predecessor_session_id": me.victim("sessions"), "context_used_tokens": 9_000}
        yield me.session(handoff_ms=1, generation=9, **theirs)


def low_sessions(me: Hostile) -> Iterator[Write]:
    """Have many signals raised, for generations that jump."""
    name = me.new()
    for generation in range(CROWD):
        yield me.session(name, generation=generation, context_remaining_pct=1.0,
                         task_id=me.victim("tasks"))  # fmt: skip
    for _ in range(CROWD):
        yield me.session(context_remaining_pct=1.0, task_id=me.victim("tasks"))


def signals(me: Hostile) -> Iterator[Write]:
    """Heed signals, its own and others', with others' tasks and sessions that are not there."""
    for signal in me.others.get("signals", [])[-CROWD:]:
        path = f"signals/{signal}"
        yield path, {"status": "journaled", "journaled_at": NOW, "task_id": me.victim("tasks")}
        yield path, {"successor_session_id": me.new("-none"), "succeeded_at": NOW}


def foreign_reporters(me: Hostile) -> Iterator[Write]:
    """Add to others' tasks, under reporters that are not its own."""
    for reporter in ("queue", "orchestrator:1", "p0-1-0:x"):
        reported = {"reporter": reporter, "reports": {reporter: AS_QUEUE}}
        yield f"tasks/{me.victim('tasks')}", {**reported, "tokens_out": 10**12, "cost_nanousd": 1}


def takes(me: Hostile) -> Iterator[Write]:
    """Take others' work, end it, or say that it was lost."""
    task = f"tasks/{me.victim('tasks')}"
    yield task, {"agent_id": me.name, "status": "completed"}
    yield task, {"session_id": me.new()}
    yield task, {"lost_session_id": me.victim("sessions"), "status": "queued"}
    yield task, {"status": "failed", "error_type": "session_lost"}
    yield f"sessions/{me.victim('sessions')}", {"state": "completed", "ended_at": NOW}
    yield f"sessions/{me.victim('sessions')}", {"predecessor_session_id": me.new()}


def squatted_sessions(me: Hostile) -> Iterator[Write]:
    """Open sessions by the names of others' tasks and signals, and let them be lost."""
    for collection in ("tasks", "signals"):
        yield me.session(me.victim(collection), heartbeat_s=10)


def odd_ids(me: Hostile) -> Iterator[Write]:
    """Name what can be no document, wherever a document may be named."""
    for odd in ODD_IDS:
        yield me.session(task_id=odd, predecessor_session_id=odd, context_remaining_pct=1.0)
        yield me.task(root_task_id=odd, depth=1)
        yield me.task(parent_task_id=odd)
        yield me.task(session_id=odd, status="active")
        if "/" not in odd and odd not in (".", ".."):
            yield me.task(me.new(odd)[-300:])


def cycles(me: Hostile) -> Iterator[Write]:
    """Let parents go round in circles, of one and of many."""
    own = me.new()
    yield me.task(own, parent_task_id=own)
    ring = [me.new() for _ in range(CROWD)]
    for task, parent in zip(ring, [*ring[1:], ring[0]], strict=True):
        yield me.task(task, parent_task_id=parent)


def chains(me: Hostile) -> Iterator[Write]:
    """Build a deep tree in which each task names its parent alone, from the bottom up."""
    names = [me.new() for _ in range(CHAIN)]
    for task, parent in itertools.pairwise(names):
        yield me.task(task, parent_task_id=parent)


def foreign_trees(me: Hostile) -> Iterator[Write]:
    """Hang its tasks into others' trees."""
    yield me.task(root_task_id=me.victim("tasks"), depth=1)
    yield me.task(parent_task_id=me.victim("tasks"))


def moments(me: Hostile) -> Iterator[Write]:
    """Speak of times long ago, far away, and of none."""
    for moment in MOMENTS:
        yield me.task(reported_at=moment, created_at=moment, claimed_at=moment)
        yield me.task(completed_at=moment, started_at=moment)
        yield me.session(last_seen_at=moment, last_progress_at=moment, heartbeat_s=10)
        yield me.session(started_at=moment, reported_at=moment, waiting_until=moment)


def delimiters(me: Hostile) -> Iterator[Write]:
    """Call types, models, labels and tools by names that hold delimiters."""
    for name in DELIMITED:
        use = {name: {"calls": 1, "errors": 0, "duration_ms": 1}}
        yield me.task(task_type=name, model=name, labels={"team": name}, tools=use, tool_calls=1)
        yield me.task(agent_role=name, model_tier=name, provider=name)


def wide_names(me: Hostile) -> Iterator[Write]:
    """Use the longest names there are, of the widest characters."""
    yield me.task(task_type=WIDE, model=WIDE, agent_role=WIDE, labels={"team": WIDE})
    yield me.session(task_type=WIDE, model=WIDE, agent_role=WIDE, context_remaining_pct=1.0)
    yield me.session("𐍈" * 180 + me.new(), context_remaining_pct=1.0)
    yield me.session("x" * 1400 + me.new(), context_remaining_pct=1.0)


def huge_documents(me: Hostile) -> Iterator[Write]:
    """Write documents as large as the rules let them be, and larger."""
    labels = {f"{n}{WIDE}"[:200]: WIDE for n in range(64)}
    tools = {f"{n}{WIDE}"[:200]: {"calls": 1} for n in range(12)}
    name = me.new()
    yield me.task(name, labels=labels, title="𐍈" * 2000)
    yield me.task(name, tools=tools)
    yield me.task(name, title="x" * 900_000)
    yield me.session(waiting_for="𐍈" * 2000, context_history="𐍈" * 2000)


def label_values(me: Hostile) -> Iterator[Write]:
    """Fill the dimensions with values that nobody uses twice."""
    for _ in range(3 * CROWD):
        name = me.new()
        yield me.task(task_type=name, model=name, agent_role=name, labels={"team": name})


def wrong_types(me: Hostile) -> Iterator[Write]:
    """Write values of every type into fields of another."""
    for value in (1.5, True, "7", [1], {"a": 1}, b"x", float("nan"), 2**62, None):
        yield me.task(tokens_out=value)
        yield me.task(cost_usd=value, feedback=value, voided=value)
        yield me.session(context_remaining_pct=value, generation=value, state=value)
        yield me.session(heartbeat_s=value, tokens_per_s=value, ended_at=value)
        yield me.task(tools=value, labels=value)


def voids(me: Hostile) -> Iterator[Write]:
    """Take back what counts, its own and others'."""
    path, fields = me.task()
    yield path, fields
    yield path, {"voided": True}
    yield f"tasks/{me.victim('tasks')}", {"voided": True}
    yield f"sessions/{me.victim('sessions')}", {"voided": True}


def old_versions(me: Hostile) -> Iterator[Write]:
    """Write its own old versions again, so that what it cost falls and rises."""
    path, fields = me.task()
    for tokens in (10, 10**6, 10, 10**15, 0, 10):
        yield path, fields | {"tokens_out": tokens, "cost_nanousd": tokens}


def verdicts(me: Hostile) -> Iterator[Write]:
    """Write what functions alone write."""
    yield f"sessions/{me.victim('sessions')}", {"effective_state": "stuck", "effective_since": NOW}
    yield "live/now", {"at": NOW}
    yield "rollups/total_all", {"c": {}}
    yield f"ledger/{me.new()}", {"path": "x", "delta": "{}"}
    yield f"revoked/{me.name}", {"before": NOW}


def words(me: Hostile) -> Iterator[Write]:
    """Send messages and tell incidents, about others and about nothing."""
    about = {"task_id": "feature/x", "kind": "dispatch", "sent_at": NOW, "acknowledged_at": None}
    for _ in range(CROWD):
        yield f"messages/{me.new()}", {"from_agent_id": me.name, "to_agent_id": "p0-1-0", **about}
        theirs = {"session_id": me.victim("sessions"), "other_agent_id": "p0-1-0"}
        yield f"incidents/{me.new()}", {"agent_id": me.name, "kind": "git_failure", **theirs}


def batches(me: Hostile) -> Iterator[Write]:
    """Write spans in another's name, into a trace of its own choice."""
    until = datetime.now(UTC) + timedelta(days=1)
    columns = {"start_us": [0], "duration_us": [1], "tokens_in": [0], "tokens_out": [0],
               "cost_nanousd": [0], "parent": [-1]}  # fmt: skip
    texts = {name: ["x"] for name in ("task_id", "span_id", "name", "kind", "model")}
    for agent in ("p0-1-0", me.name):
        batch = {"agent_id": [agent], "began_us": 0, "kept": "share", "expires_at": until}
        yield f"traces/{'a' * 32}/batches/{me.new()}", columns | texts | batch


Act = Callable[[Hostile], Iterator[Write]]
ACTS: tuple[Act, ...] = (
    foreign_predecessors, low_sessions, signals, foreign_reporters, takes, squatted_sessions,
    odd_ids, cycles, chains, foreign_trees, moments, delimiters, wide_names, huge_documents,
    label_values, wrong_types, voids, old_versions, verdicts, words, batches,
)  # fmt: skip
