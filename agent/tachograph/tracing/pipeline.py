"""The way of spans from their start to their export, and the thread that finishes them.

Everything slow happens in the thread: pricing, redaction, reading baselines, exporting.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from google.cloud import firestore

from tachograph.firestore.price_cache import PriceCache
from tachograph.process.fork import begins_anew
from tachograph.process.warnings import warn_once
from tachograph.tracing.attributes import Content, add_content, add_usage
from tachograph.tracing.baselines import BaselineCache
from tachograph.tracing.batches import MAX_SPANS
from tachograph.tracing.buffer import TraceBuffer
from tachograph.tracing.destinations import Destinations
from tachograph.tracing.otel import LiveSpans
from tachograph.tracing.settings import Tracing
from tachograph_schema.documents.fleet import TracingPolicy
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.growth import is_billed
from tachograph_schema.pricing.price import cost_of
from tachograph_schema.tracing.sampling import Ended, KeepReason, head, promoted, tail
from tachograph_schema.tracing.spans import (
    CHAT,
    COST_NANOUSD,
    INPUT_TOKENS,
    KEPT,
    OPERATION,
    OUTPUT_TOKENS,
    STEPS,
    Span,
)

MAX_HELD: Final = 10_000
"""Spans in memory, finished or not; beyond, the work of tasks is not traced."""
_NS_PER_MS: Final = 1e6
Job = Callable[[], None]


class SpanPipeline:
    """Finishes spans in the order they ended; at a task's end all of its spans stay or go."""

    def __init__(
        self, fleet: str, client: firestore.Client, tracing: Tracing, prices: PriceCache
    ) -> None:
        self.tracing = tracing
        self.baselines = BaselineCache(client, fleet)
        self._prices = prices
        self._live = LiveSpans() if tracing.app else None
        self._destinations = Destinations(fleet, client, tracing)
        self._begin()
        begins_anew(self)

    def _begin(self) -> None:
        self._held = 0
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def forked(self) -> None:
        """Begin anew in a child: the thread and what it has are its parent's."""
        self._begin()

    def hold(self) -> bool:
        """Take room for one more span; False where there is none."""
        with self._lock:
            room = self._held < MAX_HELD
            self._held += room
            return room

    def start(self, span: Span) -> Span:
        """Start a span in the application's own OpenTelemetry too, which may give it other ids."""
        if self._live is not None:
            self._live.start(span)
        return span

    def enter(self, span: Span) -> object:
        """Make a span the application's current one; returns the token for `leave`."""
        return None if self._live is None else self._live.enter(span)

    def leave(self, token: object) -> None:
        """Make the application's span before it the current one again."""
        if self._live is not None:
            self._live.leave(token)

    def finish(
        self,
        buffer: TraceBuffer,
        span: Span,
        calls: tuple[Call, ...],
        content: Content | None,
    ) -> None:
        """Finish a span below a task's, in the background."""
        self._put(partial(self._finish, buffer, span, calls, content))

    def correct(self, buffer: TraceBuffer, call: Call, end_ns: int) -> None:
        """Add the correction of the last call to its span, in the background."""
        self._put(partial(self._correct, buffer, call, end_ns))

    def end(self, buffer: TraceBuffer) -> None:
        """Finish a task's own span, in the background; spans below it may still be open."""
        self._put(partial(self._end, buffer))

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything handed over is done; False after `timeout_s` seconds."""
        if self._thread is None:
            return True
        done = threading.Event()
        self._queue.put(done.set)
        return done.wait(timeout_s if self._thread.is_alive() else 0)

    def close(self, timeout_s: float) -> bool:
        """Do everything handed over, and end the thread; False after `timeout_s` seconds."""
        if self._thread is None:
            return True
        self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _put(self, job: Job) -> None:
        """Hand a job over to the thread, which starts with the first, in a forked child too."""
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._run, name="tachograph-traces", daemon=True
                    )
                    self._thread.start()
        self._queue.put(job)

    def _run(self) -> None:
        self._do(self._destinations.open)
        while (job := self._queue.get()) is not None:
            self._do(job)
        self._do(self._destinations.close)

    def _do(self, job: Job) -> None:
        try:
            job()
        except Exception as trouble:  # noqa: BLE001 - the thread finishes all other spans too
            warn_once(type(trouble).__name__, "a span is lost: %s", trouble)

    def _finish(
        self,
        buffer: TraceBuffer,
        span: Span,
        calls: tuple[Call, ...],
        content: Content | None,
    ) -> None:
        if calls:
            buffer.last_call = span
            self._price(buffer, span, calls)
        if content is not None:
            add_content(span, content, self.baselines.policy())
        if span.error is not None and span.attributes.get(OPERATION) == CHAT:
            buffer.failed_calls += 1
        self._done(buffer, span)
        buffer.finished += 1
        if len(buffer.spans) >= MAX_SPANS or buffer.is_done:
            self._decide(buffer)

    def _correct(self, buffer: TraceBuffer, call: Call, end_ns: int) -> None:
        span = buffer.last_call
        if span is not None:
            span.end_ns = max(span.end_ns, end_ns)
            self._price(buffer, span, (call,))

    def _end(self, buffer: TraceBuffer) -> None:
        sums = {
            COST_NANOUSD: buffer.cost_nanousd,
            INPUT_TOKENS: buffer.tokens_in,
            OUTPUT_TOKENS: buffer.tokens_out,
            STEPS: buffer.finished,
        }
        if buffer.span.attributes.get(OPERATION):
            buffer.span.attributes.update({name: n for name, n in sums.items() if n})
        self._done(buffer, buffer.span)
        buffer.ended = True
        if buffer.is_done:
            self._decide(buffer)

    def _done(self, buffer: TraceBuffer, span: Span) -> None:
        if self._live is not None:
            self._live.end(span)
        buffer.spans.append(span)

    def _price(self, buffer: TraceBuffer, span: Span, calls: Sequence[Call]) -> None:
        """Add the usage and the cost of calls to their span and to the task's sums."""
        unpriced = any(not is_billed(call) for call in calls)
        prices = self._prices.current() if unpriced else None
        costs = [cost for call in calls if (cost := cost_of(call, prices)) is not None]
        usage = add_usage(span, calls, costs)
        buffer.model = calls[0].model or buffer.model
        buffer.cost_nanousd += sum(costs)
        buffer.tokens_in += usage.prompt_tokens
        buffer.tokens_out += usage.tokens_out

    def _decide(self, buffer: TraceBuffer) -> None:
        """Export a task's finished spans or drop them, and give their room back."""
        spans, buffer.spans = buffer.spans, []
        if self._destinations.any:
            policy = self._policy()
            last_ns = max(span.end_ns for span in spans)
            buffer.kept = buffer.kept or self._kept(buffer, last_ns, policy)
            if buffer.kept is not None:
                buffer.span.attributes[KEPT] = buffer.kept
                self._destinations.send(buffer, spans, buffer.kept, policy)
        with self._lock:
            self._held -= sum(span is not buffer.span for span in spans)

    def _policy(self) -> TracingPolicy:
        policy = self.baselines.policy()
        if self.tracing.keep_pct is None:
            return policy
        return policy.model_copy(update={"keep_pct": self.tracing.keep_pct})

    def _kept(self, buffer: TraceBuffer, last_ns: int, policy: TracingPolicy) -> KeepReason | None:
        span, facts = buffer.span, buffer.facts
        ended = Ended(
            span.trace_id,
            span.error is not None or buffer.failed_calls > 0,
            max(0, (span.end_ns or last_ns) - span.start_ns) / _NS_PER_MS,
            buffer.cost_nanousd,
            buffer.finished,
        )
        if policy.sample == "head":
            return head(span.trace_id, facts.get("attempt") or 1, policy) or promoted(ended, policy)
        baseline = self.baselines.baseline(facts.get("task_type"), buffer.model)
        return tail(ended, baseline, policy)
