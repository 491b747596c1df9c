"""Claim collisions over one queue: every session takes the oldest task, or calls `claim_next`."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from unittest.mock import patch

from google.cloud import firestore

from tachograph import ClaimLost, Fleet, Session
from tachograph_cli.local.stack import Stack

CONTENDERS = 100
TASKS = 100
_PATIENCE_S = 300


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield the collisions of 100 sessions over 100 tasks, for both ways to choose a task."""
    root = Path(__file__).parent.parent
    with Stack.start(root, only=("firestore",)) as stack, patch.dict(os.environ, stack.env):
        for name, way in (("everybody takes the oldest", oldest), ("claim_next", spread)):
            collisions, took_s = contended(firestore.Client(), way)
            yield (
                f"collisions, {CONTENDERS} contenders for {TASKS} tasks at once: {name}",
                f"{collisions} ({collisions / TASKS:.2f} a claim), {took_s:.1f} s",
                "",
            )


def oldest(session: Session, db: firestore.Client, fleet: str) -> str | None:
    """Claim the oldest task of the queue; after a lost race, try the oldest one left."""
    queued = firestore.FieldFilter("status", "==", "queued")
    tasks = db.collection("fleets", fleet, "tasks").where(filter=queued)
    while found := tasks.order_by("created_at").limit(1).get():
        try:
            return session.claim(found[0].id).id
        except ClaimLost:
            continue
    return None


def spread(session: Session, _: firestore.Client, __: str) -> str | None:
    """Claim a task with `claim_next`."""
    task = session.claim_next()
    return None if task is None else task.id


def contended(
    db: firestore.Client, way: Callable[[Session, firestore.Client, str], str | None]
) -> tuple[int, float]:
    """Let all sessions claim a task at the same moment; return the collisions and the seconds."""
    name = f"bench-{uuid.uuid4().hex}"
    batch, now = db.batch(), datetime.now(UTC)
    for n in range(TASKS):
        ref = db.document("fleets", name, "tasks", f"t-{n}")
        batch.set(ref, {"status": "queued", "created_at": now + timedelta(seconds=n)})
    batch.commit()
    together = Barrier(CONTENDERS)

    def contend(session: Session) -> str | None:
        together.wait(_PATIENCE_S)
        return way(session, db, name)

    with Fleet(name, client=db, flush_interval_s=_PATIENCE_S) as fleet:
        sessions = [fleet.session(f"b-{n}") for n in range(CONTENDERS)]
        fleet.flush(_PATIENCE_S)
        begun = time.perf_counter()
        with ThreadPoolExecutor(CONTENDERS) as pool:
            claimed = set(pool.map(contend, sessions))
        took_s = time.perf_counter() - begun
        fleet.flush(_PATIENCE_S)
    if len(claimed) != TASKS or None in claimed:
        raise RuntimeError(f"{len(claimed)} different tasks were claimed; expected {TASKS}")
    incidents = db.collection("fleets", name, "incidents")
    return len(list(incidents.stream())), took_s
