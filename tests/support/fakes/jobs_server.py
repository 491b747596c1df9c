"""A fake of Cloud Run's Jobs over gRPC: RunJob, which a handover calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud.run_v2.types import Execution, RunJobRequest
from google.longrunning import operations_pb2  # type: ignore[import-untyped]  # ships none
from google.protobuf import any_pb2

JOB = "projects/demo-tachograph/locations/us-central1/jobs/successor"


@dataclass
class JobsServer:
    """The requests so far, and the answers to the next; `ok` where none is set."""

    address: str = ""
    asked: list[RunJobRequest] = field(default_factory=list)
    answers: list[grpc.StatusCode | str] = field(default_factory=list)
    """A status refuses; `lost` starts the job and loses the answer; `slow` starts it and answers
    after `release`."""
    release: threading.Event = field(default_factory=threading.Event)

    @property
    def environments(self) -> list[dict[str, str]]:
        """The environments of the executions, from their overrides."""
        return [
            {variable.name: variable.value for variable in container.env}
            for request in self.asked
            for container in request.overrides.container_overrides
        ]

    def run_job(self, body: bytes, context: Any) -> bytes:  # noqa: ANN401 - grpc's
        """Answer one request."""
        answer = self.answers.pop(0) if self.answers else "ok"
        if isinstance(answer, grpc.StatusCode):
            context.abort(answer, f"told to say {answer.name}")
        self.asked.append(RunJobRequest.deserialize(body))
        if answer == "lost":
            context.abort(grpc.StatusCode.UNAVAILABLE, "the answer was lost")
        if answer == "slow":
            self.release.wait(60)
        execution = Execution(name=f"{self.asked[-1].name}/executions/e-{len(self.asked)}")
        metadata = any_pb2.Any()
        metadata.Pack(Execution.pb(execution))
        operation = operations_pb2.Operation(name="operations/1", metadata=metadata)
        return bytes(operation.SerializeToString())


@contextmanager
def jobs_server() -> Iterator[JobsServer]:
    """Serve RunJob on a free port."""
    jobs = JobsServer()
    pool = ThreadPoolExecutor(8)
    server = grpc.server(pool)
    method: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(jobs.run_job)
    service = grpc.method_handlers_generic_handler("google.cloud.run.v2.Jobs", {"RunJob": method})
    server.add_generic_rpc_handlers((service,))
    jobs.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield jobs
    finally:
        jobs.release.set()
        server.stop(None).wait()
        pool.shutdown()
