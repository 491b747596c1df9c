"""Anything may be passed anywhere: the agent goes on, and what it says afterwards arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import pytest
from google.cloud import firestore

from support.fakes.hostile_values import HOSTILE
from tachograph import Fleet, Session, TaskRun, Usage
from tachograph.errors import ClaimLost, DispatchRefused

_REFUSALS = (ValueError, TypeError, LookupError, ClaimLost, DispatchRefused)


class _Work(NamedTuple):
    fleet: Fleet
    session: Session
    task: TaskRun


_Call = Callable[[_Work, Any], object]


def _llm_call(work: _Work, value: Any) -> None:  # noqa: ANN401 - anything
    with work.task.llm_call() as call:
        call.record(value)


def _llm_usage(work: _Work, value: Any) -> None:  # noqa: ANN401 - anything
    with work.task.llm_call() as call:
        call.record({"model": value, "usage": {"input_tokens": value, "output_tokens": value}})


def _llm_content(work: _Work, value: Any) -> None:  # noqa: ANN401 - anything
    with work.task.llm_call() as call:
        call.content(value, value, ref=value)


def _stream(work: _Work, value: Any) -> None:  # noqa: ANN401 - anything
    with work.task.llm_call() as call:
        for _ in call.stream([value, value]):
            pass


def _waits(work: _Work, value: Any) -> None:  # noqa: ANN401 - anything
    with work.session.waiting(value, up_to_s=5):
        pass


def _through(block: AbstractContextManager[object]) -> None:
    with block:
        pass


def _ends(work: _Work, value: Any) -> None:  # noqa: ANN401 - anything
    session = work.fleet.session("b-2")
    session.task("t-3")
    session.end(value)


def _tool_call(work: _Work, value: Any) -> None:  # noqa: ANN401 - anything
    with work.task.tool_call(value, attributes={"a": value}):
        pass


_QUIET: dict[str, _Call] = {
    "task: a field": lambda w, v: w.session.task("t-2", a_field=v),
    "task: type": lambda w, v: w.session.task("t-2", task_type=v),
    "task: labels": lambda w, v: w.session.task("t-2", labels=v),
    "task: a label": lambda w, v: w.session.task("t-2", labels={"team": v}),
    "task: title": lambda w, v: w.session.task("t-2", title=v),
    "task: at": lambda w, v: w.session.task("t-2", at=v),
    "task: parent": lambda w, v: w.session.task("t-2", parent_task_id=v, root_task_id=v),
    "create_task: a field": lambda w, v: w.fleet.create_task("t-3", a_field=v),
    "create_task: labels": lambda w, v: w.fleet.create_task("t-3", labels={"team": v}),
    "create_task: priority": lambda w, v: w.fleet.create_task("t-3", priority=v),
    "create_task: at": lambda w, v: w.fleet.create_task("t-3", at=v),
    "create_task: evaluation": lambda w, v: w.fleet.create_task("t-3", evaluation={"score": v}),
    "session: a field": lambda w, v: w.fleet.session("b-2", a_field=v),
    "session: model": lambda w, v: w.fleet.session("b-2", model=v, provider=v, role=v),
    "session: window": lambda w, v: w.fleet.session("b-2", context_window=v),
    "session: at": lambda w, v: w.fleet.session("b-2", at=v),
    "session: generation": lambda w, v: w.fleet.session("b-2", generation=v),
    "session.update": lambda w, v: w.session.update(a_field=v, repo=v),
    "session.update: at": lambda w, v: w.session.update(at=v, repo="shop"),
    "session.context": lambda w, v: w.session.context(v),
    "session.context: window": lambda w, v: w.session.context(100, window_tokens=v),
    "session.context: at": lambda w, v: w.session.context(100, at=v),
    "session.compacted": lambda w, v: w.session.compacted(v, window_tokens=v),
    "session.hand_off": lambda w, v: w.fleet.session("b-2").hand_off(journal=v),
    "session.end": _ends,
    "session.end: at": lambda w, v: w.fleet.session("b-2").end(at=v),
    "session.waiting": _waits,
    "send: kind": lambda w, v: w.session.send("b-2", kind=v),
    "send: ref": lambda w, v: w.session.send("b-2", ref=v, task_id=v, traceparent=v),
    "send: to": lambda w, v: w.session.send(v),
    "record: tokens": lambda w, v: w.task.record(Usage(tokens_in=v), model="m"),
    "record: usage": lambda w, v: w.task.record(v),
    "record: model": lambda w, v: w.task.record(Usage(tokens_in=1), model=v, provider=v),
    "record: at": lambda w, v: w.task.record(Usage(tokens_in=1), at=v),
    "record: priced_at": lambda w, v: w.task.record(Usage(tokens_in=1), model="m", priced_at=v),
    "record: cost": lambda w, v: w.task.record(Usage(tokens_in=1), cost_nanousd=v),
    "record: duration": lambda w, v: w.task.record(Usage(tokens_in=1), duration_ms=v),
    "record: calls": lambda w, v: w.task.record(Usage(tokens_in=1), calls=v),
    "record: overhead": lambda w, v: w.task.record(Usage(tokens_in=1), overhead=v),
    "llm_call": lambda w, v: w.task.llm_call(model=v, provider=v),
    "llm_call.record": _llm_call,
    "llm_call.record: usage": _llm_usage,
    "llm_call.content": _llm_content,
    "llm_call.stream": _stream,
    "tool": lambda w, v: w.task.tool(v),
    "tool: errors": lambda w, v: w.task.tool("grep", errors=v),
    "tool: duration": lambda w, v: w.task.tool("grep", duration_ms=v),
    "tool: at": lambda w, v: w.task.tool("grep", at=v),
    "tool_call": _tool_call,
    "add": lambda w, v: w.task.add(steps=v, a_count=v),
    "add: at": lambda w, v: w.task.add(at=v, steps=1),
    "update": lambda w, v: w.task.update(a_field=v),
    "update: status": lambda w, v: w.task.update(status=v),
    "update: feedback": lambda w, v: w.task.update(feedback={"by": v}, evaluation=v),
    "wait: at": lambda w, v: w.task.wait(at=v),
    "complete": lambda w, v: w.session.task("t-2").complete(result=v),
    "complete: at": lambda w, v: w.session.task("t-2").complete(at=v),
    "fail": lambda w, v: w.session.task("t-2").fail(v),
    "cancel": lambda w, v: w.session.task("t-2").cancel(at=v, reason=v),
}
"""Telemetry: it never raises, whatever it is given."""

_ANSWERING: dict[str, _Call] = {
    "Fleet": lambda w, v: Fleet(v, client=w.fleet.client).close(),
    "Fleet: heartbeat": lambda w, v: Fleet("a", client=w.fleet.client, heartbeat_s=v).close(),
    "create_task: id": lambda w, v: w.fleet.create_task(v),
    "session: agent": lambda w, v: w.fleet.session(v),
    "session: id": lambda w, v: w.fleet.session("b-2", session_id=v),
    "session: successor": lambda w, v: w.fleet.session("b-2", successor_of=v),
    "task: id": lambda w, v: w.session.task(v),
    "context: task": lambda w, v: w.session.context(100, task_id=v),
    "waiting: seconds": lambda w, v: _through(w.session.waiting("x", up_to_s=v)),
    "tool_call: seconds": lambda w, v: _through(w.task.tool_call("x", up_to_s=v)),
    "send: id": lambda w, v: w.session.send("b-2", message_id=v),
    "claim": lambda w, v: w.session.claim(v),
    "claim_next": lambda w, v: w.session.claim_next(task_type=v),
    "claim_next: labels": lambda w, v: w.session.claim_next(labels={"team": v}),
    "dispatch": lambda w, v: w.session.dispatch(v, "b-2"),
    "dispatch: agent": lambda w, v: w.session.dispatch("t-1", v, ref=v),
    "guard_repo": lambda w, v: w.session.guard_repo(v, v),
    "guard_repo: lease": lambda w, v: w.session.guard_repo("shop", "main", lease_s=v),
}
"""Calls that answer the caller: they may refuse an id, by an ordinary exception."""


@pytest.fixture(params=["off", "app,batches"], ids=["untraced", "traced"])
def work(db: firestore.Client, fleet_name: str, request: pytest.FixtureRequest) -> Iterator[_Work]:
    """Give a fleet at work, with a task of its own."""
    with Fleet(fleet_name, client=db, flush_interval_s=0.01, tracing=request.param) as fleet:
        session = fleet.session("b-1", session_id="s-1")
        yield _Work(fleet, session, session.task("t-1"))


def _says_more(work: _Work) -> None:
    """Say something of every kind, and read it back."""
    work.session.update(repo="afterwards")
    work.task.record(Usage(tokens_in=7), model="claude-haiku-4-5")
    work.session.task("t-9").complete()
    work.fleet.create_task("t-8")
    message = work.session.send("b-9", kind="afterwards")
    assert work.fleet.flush(30)
    fleet = work.fleet.client.document("fleets", work.fleet.name)
    assert fleet.collection("tasks").document("t-1").get().get("tokens_in") >= 7
    assert fleet.collection("tasks").document("t-9").get().get("status") == "completed"
    assert fleet.collection("tasks").document("t-8").get().get("status") == "queued"
    assert fleet.collection("sessions").document("s-1").get().get("repo") == "afterwards"
    assert fleet.collection("messages").document(message).get().get("kind") == "afterwards"


def _trouble(work: _Work, calls: Mapping[str, _Call], *expected: type[Exception]) -> list[str]:
    """Make each call with each value; returns what was raised and not expected."""
    raised: list[str] = []
    for call, passes in calls.items():
        for name, made in HOSTILE.items():
            try:
                passes(work, made())
            except expected:
                pass
            except Exception as trouble:  # noqa: BLE001 - all values are tried, and then named
                raised.append(f"{call}, {name}: {type(trouble).__name__}: {trouble}")
    return raised


def test_no_value_takes_an_agent_down_or_what_it_says_afterwards(work: _Work) -> None:
    assert _trouble(work, _QUIET) == []
    _says_more(work)


def test_value_that_is_no_id_is_refused_by_an_ordinary_error_and_the_rest_arrives(
    work: _Work,
) -> None:
    assert _trouble(work, _ANSWERING, *_REFUSALS) == []
    _says_more(work)
