"""The fields of a task, and the sequences of its reports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from rules.attacks.row import LONG, TASK, Row
from support.fleets.two_agents import DELETE, OWNER, A, T
from support.rules import create, update

_HUGE = {f"t{n}": {"calls": 1, "errors": 0, "duration_ms": 5} for n in range(13)}


def what_a_task_holds() -> Iterator[Row]:
    """Types, ranges, sizes; and what may not be changed."""
    on_a = lambda **fields: update(A, "tasks/a", **fields)  # noqa: E731 - short
    wrong: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "a negative total": ({"tokens_in": -1}, {"tokens_in": 100}),
        "a cost below zero": ({"cost_nanousd": -(10**9)}, {"cost_nanousd": 1005}),
        "a fraction of a token": ({"tokens_in": 101.5}, {"tokens_in": 101}),
        "text for a count": ({"tokens_in": "105"}, {"tokens_in": 105}),
        "a count beyond every sum": ({"tokens_in": 2**62}, {"tokens_in": 10**14}),
        "true for a count": ({"tokens_in": True}, {"tokens_in": 101}),
        "a list for a count": ({"tokens_in": [101]}, {"tokens_in": 101}),
        "a map for a count": ({"tokens_in": {"a": 101}}, {"tokens_in": 101}),
        "not a number for a cost": ({"cost_usd": float("nan")}, {"cost_usd": 0.36}),
        "an infinite cost": ({"cost_usd": float("inf")}, {"cost_usd": 1}),
        "a negative cost": ({"cost_usd": -0.01}, {"cost_usd": 0}),
        "text for a cost": ({"cost_usd": "0.36"}, {"cost_usd": 0.01}),
        "more context than there is": (
            {"context_remaining_pct": 140},
            {"context_remaining_pct": 14.5},
        ),
        "less context than none": (
            {"context_remaining_min_pct": -1},
            {"context_remaining_min_pct": 0},
        ),
        "a number for a name": ({"model": 5}, {"model": "claude-haiku-4-5"}),
        "a name of 201 characters": ({"model": LONG}, {"model": LONG[1:]}),
        "an empty name": ({"model": ""}, {"model": "x"}),
        "a name with an end of line": ({"repo": "a\nb"}, {"repo": "a b"}),
        "a name with a bell": ({"repo": "a\x07"}, {"repo": "ä/β-1"}),
        "a name with no width": ({"repo": "a\u200bb"}, {"repo": "a_b"}),
        "a reserved name": ({"model": "__x__"}, {"model": "__x"}),
        "a model that is a list": ({"model": ["a"]}, {"model": None}),
        "a title of 2,001 characters": ({"title": "x" * 2001}, {"title": "x" * 2000}),
        "a title that is a map": ({"title": {"a": "b"}}, {"title": None}),
        "a moment as text": ({"started_at": "2026-03-01T12:00:00Z"}, {"started_at": T}),
        "a moment as a number": ({"completed_at": 1772366400}, {"completed_at": T}),
        "a moment before there were agents": (
            {"claimed_at": datetime(1970, 1, 1, tzinfo=UTC)},
            {"claimed_at": T},
        ),
        "an unknown status": ({"status": "won"}, {"status": "waiting"}),
        "an unknown source of the cost": ({"cost_source": "guess"}, {"cost_source": "priced"}),
        "an unknown kind of attempt": ({"attempt_kind": "9th"}, {"attempt_kind": "retry"}),
        "an unknown source of telemetry": (
            {"telemetry_source": "me"},
            {"telemetry_source": "otel"},
        ),
        "feedback of a thousand": ({"feedback": 1000}, {"feedback": 1}),
        "labels that are a list": ({"labels": ["team"]}, {"labels": {"team": "web"}}),
        "65 labels": (
            {"labels": {f"l{n}": "x" for n in range(65)}},
            {"labels": {f"l{n}": "x" for n in range(64)}},
        ),
        "a label that is a number": ({"labels": {"team": 5}}, {"labels": {"team": "5"}}),
        "a label of 201 characters": ({"labels": {"team": LONG}}, {"labels": {"team": LONG[1:]}}),
        "a label whose name ends a line": ({"labels": {"a\nb": "x"}}, {"labels": {"a b": "x"}}),
        "13 tools": ({"tools": _HUGE}, {"tools": {name: _HUGE[name] for name in list(_HUGE)[:12]}}),
        "a tool that was called -1 times": (
            {"tools": {"grep": {"calls": -1}}},
            {"tools": {"grep": {"calls": 1}}},
        ),
        "a tool that was called '1' times": (
            {"tools": {"grep": {"calls": "1"}}},
            {"tools": {"grep": {"calls": 0}}},
        ),
        "the last of 12 tools with text": (
            {"tools": {**{f"t{n:02}": {"calls": 1} for n in range(11)}, "u": {"calls": "x"}}},
            {"tools": {**{f"t{n:02}": {"calls": 1} for n in range(11)}, "u": {"calls": 2}}},
        ),
        "a tool with a field of its own": (
            {"tools": {"grep": {"calls": 1, "output": 5}}},
            {"tools": {"grep": {"errors": 1}}},
        ),
        "a tool that is a number": (
            {"tools": {"grep": 1}},
            {"tools": {"grep": {"duration_ms": 1}}},
        ),
        "a tool of no name": ({"tools": {LONG: {"calls": 1}}}, {"tools": {"g": {"calls": 1}}}),
        "tools in a list": ({"tools": [{"calls": 1}]}, {"tools": {}}),
        "five models": (
            {"usage_by_model": {f"m{n}": {"tokens_in": 1} for n in range(5)}},
            {"usage_by_model": {"m0": {"tokens_in": 1}}},
        ),
        "a model with a negative cost": (
            {"usage_by_model": {"m": {"cost_nanousd": -1}}},
            {"usage_by_model": {"m": {"cost_nanousd": 1, "provider": "anthropic"}}},
        ),
        "a model whose provider is a number": (
            {"usage_by_model": {"m": {"provider": 5}}},
            {"usage_by_model": {"m": {"provider": "5"}}},
        ),
        "a model with a field of its own": (
            {"usage_by_model": {"m": {"prompt": 5}}},
            {"usage_by_model": {"m": {"reasoning_tokens": 5}}},
        ),
        "five evaluators": (
            {"evaluations": {f"e{n}": {"checked": 1} for n in range(5)}},
            {"evaluations": {f"e{n}": {"checked": 1, "failed": 0} for n in range(4)}},
        ),
        "an evaluator with text": (
            {"evaluations": {"e": {"failed": "none"}}},
            {"evaluations": {"e": {"failed": 0}}},
        ),
        "an evaluator with a field of its own": (
            {"evaluations": {"e": {"verdict": 1}}},
            {"evaluations": {"e": {"checked": 1}}},
        ),
        "a field nobody knows": ({"prompt": "my secret"}, {"priority": "high"}),
        "a report at a word": ({"reported_at": "now"}, {"reported_at": T}),
        "a queue at a word": ({"queued_at": "now"}, {"queued_at": None}),
        "two known names run together": ({"tokens_intokens_out": 5}, {"tokens_out": 5}),
        "another parent": ({"parent_task_id": "b"}, {"route": "direct"}),
        "another root": ({"root_task_id": "b"}, {"environment": "staging"}),
        "another depth": ({"depth": 7}, {"sprint_id": "7"}),
        "another author": ({"created_by": "a"}, {"agent_version": "2"}),
        "no author": ({"created_by": DELETE}, {"route": DELETE}),
        "another beginning": ({"created_at": T - timedelta(days=1)}, {"created_at": T}),
        "that it never was": ({"voided": True}, {"rework_count": 1}),
    }
    for what, (attack, allowed) in wrong.items():
        yield Row(f"an agent says of its task {what}", on_a(**attack), on_a(**allowed))
    yield Row(
        "an agent says that its task was traced elsewhere",
        update(A, "tasks/traced", traceparent="00-2"),
        update(A, "tasks/a", traceparent="00-2"),
    )
    yield Row(
        "two known names with a blank between them",
        create(A, "tasks/x", {**TASK, "tokens_in tokens_out": 5}),
        create(A, "tasks/x", {**TASK, "tokens_in": 5}),
    )
    yield Row(
        "a new task that began at a word",
        create(A, "tasks/x", {**TASK, "created_at": "now"}),
        create(A, "tasks/x", {**TASK, "created_at": T}),
    )
    yield Row(
        "an agent's new task was never",
        create(A, "tasks/x", {**TASK, "voided": True}),
        create(OWNER, "tasks/x", {**TASK, "voided": True}),
    )
    yield Row(
        "an owner voids by a word",
        update(OWNER, "tasks/b", voided="yes"),
        update(OWNER, "tasks/b", voided=True),
    )
    yield Row(
        "an agent's new task holds 1 MB",
        create(A, "tasks/x", {**TASK, "labels": {"team": "x" * 900_000}}),
        create(A, "tasks/x", {**TASK, "labels": {"team": "x"}}),
    )
    yield Row(
        "an agent's new task holds a negative total",
        create(A, "tasks/x", {**TASK, "tokens_out": -5}),
        create(A, "tasks/x", {**TASK, "tokens_out": 5}),
    )


def sequences() -> Iterator[Row]:
    """Yield what `reports` promises: every report once."""
    own = lambda n, **more: update(A, "tasks/a", **{"reports.`a:s-a.1`": n}, **more)  # noqa: E731
    yield Row("an agent replays a report", own(2, tokens_in=200), own(4, tokens_in=200))
    yield Row("an agent's sequence falls to nothing", own(0), own(10))
    yield Row("an agent's sequence is text", own("9"), own(9))
    yield Row("an agent's sequence is beyond all reports", own(10**15), own(10**9))
    yield Row("an agent's sequence is a fraction", own(4.5), own(5))
    yield Row(
        "an agent removes its sequence",
        update(A, "tasks/a", **{"reports.`a:s-a.1`": DELETE}),
        own(4),
    )
    yield Row("an agent removes all sequences", update(A, "tasks/a", reports={}), own(4))
    yield Row(
        "an agent replaces the sequences by text", update(A, "tasks/a", reports="none"), own(4)
    )
    yield Row(
        "an agent pushes another's sequence ahead, so that its last tokens count as landed",
        update(A, "tasks/a", **{"reports.`b:s-b.1`": 1000}),
        own(4),
    )
    yield Row(
        "an agent reports in another's name",
        update(A, "tasks/a", reporter="b:s-b.1", **{"reports.`b:s-b.1`": 1000}),
        update(A, "tasks/a", reporter="a:s-a.2", **{"reports.`a:s-a.2`": 1}),
    )
    yield Row(
        "an agent reports in its own name and another's",
        update(A, "tasks/a", **{"reports.`a:s-a.1`": 4, "reports.`b:s-b.1`": 1000}),
        own(4),
    )
    yield Row(
        "an agent reports in the name of an agent whose name begins like its own",
        update(A, "tasks/a", reporter="aa:s.1", **{"reports.`aa:s.1`": 1}),
        update(A, "tasks/a", reporter="a:a:s.1", **{"reports.`a:a:s.1`": 1}),
    )
    many = {f"a:s-{n}": 1 for n in range(201)}
    yield Row(
        "201 sequences",
        create(OWNER, "tasks/x", {**TASK, "reports": many, "reporter": "a:s-1"}),
        create(A, "tasks/x", {**TASK, "reports": {"a:s-1": 1}, "reporter": "a:s-1"}),
    )
    yield Row(
        "a new task with another's sequence",
        create(A, "tasks/x", {**TASK, "reports": {"b:s": 7}, "reporter": "b:s"}),
        create(A, "tasks/x", {**TASK, "reports": {"a:s": 7}, "reporter": "a:s"}),
    )
    yield Row(
        "a sequence of an unprintable name",
        create(A, "tasks/x", {**TASK, "reports": {"a:\x07": 1}, "reporter": "a:\x07"}),
        create(A, "tasks/y", {**TASK, "reports": {"a:s": 1}, "reporter": "a:s"}),
    )
    yield Row(
        "one sequence too many",
        update(A, "tasks/full", reporter="a:y", **{"reports.`a:y`": 1}),
        update(A, "tasks/full", **{"reports.`a:s-1`": 2}),
    )
