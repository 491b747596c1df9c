"""A fleet, as one process of an agent sees it."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
import uuid
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from tachograph.firestore.client import connect
from tachograph.firestore.confirmation import Settled, UncountedWrites
from tachograph.firestore.database import FleetDatabase
from tachograph.firestore.emulator_instance import database_key
from tachograph.firestore.identity import agent_of, role_of
from tachograph.firestore.price_cache import PriceCache
from tachograph.firestore.writer import Writer
from tachograph.process.block import Block
from tachograph.process.channel import (
    abandon_channel,
    channel_again,
    close_channel,
    prepare_forks,
)
from tachograph.process.fork import begins_anew
from tachograph.process.shutdown import CHILD_CLOSE_S, close_on_exit, close_seconds, forget
from tachograph.reports.checked import (
    checked_fields,
    checked_moment,
    checked_window,
    required_text,
)
from tachograph.reports.queue import ReportQueue
from tachograph.reports.report import ReportKey, reporter_name
from tachograph.reports.spool import Spool, spool_folder
from tachograph.reports.spool_lines import SpooledReports
from tachograph.reports.values import found
from tachograph.rotation.context_level import ContextLevels
from tachograph.rotation.succession import succeed, to_succeed
from tachograph.session.runtime import Runtime, SessionStart
from tachograph.session.session import Session
from tachograph.tracing.settings import Tracing, read_tracing
from tachograph_schema.documents.session import HEARTBEATS_S
from tachograph_schema.documents.task_release import QUEUE
from tachograph_schema.paths import SESSIONS, TASKS, check_fleet_name

if TYPE_CHECKING:
    from tachograph.tracing.tracer import Tracer

_log = logging.getLogger("tachograph")
JOIN_S = 1.0
"""How long the writer may take to end once its call has been cancelled."""
_NAMED = ("agent", "orchestrator")
"""The roles whose name stands on the tasks that they queue."""


class Fleet(Block):
    """The door to a fleet's telemetry: `with Fleet("acme") as fleet: ...`.

    Writes happen in the background, at most one a second for each document, and are flushed when
    the process ends. Telemetry never takes an agent down: trouble is logged as a warning of the
    logger `tachograph`, and tried again.
    """

    _blocking = True

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

        - `client`: the Firestore client to write with; by default one for `project`, or for the
          environment's project.
        - `flush_interval_s`: the seconds between two writes of a document at first. One that lasts
          is written less often, down to every 5 minutes; what others wait for is not held back.
        - `count_writes`: whether to remember each write until `settle` sees it counted.
        - `heartbeat_s`: the seconds between signs of life of its sessions: 10, 60, 300 or 1800. A
          session that misses three is taken for lost, and its tasks are queued again. None promises
          nothing: for a process that ends while its session goes on.
        - `tracing`: the destinations of spans: `off`, or any of `app`, `batches` and one of
          `cloud`, `otlp`, with commas. By default TACHOGRAPH_TRACING decides, else spans go into
          the application's own OpenTelemetry.

        Raises:
        - NotConnectedError where the environment names no database.
        - CredentialError where its credential cannot be used.
        - ValueError where an argument or a setting is out of bounds.

        """
        if not (heartbeat_s is None or (type(heartbeat_s) is int and heartbeat_s in HEARTBEATS_S)):
            shown = found(heartbeat_s)
            raise ValueError(
                f"heartbeat_s is {shown}; expected 10, 60, 300 or 1800 seconds, or None"
            )
        self._heartbeat_s = heartbeat_s
        self._close_s = close_seconds(os.environ)
        name = self.name = check_fleet_name(required_text(name, "the fleet's name"))
        self.client = client or connect(project, fleet=name)
        self._own_client = client is None
        prepare_forks(self.client)
        uncounted = UncountedWrites(self.client, name) if count_writes else None
        self._writer = Writer(flush_interval_s, self._began)
        prices = PriceCache(self.client, name)
        self._runtime = Runtime(
            FleetDatabase(self.client, name, self._writer, uncounted),
            prices,
            ContextLevels(self.client, name),
            Spool(spool_folder(os.environ, *database_key(self.client), name)),
            self._tracer(read_tracing(tracing, os.environ), prices),
        )
        self._closing = threading.Lock()
        self._closed = threading.Event()
        self._succeeding: dict[str | None, str] = {}
        begins_anew(self)
        close_on_exit(self)
        self._runtime.recover()

    def forked(self) -> None:
        """Begin anew in a child: it has a connection, a spool file and an end of its own."""
        abandon_channel(self.client)
        self._closing, self._closed = threading.Lock(), threading.Event()
        self._close_s = min(self._close_s, CHILD_CLOSE_S)

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

        - `session_id`: resumes an existing session; by default the session is new.
        - `model`, `provider`: those of calls that name neither. `role`: the agent's role.
        - `context_window`: how many tokens fit; by default a table of models decides.
        - `at`: when it started, by default now.
        - `replayed`: whether the same reports may have been made before, in the same order. Those
          that have landed do not count again.
        - `successor_of`: the session that this one takes over from. A process that the fleet has
          started as a successor has it from its environment.
        - `fields`: any other fields of the session.

        Raises:
        - SuccessionTaken where another session has taken over: exactly one successor does. It ends
          the process with status 0, unless it is caught.
        - LookupError where there is no session to take over from.

        """
        given = checked_fields(
            "sessions", {"agent_role": role, "model": model, "provider": provider, **fields}
        )
        at, context_window = checked_moment(at), checked_window(context_window)
        agent = required_text(agent, "the agent's name")
        if successor_of is not None:
            successor_of = self._runtime.database.id(SESSIONS, successor_of, "predecessor")
        name = self._new_session_id(successor_of) if session_id is None else session_id
        name = self._runtime.database.id(SESSIONS, name)
        predecessor = None if replayed else to_succeed(successor_of, self.name)
        succession = None
        if predecessor is not None:
            self._writer.flush(self._close_s)  # one in this process may not be written yet
            succession = succeed(self.client, self.name, predecessor, name)
            given = {**succession.fields, **{k: v for k, v in given.items() if v is not None}}
            self._succeeding.pop(successor_of, None)
        start = SessionStart(
            name,
            agent,
            reporter_name(agent, name, "" if replayed else secrets.token_hex(3)),
            {"agent_id": agent, **{k: v for k, v in given.items() if v is not None}},
            context_window,
            at,
            None if replayed else self._heartbeat_s,
            succession,
            replayed,
        )
        return Session(self._runtime, start)

    def create_task(self, task_id: str, *, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """Put a task into the queue; an existing one stays as it is.

        `at` is when it is queued, by default now. `fields` are any of the task's.
        """
        task_id = self._runtime.database.id(TASKS, task_id)
        at, fields = checked_moment(at) or datetime.now(UTC), checked_fields("tasks", fields)
        if self._runtime.tracer is not None:
            fields["traceparent"] = self._runtime.tracer.create(task_id, at, fields)
        key = ReportKey(task_id, QUEUE, None)
        reports = ReportQueue(QUEUE, spooled=SpooledReports(self._runtime.spool, key))
        creator = {"created_by": agent_of(self.client)} if role_of(self.client) in _NAMED else {}
        reports.add(at, identity={"status": "queued", "created_at": at, **creator, **fields})
        self._writer.soon(self._runtime.task_document(task_id, reports), now=True)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Write everything reported so far; False when writes remain after `timeout_s` seconds.

        By default that is 10 seconds, or TACHOGRAPH_CLOSE_S.
        """
        timeout_s = self._close_s if timeout_s is None else timeout_s
        flushed = self._writer.flush(timeout_s)
        tracer = self._runtime.tracer
        return flushed if tracer is None else tracer.flush(timeout_s) and flushed

    def settle(self, timeout_s: float = 120.0) -> Settled:
        """Wait until the functions have counted and published the writes of this process.

        Returns how far they are after at most `timeout_s` seconds, also of a fleet that is closed.
        Raises ValueError unless the fleet was opened with `count_writes=True`.
        """
        uncounted = self._runtime.database.uncounted
        if uncounted is None:
            raise ValueError(
                "settle needs to know what was written; expected Fleet(count_writes=True)"
            )
        self._writer.flush(timeout_s)
        closed = self._own_client and self._closed.is_set()
        with channel_again(self.client) if closed else nullcontext():
            return uncounted.settle(timeout_s)

    def close(self) -> None:
        """Write everything that remains, and stop, within 10 s or TACHOGRAPH_CLOSE_S, and 1 s.

        What is not written by then is logged, and its reports stay in the spool.
        """
        if not self._closing.acquire(blocking=False):  # another thread closes it
            self._closed.wait(self._close_s + JOIN_S)
            return
        try:
            self._close()
        finally:
            self._runtime.spool.close()
            self._closed.set()
            forget(self)

    def _close(self) -> None:
        until_s = time.monotonic() + self._close_s
        self._runtime.levels.stop()
        self._runtime.database.stop_listening()
        if self._writer.used:
            self._runtime.recover()  # what children of this process have left
        if not self._writer.close(self._close_s):
            _log.warning(
                "fleets/%s: some telemetry was not written in %s s", self.name, self._close_s
            )
        tracer = self._runtime.tracer
        if tracer is not None and not tracer.close(max(0.0, until_s - time.monotonic())):
            _log.warning(
                "fleets/%s: some spans were not exported in %s s", self.name, self._close_s
            )
        if self._own_client:
            close_channel(self.client)
        self._writer.join(JOIN_S)

    def _began(self) -> None:
        """Note that this process writes: a forked child too, once it has something to say."""
        close_on_exit(self)

    def _new_session_id(self, successor_of: str | None) -> str:
        """Name a session; a successor keeps the name of its last attempt.

        The claim of that attempt may have landed although an error answered it, and the next
        attempt must find its own name on it.
        """
        name = uuid.uuid4().hex
        return name if successor_of is None else self._succeeding.setdefault(successor_of, name)

    def _tracer(self, tracing: Tracing | None, prices: PriceCache) -> Tracer | None:
        if tracing is None:
            return None
        # Imported only where tracing is on.
        from tachograph.tracing.pipeline import SpanPipeline  # noqa: PLC0415
        from tachograph.tracing.tracer import Tracer  # noqa: PLC0415

        return Tracer(self.name, SpanPipeline(self.name, self.client, tracing, prices))

    def _leave(self, error: type[BaseException] | None) -> None:  # noqa: ARG002 - as any block
        self.close()
