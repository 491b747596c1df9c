"""Starting a successor: an execution of a Cloud Run Job, or a process on this machine."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from google.api_core.exceptions import (
    BadRequest,
    FailedPrecondition,
    Forbidden,
    NotFound,
    ServiceUnavailable,
    Unauthorized,
)
from google.api_core.retry import Retry, if_exception_type
from google.cloud import firestore

from runtime.firestore import fields_of
from runtime.settings import settings
from runtime.tracing import onward
from tachograph_schema.documents.signal import Signal

if TYPE_CHECKING:
    from google.cloud.run_v2.services.jobs import JobsClient

JOB_TIMEOUT_S = 10
_REFUSALS = (BadRequest, FailedPrecondition, Forbidden, NotFound, Unauthorized)
_SHOWN_BYTES = 400


class CannotStartError(Exception):
    """No retry starts the successor: the job, its permissions or the command must be mended."""


def successor_environment(fleet: str, name: str, signal: Signal) -> dict[str, str]:
    """Return a successor's environment: its predecessor, its task, and where the notes are."""
    variables = {
        "TACHOGRAPH_FLEET": fleet,
        "TACHOGRAPH_SIGNAL": name,
        "TACHOGRAPH_PREDECESSOR": signal.session_id,
        "TACHOGRAPH_AGENT": signal.agent_id,
        "TACHOGRAPH_TASK": signal.task_id,
        "TACHOGRAPH_JOURNAL": signal.journal_ref,
        "TRACEPARENT": onward(signal.traceparent),
    }
    return {key: value for key, value in variables.items() if value}


def start_job(job: str, environment: Mapping[str, str]) -> str:
    """Start an execution of a Cloud Run Job and return its name.

    ServiceUnavailable is retried for `TACHOGRAPH_RETRY_SECONDS`; then RetryError is raised.
    DeadlineExceeded is raised at once after 10 s, because the execution may have been started.
    CannotStartError is raised for a refusal that no retry mends.
    """
    from google.cloud.run_v2.types import EnvVar, RunJobRequest  # noqa: PLC0415 - takes 0.3 s

    variables = [EnvVar(name=name, value=value) for name, value in environment.items()]
    overrides = RunJobRequest.Overrides(
        container_overrides=[RunJobRequest.Overrides.ContainerOverride(env=variables)]
    )
    weather = if_exception_type(ServiceUnavailable)
    patience_s = settings().retry_seconds
    retry = Retry(weather, initial=0.2, maximum=4.0, timeout=patience_s)
    try:
        operation = _jobs().run_job(
            RunJobRequest(name=job, overrides=overrides),
            retry=retry,
            timeout=min(JOB_TIMEOUT_S, patience_s),
        )
    except _REFUSALS as refusal:
        raise CannotStartError(f"{job} could not be started: {refusal.message}") from refusal
    execution = operation.metadata
    return str(getattr(execution, "name", "") or operation.operation.name)


def log_name(signal: str, starts: int) -> str:
    """Return the name of the file for a process's output: at most 255 bytes, as file systems want.

    The beginning of the signal's id is there to be read; its hash tells it from all others.
    """
    readable = re.sub(r"[^A-Za-z0-9_.-]", "-", signal[:100])
    return f"tachograph-{readable}-{hashlib.sha256(signal.encode()).hexdigest()[:12]}-{starts}.log"


def start_process(
    command: Sequence[str],
    environment: Mapping[str, str],
    signal: firestore.DocumentReference,
    starts: int,
) -> str:
    """Start a process of its own session and return its number and where its output goes.

    Where the process fails, the signal names the trouble and the lease ends. Raises
    CannotStartError where there is no such program.
    """
    log = Path(tempfile.gettempdir(), log_name(signal.id, starts))
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                list(command),
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as refusal:
        raise CannotStartError(f"{command[0]} could not be started: {refusal}") from refusal
    threading.Thread(target=_watch, args=(process, log, signal), daemon=True).start()
    return f"process {process.pid}, {log}"


def _watch(
    process: subprocess.Popen[bytes], log: Path, signal: firestore.DocumentReference
) -> None:
    """Wait for a process; one that fails is written down, so that the tick starts another."""
    status = process.wait()
    if status and fields_of(signal.get()).get("successor_session_id") is None:
        last = log.read_bytes()[-_SHOWN_BYTES:].decode(errors="replace").strip()
        trouble = f"the successor ended with {status}; {log} ends with: {last}"
        signal.update({"trouble": trouble, "lease_until": firestore.DELETE_FIELD})


@cache
def _jobs() -> JobsClient:
    from google.cloud.run_v2.services.jobs import JobsClient  # noqa: PLC0415 - takes 0.3 s

    endpoint = settings().run_endpoint
    if not endpoint:
        return JobsClient()
    import grpc  # noqa: PLC0415 - for tests alone
    from google.cloud.run_v2.services.jobs.transports import (  # noqa: PLC0415
        JobsGrpcTransport,
    )

    return JobsClient(transport=JobsGrpcTransport(channel=grpc.insecure_channel(endpoint)))
