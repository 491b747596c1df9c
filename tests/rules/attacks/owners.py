"""Settings that only the owner may change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rules.attacks.row import Row
from support.fleets.two_agents import NOW, ORCHESTRATOR, OWNER, A, T
from support.rules import Identity, create, delete, put, update


def owners() -> Iterator[Row]:
    """Yield what the owner alone tunes."""
    yield Row(
        "an agent changes the policies",
        update(A, "", rotation={"rotate_below_pct": 1}),
        update(OWNER, "", rotation={"rotate_below_pct": 30}),
    )
    yield Row(
        "an orchestrator changes the budget",
        update(ORCHESTRATOR, "", hourly_budget_nanousd=0),
        update(OWNER, "", hourly_budget_nanousd=10),
    )
    yield Row("an owner deletes the fleet", delete(OWNER, ""), update(OWNER, "", name="B"))
    yield Row(
        "a rival's owner changes the policies",
        update(replace(OWNER, fleet="rival"), "", name="x"),
        update(OWNER, "", name="y"),
    )
    yield Row(
        "an agent sets its own price",
        put(A, "prices/own", {"model": "m"}),
        put(OWNER, "prices/own", {"model": "m"}),
    )
    yield Row(
        "a revoked owner sets a price",
        put(Identity("gone", "owner"), "prices/own", {"model": "m"}),
        delete(OWNER, "prices/own"),
    )
    yield Row(
        "an agent revokes another",
        create(A, "revoked/b", {"before": NOW}),
        create(OWNER, "revoked/b", {"before": NOW}),
    )
    yield Row(
        "a revoked owner revokes another",
        create(Identity("gone", "owner"), "revoked/b", {"before": NOW}),
        update(OWNER, "revoked/gone", before=NOW),
    )
    yield Row(
        "an owner forgets a revocation",
        delete(OWNER, "revoked/gone"),
        create(OWNER, "revoked/c", {"before": NOW}),
    )
    yield Row(
        "an owner backdates a revocation",
        update(OWNER, "revoked/gone", before=T),
        update(OWNER, "revoked/gone", before=NOW),
    )
    yield Row(
        "a revocation with words",
        create(OWNER, "revoked/b", {"before": NOW, "why": "x"}),
        create(OWNER, "revoked/d", {"before": NOW}),
    )
