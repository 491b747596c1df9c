"""Fakes of Cloud Trace and of an OTLP collector, which keep their spans, refuse or hang."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import grpc
from google.cloud.trace_v2.types import BatchWriteSpansRequest
from google.protobuf.empty_pb2 import Empty
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

METHOD = "/google.devtools.cloudtrace.v2.TraceService/BatchWriteSpans"
Mode = Literal["ok", "refuse", "hang"]


@dataclass
class CloudTrace:
    """A server of `BatchWriteSpans`: its address, the spans so far, and how it answers."""

    address: str = ""
    mode: Mode = "ok"
    calls: int = 0
    spans: list[Any] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _closed: threading.Event = field(default_factory=threading.Event)

    def write(self, request: bytes, context: Any) -> Empty:  # noqa: ANN401 - carries no types
        """Answer one call as `mode` says."""
        with self.changed:
            self.calls += 1
        if self.mode == "refuse":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not today")
        if self.mode == "hang":
            self._closed.wait()
            context.abort(grpc.StatusCode.CANCELLED, "over")
        with self.changed:
            self.spans += BatchWriteSpansRequest.pb().FromString(request).spans
            self.changed.notify_all()
        return Empty()

    def wait_for(self, *names: str, timeout_s: float = 60) -> dict[str, Any]:
        """Wait until a span of each name is there; return the latest of each."""
        with self.changed:
            there = self.changed.wait_for(lambda: set(names) <= set(self.by_name()), timeout_s)
            assert there, f"found {sorted(self.by_name())}; expected {sorted(names)}"
            return self.by_name()

    def by_name(self) -> dict[str, Any]:
        """Return the latest span of each name."""
        return {span.display_name.value: span for span in self.spans}


def attributes(span: Any) -> dict[str, Any]:  # noqa: ANN401 - carries no types
    """Return a span's attributes as plain values."""
    values = {}
    for name, value in span.attributes.attribute_map.items():
        kind = value.WhichOneof("value")
        values[name] = value.string_value.value if kind == "string_value" else getattr(value, kind)
    return values


@contextmanager
def cloud_trace(mode: Mode = "ok") -> Iterator[CloudTrace]:
    """Serve Cloud Trace on a port of its own."""
    service = CloudTrace(mode=mode)
    method: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(
        service.write, response_serializer=Empty.SerializeToString
    )
    pool = ThreadPoolExecutor(16)
    server = grpc.server(pool)
    service_name, _, name = METHOD.lstrip("/").partition("/")
    handlers = grpc.method_handlers_generic_handler(service_name, {name: method})
    server.add_generic_rpc_handlers((handlers,))
    service.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield service
    finally:
        service._closed.set()
        server.stop(grace=None).wait()
        pool.shutdown()


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """Serve an OTLP collector; gives its address and the spans that came."""
    spans: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", spans
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
