"""One task goes all the way: written, counted by a function, published by a tick, taken back."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud import firestore

from tachograph_cli.local.requirements import Line
from tachograph_schema.paths import LEDGER, ROLLUPS, TASKS, DocumentPath
from tachograph_schema.periods import hour_of, rollup_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from tachograph_cli.deploy.target import Target

FLEET = "tachograph-doctor"
# A function's cold start is 2 to 3 s, a tick at most a minute away, and a trigger that was made
# just now takes up to two minutes until it fires.
WITHIN_S = 240.0
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class Trip:
    """How long a task took to be counted, and to be published; None: it was not."""

    counted_s: float | None
    published_s: float | None


def run(target: Target, *, within_s: float = WITHIN_S) -> Line:
    """Send a task through the installation and say how long it took."""
    where = f"--region={target.functions_region} --project={target.project}"
    what = "synthetic task"
    client = firestore.Client(project=target.project, database=target.database)
    try:
        trip = travel(client, within_s=within_s)
    except (GoogleAPICallError, RetryError) as trouble:
        return Line(what, f"fleets/{FLEET}: {trouble}", "make deploy; docs/operations.md#doctor")
    finally:
        client.close()  # type: ignore[no-untyped-call]  # typed in part
    if trip.counted_s is None:
        logs = f"gcloud functions logs read {target.name}-roll-up-tasks --gen2 {where}"
        return Line(
            what,
            f"not counted within {within_s:.0f} s: its event did not come, or failed",
            f"{logs}; docs/operations.md#events-wait",
        )
    if trip.published_s is None:
        logs = f"gcloud functions logs read {target.name}-tick --gen2 {where}"
        return Line(
            what,
            f"counted in {trip.counted_s:.1f} s, not published within {within_s:.0f} s",
            f"{logs}; docs/operations.md#tick-silent",
        )
    return Line(what, f"counted in {trip.counted_s:.1f} s, published in {trip.published_s:.1f} s")


def travel(client: firestore.Client, *, within_s: float) -> Trip:
    """Write a task, wait for its ledger entry and its rollup, and take it back."""
    name = f"doctor-{uuid.uuid4().hex[:12]}"
    task = client.document(str(DocumentPath(FLEET, TASKS, name)))
    written = task.create(
        {
            "title": "Written by tachograph doctor",
            "task_type": "doctor",
            "agent_id": name,
            "status": "completed",
            "created_at": firestore.SERVER_TIMESTAMP,
            "completed_at": firestore.SERVER_TIMESTAMP,
            "tokens_in": 1000,
            "tokens_out": 10,
            "cost_nanousd": 0,
            "cost_source": "reported",
        }
    ).update_time
    began = time.monotonic()
    try:
        counted_s = _when(began, within_s, lambda: _counted(client, str(task.path)))
        if counted_s is None:
            return Trip(None, None)
        hour = rollup_id("hour", hour_of(datetime.fromisoformat(str(written))))
        published_s = _when(began, within_s, lambda: _published(client, hour, f"agent:{name}"))
        return Trip(counted_s, published_s)
    finally:
        task.update({"voided": True})


def _counted(client: firestore.Client, path: str) -> bool:
    of_path = firestore.FieldFilter("path", "==", path)
    entries = client.collection("fleets", FLEET, LEDGER).where(filter=of_path).limit(1)
    return bool(list(entries.stream()))


def _published(client: firestore.Client, hour: str, scope: str) -> bool:
    found: dict[str, Any] = client.document("fleets", FLEET, ROLLUPS, hour).get().to_dict() or {}
    return bool(found.get("c", {}).get(scope, {}).get("tasks_completed"))


def _when(began: float, within_s: float, happened: Callable[[], bool]) -> float | None:
    while not happened():
        if time.monotonic() - began > within_s:
            return None
        time.sleep(_LOOK_EVERY_S)
    return time.monotonic() - began
