"""A synthetic task: written, counted by a function, published by a tick, and voided."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud import firestore

from tachograph_cli.checklist import Line
from tachograph_schema.counters.scopes import scope
from tachograph_schema.paths import LEDGER, ROLLUPS, TASKS, DocumentPath
from tachograph_schema.periods import hour_of, rollup_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from tachograph_cli.deploy.target import Target

FLEET = "tachograph-doctor"
# A function's cold start takes 2 to 3 s, the next tick comes within a minute, and a new trigger
# fires after up to two minutes.
WITHIN_S = 240.0
_POLL_S = 1.0


@dataclass(frozen=True)
class Delays:
    """Seconds from the write of a task until it was counted, and until it was published.

    None stands for a task that was not counted, or not published, in time.
    """

    counted_s: float | None
    published_s: float | None


def run(target: Target, *, within_s: float = WITHIN_S) -> Line:
    """Send a task through the installation and return its delays as a line of the checklist.

    `within_s` is the longest wait in seconds.
    """
    where = f"--region={target.functions_region} --project={target.project}"
    name = "synthetic task"
    client = firestore.Client(project=target.project, database=target.database)
    try:
        delays = measure(client, within_s=within_s)
    except (GoogleAPICallError, RetryError) as error:
        return Line(name, f"fleets/{FLEET}: {error}", "make deploy; docs/operations.md#doctor")
    finally:
        client.close()  # type: ignore[no-untyped-call]  # typed in part
    if delays.counted_s is None:
        logs = f"gcloud functions logs read {target.name}-roll-up-tasks --gen2 {where}"
        return Line(
            name,
            f"not counted within {within_s:.0f} s: its event did not come, or failed",
            f"{logs}; docs/operations.md#events-wait",
        )
    if delays.published_s is None:
        logs = f"gcloud functions logs read {target.name}-tick --gen2 {where}"
        return Line(
            name,
            f"counted in {delays.counted_s:.1f} s, not published within {within_s:.0f} s",
            f"{logs}; docs/operations.md#tick-silent",
        )
    return Line(
        name, f"counted in {delays.counted_s:.1f} s, published in {delays.published_s:.1f} s"
    )


def measure(client: firestore.Client, *, within_s: float) -> Delays:
    """Write a task, wait for its ledger entry and its rollup, and void it."""
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
    written_s = time.monotonic()
    try:
        counted_s = _seconds_until(written_s, within_s, lambda: _counted(client, str(task.path)))
        if counted_s is None:
            return Delays(None, None)
        hour = rollup_id("hour", hour_of(datetime.fromisoformat(str(written))))
        published_s = _seconds_until(
            written_s, within_s, lambda: _published(client, hour, scope("agent", name))
        )
        return Delays(counted_s, published_s)
    finally:
        task.update({"voided": True})


def _counted(client: firestore.Client, path: str) -> bool:
    of_path = firestore.FieldFilter("path", "==", path)
    entries = client.collection("fleets", FLEET, LEDGER).where(filter=of_path).limit(1)
    return bool(list(entries.stream()))


def _published(client: firestore.Client, hour: str, scope: str) -> bool:
    rollup: dict[str, Any] = client.document("fleets", FLEET, ROLLUPS, hour).get().to_dict() or {}
    return bool(rollup.get("c", {}).get(scope, {}).get("tasks_completed"))


def _seconds_until(written_s: float, within_s: float, holds: Callable[[], bool]) -> float | None:
    while not holds():
        if time.monotonic() - written_s > within_s:
            return None
        time.sleep(_POLL_S)
    return time.monotonic() - written_s
