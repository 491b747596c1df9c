"""A fleet, as one process of an agent sees it."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from google.cloud import firestore

from tachograph.firestore.client import connect
from tachograph.firestore.confirmation import Counted, Settled
from tachograph.firestore.identity import agent_of, role_of
from tachograph.firestore.price_cache import Pricing
from tachograph.firestore.shutdown import close_on_exit
from tachograph.firestore.writer import Writer
from tachograph.reports.queue import ReportQueue
from tachograph.reports.recovery import SpooledReports, left_behind
from tachograph.reports.report import reporter_name
from tachograph.reports.spool import Spool, spool_folder
from tachograph.reports.spool_lines import ReportKey
from tachograph.rotation.context_level import ContextLevels
from tachograph.rotation.succession import succeed, to_succeed
from tachograph.session.runtime import Runtime
from tachograph.session.session import Session
from tachograph.tracing.settings import Tracing, read_tracing
from tachograph_schema.documents.session import HEARTBEATS_S
from tachograph_schema.documents.task_release import QUEUE
from tachograph_schema.paths import TASKS, check_fleet_name

if TYPE_CHECKING:
    from tachograph.tracing.tracer import Tracer

_log = logging.getLogger("tachograph")
CLOSE_S = 10.0
"""How long the last writes may take when a process ends, where TACHOGRAPH_CLOSE_S does not say."""
_NAMED = ("agent", "orchestrator")
"""The roles whose name stands on what they ask for."""


class Fleet:
    """The door to a fleet's telemetry: `with Fleet("acme") as fleet: ...`.

    Writes happen in the background, at most one a second for each document, and are flushed when
    the process ends. Telemetry never takes an agent down: trouble is logged as a warning of the
    logger `tachograph`, and tried again.
    """

    def __init__(
        self,
        name: str,
        *,
        client: firestore.Client | None = None,
        project: str | None = None,
        flush_interval_s: float = 1.0,
        count_writes: bool = False,
        heartbeat_s: int | None = 60,
        tracing: str | Tracing | None = None,
    ) -> None:
        """Open a fleet.

        `client` is the Firestore client to write with; by default one is made for `project`, or the
        environment's. `count_writes` keeps in mind what was written until `settle` sees it counted.
        `heartbeat_s` is how often its sessions promise to be heard of: 10, 60, 300 or 1800; one
        that misses three is taken for lost, and what it worked on is queued again. None promises
        nothing: for a process that comes and goes while its session lasts. `tracing` says where
        spans go: `off`, or any of `app`, `batches` and one of `cloud`, `otlp`, with commas; by
        default what TACHOGRAPH_TRACING says, else into the application's own OpenTelemetry.
        """
        if heartbeat_s not in (None, *HEARTBEATS_S):
            raise ValueError(
                f"heartbeat_s is {heartbeat_s}; expected 10, 60, 300 or 1800 seconds, or None"
            )
        self._heartbeat_s = heartbeat_s
        self._close_s = _seconds(os.environ, "TACHOGRAPH_CLOSE_S", CLOSE_S)
        self.name = check_fleet_name(name)
        self.client = client or connect(project, fleet=name)
        self._writer = Writer(flush_interval_s)
        self._pricing = Pricing(self.client, name)
        self._levels = ContextLevels(self.client, name)
        self._counted = Counted(self.client, name) if count_writes else None
        self._spool = Spool(spool_folder(os.environ, *_database(self.client), name))
        self._tracer = self._traced(read_tracing(tracing, os.environ))
        self._shared = Runtime(
            self.client,
            name,
            self._writer,
            self._wrote,
            self._pricing,
            self._levels,
            self._spool,
            self._tracer,
        )
        self._closed = False
        self._succeeding: dict[str | None, str] = {}
        close_on_exit(self)
        self._take_up()

    def session(
        self,
        agent: str,
        *,
        session_id: str | None = None,
        model: str | None = None,
        provider: str | None = None,
        role: str | None = None,
        context_window: int | None = None,
        at: datetime | None = None,
        replayed: bool = False,
        successor_of: str | None = None,
        **fields: Any,  # noqa: ANN401 - any of a session's fields
    ) -> Session:
        """Open a session of an agent: one context window.

        `session_id` goes on with a session there is; by default it is a new one. `context_window`
        is how many tokens fit; a table is asked only where the agent does not say. `replayed`
        tells that the same reports may have been made before, in the same order, and that those
        which have landed do not count again.

        `successor_of` names the session that this one takes over from; a process that the fleet
        has started for that knows it by its environment. Of several successors one comes to be:
        for any other SuccessionTaken is raised, by which the process ends unless it is caught.
        """
        known = {"agent_role": role, "model": model, "provider": provider, **fields}
        name = session_id or self._named_anew(successor_of)
        whom = None if replayed else to_succeed(successor_of, self.name)
        succession = None if whom is None else succeed(self.client, self.name, whom, name)
        if succession is not None:
            known = {**succession.told, **{k: v for k, v in known.items() if v is not None}}
            self._succeeding.pop(successor_of, None)
        return Session(
            self._shared,
            name,
            reporter_name(agent, name, "" if replayed else secrets.token_hex(3)),
            agent=agent,
            window_tokens=context_window,
            at=at,
            heartbeat_s=None if replayed else self._heartbeat_s,
            fields={name: value for name, value in known.items() if value is not None},
            succession=succession,
            replayed=replayed,
        )

    def _named_anew(self, successor_of: str | None) -> str:
        """Name a session; one that succeeds by the name of its last attempt, which may have landed.

        Whose claim was answered by an error asks again, and is not to find itself taken.
        """
        name = uuid.uuid4().hex
        return name if successor_of is None else self._succeeding.setdefault(successor_of, name)

    def create_task(self, task_id: str, *, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """Put a task into the queue; one that there is stays as it is."""
        at = at or datetime.now(UTC)
        if self._tracer is not None:
            fields["traceparent"] = self._tracer.create(task_id, at, fields)
        reports = ReportQueue(
            QUEUE, kept=SpooledReports(self._spool, ReportKey(task_id, QUEUE, None))
        )
        asker = {"created_by": agent_of(self.client)} if role_of(self.client) in _NAMED else {}
        reports.say(at, identity={"status": "queued", "created_at": at, **asker, **fields})
        self._writer.soon(self._shared.task(task_id, reports), now=True)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Write everything said so far; False when something was left after the timeout.

        That is 10 seconds, or TACHOGRAPH_CLOSE_S.
        """
        timeout_s = self._close_s if timeout_s is None else timeout_s
        flushed = self._writer.flush(timeout_s)
        return flushed if self._tracer is None else self._tracer.flush(timeout_s) and flushed

    def settle(self, timeout_s: float = 120.0) -> Settled:
        """Wait until the functions have counted and published what this process wrote."""
        if self._counted is None:
            raise ValueError(
                "settle needs to know what was written; expected Fleet(count_writes=True)"
            )
        self._writer.flush(timeout_s)
        return self._counted.settle(timeout_s)

    def close(self) -> None:
        """Write what is left and stop; what could not be written is logged."""
        if self._closed:
            return
        self._closed = True
        self._levels.stop()
        within_s = self._close_s
        if not self._writer.close(within_s):
            _log.warning("fleets/%s: some telemetry was not written in %s s", self.name, within_s)
        self._spool.close()
        if self._tracer is not None and not self._tracer.close(within_s):
            _log.warning("fleets/%s: some spans were not exported in %s s", self.name, within_s)

    def _traced(self, tracing: Tracing | None) -> Tracer | None:
        if tracing is None:
            return None
        from tachograph.tracing.tracer import Tracer  # noqa: PLC0415 - only where tracing is on

        return Tracer(self.name, self.client, tracing, self._pricing)

    def _take_up(self) -> None:
        """Write what processes of this fleet on this machine said that are gone."""
        for left in left_behind(self._spool):
            whose = left.kept.whose
            reports = ReportQueue(
                whose.reporter, whose.session, prices=self._pricing.current, kept=left.kept
            )
            reports.restore(left.reports, left.segment)
            self._writer.soon(self._shared.task(whose.task_id, reports), now=True)

    def _wrote(self, path: str, update_time: Any, fields: Mapping[str, Any]) -> None:  # noqa: ANN401
        if self._counted is not None and f"/{TASKS}/" in path and "reports" in fields:
            self._counted.wrote(path, update_time)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, str(default))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= threading.TIMEOUT_MAX:
        raise ValueError(f"{name} is {text!r}; expected seconds, such as {default:g}")
    return seconds


def _database(client: firestore.Client) -> tuple[str, str, str, str]:
    """Name the database a client writes to, and the agent that may write there for itself alone.

    What it leaves behind, the rules let nobody of its kind write but itself.
    """
    emulator = os.environ.get("FIRESTORE_EMULATOR_HOST", "")
    database, whose = client._database, client._credentials  # noqa: SLF001 - have no other name
    alone = getattr(whose, "role", None) == "agent"
    return emulator, str(client.project), str(database), str(whose.agent if alone else "")
