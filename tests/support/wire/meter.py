"""A proxy of the emulator that counts calls, reads and writes, and can lose an answer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud.firestore_v1.types import (
    CommitRequest,
    RunAggregationQueryResponse,
    RunQueryResponse,
)

_SERVICE = "/google.firestore.v1.Firestore/"
_STREAMED = ("BatchGetDocuments", "RunQuery", "RunAggregationQuery")
_KEPT = ("authorization", "google-cloud-resource-prefix", "x-goog-request-params")


@dataclass
class Meter:
    """The calls since the last `take`: the method and, for commits, the number of writes."""

    address: str = ""
    calls: list[tuple[str, int]] = field(default_factory=list)
    reads: int = 0
    loses: tuple[bytes, grpc.StatusCode] | None = None
    """The next commit that contains these bytes is written, but answered with this error."""

    def take(self) -> list[tuple[str, int]]:
        """Return the calls since the last `take`, and reset."""
        taken, self.calls = self.calls, []
        self.reads = 0
        return taken

    def bill(self) -> Bill:
        """Return the bill of the calls since the last `take`, and reset."""
        reads = self.reads
        taken = self.take()
        return Bill(Counter(name for name, _ in taken), reads, sum(n for _, n in taken))


@dataclass(frozen=True)
class Bill:
    """Calls by method, and the reads and writes they are billed as.

    A document read is a read, and so are up to 1,000 index entries that were counted; a query that
    finds nothing is one (https://cloud.google.com/firestore/pricing).
    """

    calls: Mapping[str, int]
    reads: int
    writes: int


@contextmanager
def metered(emulator: str) -> Iterator[Meter]:
    """Serve a proxy of the emulator on a free port."""
    meter = Meter()
    with grpc.insecure_channel(emulator) as channel, ThreadPoolExecutor(8) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((_Through(channel, meter),))
        meter.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        try:
            yield meter
        finally:
            server.stop(grace=None).wait()


class _Through(grpc.GenericRpcHandler):
    def __init__(self, channel: Any, meter: Meter) -> None:  # noqa: ANN401 - typed in part
        self._channel, self._meter = channel, meter

    def service(self, details: Any) -> Any:  # noqa: ANN401 - grpc carries no types
        method = details.method
        metadata = [(key, value) for key, value in details.invocation_metadata if key in _KEPT]
        name = method.removeprefix(_SERVICE)

        def unary(request: bytes, context: Any) -> Any:  # noqa: ANN401
            self._count(name, request)
            call = self._channel.unary_unary(method)
            answer = self._answer(context, lambda: call(request, metadata=metadata, timeout=30))
            self._lose(name, request, context)
            return answer

        def streamed(request: bytes, context: Any) -> Any:  # noqa: ANN401
            self._count(name, request)
            call = self._channel.unary_stream(method)
            answers = self._answer(
                context, lambda: list(call(request, metadata=metadata, timeout=30))
            )
            self._meter.reads += _reads(name, answers)
            yield from answers

        if name in _STREAMED:
            return grpc.unary_stream_rpc_method_handler(streamed)
        return grpc.unary_unary_rpc_method_handler(unary)

    def _count(self, name: str, request: bytes) -> None:
        writes = len(CommitRequest.pb().FromString(request).writes) if name == "Commit" else 0
        self._meter.calls.append((name, writes))

    def _lose(self, name: str, request: bytes, context: Any) -> None:  # noqa: ANN401
        wanted = self._meter.loses
        if wanted is not None and name == "Commit" and wanted[0] in request:
            self._meter.loses = None
            context.abort(wanted[1], "the answer was lost")

    @staticmethod
    def _answer(context: Any, call: Any) -> Any:  # noqa: ANN401
        try:
            return call()
        except grpc.RpcError as refusal:
            context.abort(refusal.code(), refusal.details())


def _reads(name: str, answers: list[bytes]) -> int:
    """Return the number of reads that the answers to one call are billed as."""
    match name:
        case "BatchGetDocuments":
            return len(answers)
        case "RunQuery":
            results = (RunQueryResponse.pb().FromString(answer) for answer in answers)
            documents: int = sum(result.HasField("document") for result in results)
            return max(1, documents)
        case _:
            counts = (RunAggregationQueryResponse.pb().FromString(answer) for answer in answers)
            return sum(max(1, math.ceil(_counted(answer) / 1000)) for answer in counts)


def _counted(answer: Any) -> int:  # noqa: ANN401 - generated protobuf classes
    counts = [int(n.integer_value) for n in answer.result.aggregate_fields.values()]
    return max(counts, default=0)
