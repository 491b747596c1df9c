"""Signals, alerts and traces."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from rules.attacks.row import Row
from support.fleets.two_agents import NOW, ORCHESTRATOR, OWNER, VIEWER, A, B, T, batch
from support.rules import create, put, update


def signals() -> Iterator[Row]:
    """Signals: heeded by whom they are for, forward."""
    heed = lambda identity=A, signal="a", **fields: update(  # noqa: E731 - short
        identity,
        f"signals/{signal}",
        **{"status": "acknowledged", "acknowledged_at": NOW, **fields},
    )
    write = lambda signal="noted", **fields: update(  # noqa: E731 - short
        A, f"signals/{signal}", **{"status": "journaled", "journaled_at": NOW, **fields}
    )
    follow = lambda identity=A, signal="noted", **fields: update(  # noqa: E731 - short
        identity,
        f"signals/{signal}",
        **{"successor_session_id": "s-a1", "succeeded_at": NOW, **fields},
    )
    yield Row("an agent acknowledges another's signal", heed(signal="b"), heed())
    yield Row("an orchestrator acknowledges an agent's signal", heed(ORCHESTRATOR), heed())
    yield Row("an agent completes its signal", update(A, "signals/a", status="completed"), heed())
    yield Row(
        "an agent says that it was handed over",
        update(A, "signals/noted", status="handed_off"),
        write(),
    )
    yield Row("an agent takes a step back", update(A, "signals/noted", status="pending"), write())
    yield Row("an agent acknowledges again", heed(signal="noted"), write(journal_ref="gs://j"))
    yield Row("an agent heeds a signal that is over", write("over"), write())
    yield Row("an agent journals what was handed over", write("handed"), write(task_id=None))
    yield Row("an agent acknowledges at another moment", heed(acknowledged_at=T), heed())
    yield Row("an agent journals at another moment", write(journaled_at=T), write("a"))
    yield Row(
        "an agent backdates its acknowledgement when it journals",
        write(acknowledged_at=T - timedelta(hours=1)),
        write(),
    )
    yield Row("an agent says ahead that it journaled", heed(journaled_at=NOW), heed())
    yield Row("an agent lowers what it was measured against", heed(threshold_pct=1), heed())
    yield Row("an agent's journal is a number", write(journal_ref=5), write(journal_ref="5"))
    yield Row("an agent lets its signal be another's", heed(agent_id="b"), heed())
    yield Row(
        "an agent names another's session as its successor",
        follow(successor_session_id="s-b"),
        follow(),
    )
    yield Row(
        "an agent succeeds another",
        follow(B, successor_session_id="s-b1"),
        follow(ORCHESTRATOR, successor_session_id="s-new"),
    )
    yield Row(
        "a successor that is a number",
        follow(successor_session_id=5),
        follow(successor_session_id="5"),
    )
    yield Row(
        "a successor of no name",
        follow(successor_session_id="__x__"),
        follow(successor_session_id="__x"),
    )
    yield Row("a second successor", follow(signal="taken"), follow())
    yield Row("a successor of what is over", follow(signal="over"), follow(signal="handed"))
    yield Row("a session succeeds itself", follow(successor_session_id="s-a"), follow())
    yield Row("a successor since another moment", follow(succeeded_at=T), follow())
    yield Row("a successor that completes the signal", follow(status="completed"), follow())


def alerts_and_traces() -> Iterator[Row]:
    """Alerts are acknowledged by the owner; batches are bounded, and written once."""
    note = lambda identity=OWNER, alert="open", **fields: update(  # noqa: E731 - short
        identity,
        f"alerts/{alert}",
        **{"acknowledged_at": NOW, "acknowledged_by": identity.agent, **fields},
    )
    yield Row("an agent acknowledges an alert", note(A), note())
    yield Row("an alert is acknowledged in another's name", note(acknowledged_by="a"), note())
    yield Row("an alert is acknowledged at another moment", note(acknowledged_at=T), note())
    yield Row("an alert is acknowledged again", note(alert="noted"), note())
    yield Row("an owner resolves an alert", note(resolved_at=NOW), note())
    trace = lambda **fields: create(A, "traces/x/batches/0", batch(**fields))  # noqa: E731 - short
    wrong: dict[str, tuple[Any, Any]] = {
        "parent": ([-2], [0, -1]),
        "expires_at": (T, batch()["expires_at"]),
        "began_us": ("5", 5),
        "kept": ("mine", "error"),
        "links": ({}, []),
        "parents": ({"0": 5}, {"0": "ab"}),
        "errors": ({"0": 5}, {"0": "timeout"}),
        "content": ({"0": 5}, {"0": "hello"}),
    }
    texts = ("task_id", "agent_id", "span_id", "name", "kind", "model")
    counts = ("start_us", "duration_us", "tokens_in", "tokens_out", "cost_nanousd")
    wrong |= {name: ([5], ["a"]) for name in texts} | {name: ([-1], [1]) for name in counts}
    for name, (attack, allowed) in wrong.items():
        yield Row(f"a batch with a wrong {name}", trace(**{name: attack}), trace(**{name: allowed}))
    for name in (*texts, *counts, "parent", "links"):
        many: list[Any] = [{} if name == "links" else "a" if name in texts else 1] * 1001
        yield Row(
            f"a batch of 1,001 in {name}", trace(**{name: many}), trace(**{name: many[:1000]})
        )
    for name in ("parents", "errors", "content"):
        full = {str(n): "x" for n in range(1001)}
        yield Row(f"a batch of 1,001 in {name}", trace(**{name: full}), trace(**{name: {"0": "x"}}))
    yield Row(
        "a batch that is kept for a lifetime",
        trace(expires_at=datetime(2099, 1, 1, tzinfo=UTC)),
        trace(),
    )
    yield Row("a batch with a column of its own", trace(input=["secret"]), trace())
    yield Row("a batch that is kept for ever", trace(expires_at=None), trace())
    yield Row(
        "a batch is replaced",
        put(A, "traces/t/batches/0", batch()),
        put(A, "traces/t/batches/1", batch()),
    )
    yield Row("a viewer writes a batch", create(VIEWER, "traces/x/batches/0", batch()), trace())
