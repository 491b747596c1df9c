"""The thread that finishes spans: what calls cost, which tasks' spans are kept, and where they go.

Everything that takes time is done here: pricing, redaction, reading what is usual, exporting.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, RetryError
from google.cloud import firestore

from tachograph.firestore.price_cache import Pricing
from tachograph.tracing.baselines import BaselineCache
from tachograph.tracing.batches import MAX_SPANS, batches
from tachograph.tracing.otel import LiveSpans
from tachograph.tracing.task_spans import Content, TaskTrace
from tachograph_schema.documents.fleet import TracingPolicy
from tachograph_schema.paths import BATCHES, TRACES, DocumentPath
from tachograph_schema.pricing.price import cost_of
from tachograph_schema.tracing.export import Breaker, CannotExportError, Export, open_export
from tachograph_schema.tracing.redaction import preview
from tachograph_schema.tracing.sampling import Ended, Kept, head, promoted, tail
from tachograph_schema.tracing.spans import (
    CACHE_READ_TOKENS,
    CACHE_WRITE_TOKENS,
    CHAT,
    CONTENT_REF,
    COST_NANOUSD,
    FINISH_REASONS,
    INPUT_MESSAGES,
    INPUT_TOKENS,
    KEPT,
    OPERATION,
    OUTPUT_MESSAGES,
    OUTPUT_TOKENS,
    PROVIDER,
    REASONING_TOKENS,
    RESPONSE_MODEL,
    SESSION_ID,
    STEPS,
    TOOL_ARGUMENTS,
    TOOL_RESULT,
    Span,
    digest,
)

if TYPE_CHECKING:
    from tachograph.tracing.settings import Tracing
    from tachograph_schema.pricing.call import Call

_log = logging.getLogger("tachograph")
_SERVICE: Final = "tachograph-agent"
_EXPORT_TIMEOUT_S: Final = 5.0
_WRITE_TIMEOUT_S: Final = 30.0
_EXPORTED_AT_ONCE: Final = 500
_NS_PER_MS: Final = 1e6
Task = Callable[[], None]


class SpanPipeline:
    """Finishes spans in the order they ended; at a task's end all of its spans stay or go."""

    def __init__(
        self,
        fleet: str,
        client: firestore.Client,
        usuals: BaselineCache,
        pricing: Pricing,
        live: LiveSpans | None,
        tracing: Tracing,
        on_decided: Callable[[TaskTrace, int], None],
    ) -> None:
        self._fleet, self._client = fleet, client
        self._usuals, self._pricing, self._live = usuals, pricing, live
        self._tracing = tracing
        self._on_decided = on_decided
        self._export: Export | None = None
        self._breaker = Breaker()
        self._queue: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="tachograph-traces", daemon=True)
        self._thread.start()

    def finish(
        self,
        trace: TaskTrace,
        span: Span,
        calls: tuple[Call, ...],
        content: Content | None,
        finish_reason: str | None,
    ) -> None:
        """Have a span below a task's finished."""
        self._queue.put(partial(self._finish, trace, span, calls, content, finish_reason))

    def grew(self, trace: TaskTrace, call: Call, end_ns: int) -> None:
        """Have it added to the last call's span what it used beyond what was told."""
        self._queue.put(partial(self._grow, trace, call, end_ns))

    def ended(self, trace: TaskTrace) -> None:
        """Have a task's own span finished; what is open below it still may be."""
        self._queue.put(partial(self._end, trace))

    def flush(self, timeout_s: float) -> bool:
        """Wait until what was handed over is done with."""
        done = threading.Event()
        self._queue.put(done.set)
        return done.wait(timeout_s if self._thread.is_alive() else 0)

    def close(self, timeout_s: float) -> bool:
        """Finish what there is, and end the thread; False when that took too long."""
        self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        if self._tracing.export is not None:
            try:
                self._export = open_export(
                    self._tracing.export,
                    _SERVICE,
                    timeout_s=_EXPORT_TIMEOUT_S,
                    endpoint=self._tracing.endpoint,
                )
            except CannotExportError as refusal:
                _log.warning("%s", refusal)
        while (task := self._queue.get()) is not None:
            task()

    def _finish(
        self,
        trace: TaskTrace,
        span: Span,
        calls: tuple[Call, ...],
        content: Content | None,
        finish_reason: str | None,
    ) -> None:
        gathered = trace.gathered
        if calls:
            gathered.last_call = span
            self._price(trace, span, calls, finish_reason)
        if content is not None:
            _tell(span, content, self._usuals.policy())
        if span.error is not None and span.attributes.get(OPERATION) == CHAT:
            gathered.failed_calls += 1
        self._done(trace, span)
        gathered.finished += 1
        if len(gathered.spans) >= MAX_SPANS or trace.is_done:
            self._decide(trace)

    def _grow(self, trace: TaskTrace, call: Call, end_ns: int) -> None:
        span = trace.gathered.last_call
        if span is not None:
            span.end_ns = max(span.end_ns, end_ns)
            self._price(trace, span, (call,), None)

    def _end(self, trace: TaskTrace) -> None:
        gathered = trace.gathered
        known = {
            COST_NANOUSD: gathered.cost_nanousd,
            INPUT_TOKENS: gathered.tokens_in,
            OUTPUT_TOKENS: gathered.tokens_out,
            STEPS: gathered.finished,
        }
        if trace.span.attributes.get(OPERATION):
            trace.span.attributes.update({name: n for name, n in known.items() if n})
        self._done(trace, trace.span)
        gathered.ended = True
        if trace.is_done:
            self._decide(trace)

    def _done(self, trace: TaskTrace, span: Span) -> None:
        if self._live is not None:
            self._live.end(span)
        trace.gathered.spans.append(span)

    def _price(
        self, trace: TaskTrace, span: Span, calls: Sequence[Call], finish_reason: str | None
    ) -> None:
        """Say what calls used and cost, on their span and of the task."""
        gathered, said = trace.gathered, span.attributes
        usage = sum((call.usage for call in calls[1:]), calls[0].usage)
        costs = [
            cost for call in calls if (cost := cost_of(call, self._pricing.current)) is not None
        ]
        model, provider = calls[0].model, calls[0].provider
        if model is not None:
            said[RESPONSE_MODEL] = gathered.model = model
            span.name = f"{CHAT} {model}"
        if provider is not None:
            said[PROVIDER] = provider
        counts = {
            INPUT_TOKENS: usage.prompt_tokens,
            OUTPUT_TOKENS: usage.tokens_out,
            CACHE_READ_TOKENS: usage.cache_read_tokens,
            CACHE_WRITE_TOKENS: usage.cache_write_tokens,
            REASONING_TOKENS: usage.reasoning_tokens,
        }
        if costs:
            counts[COST_NANOUSD] = sum(costs)
        for name, n in counts.items():
            if n or name in _ALWAYS:
                said[name] = n + int(said.get(name, 0))
        if finish_reason is not None:
            said[FINISH_REASONS] = finish_reason
        gathered.cost_nanousd += sum(costs)
        gathered.tokens_in += usage.prompt_tokens
        gathered.tokens_out += usage.tokens_out

    def _decide(self, trace: TaskTrace) -> None:
        gathered = trace.gathered
        spans, gathered.spans = gathered.spans, []
        if self._export is not None or self._tracing.batches:
            policy = self._policy()
            last_ns = max(span.end_ns for span in spans)
            gathered.kept = gathered.kept or self._kept(trace, last_ns, policy)
            if gathered.kept is not None:
                trace.span.attributes[KEPT] = gathered.kept
                self._ship(trace, spans, gathered.kept, policy)
        self._on_decided(trace, sum(span is not trace.span for span in spans))

    def _policy(self) -> TracingPolicy:
        policy = self._usuals.policy()
        if self._tracing.keep_pct is None:
            return policy
        return policy.model_copy(update={"keep_pct": self._tracing.keep_pct})

    def _kept(self, trace: TaskTrace, last_ns: int, policy: TracingPolicy) -> Kept | None:
        gathered, span = trace.gathered, trace.span
        ended = Ended(
            span.trace_id,
            span.error is not None or gathered.failed_calls > 0,
            max(0, (span.end_ns or last_ns) - span.start_ns) / _NS_PER_MS,
            gathered.cost_nanousd,
            gathered.finished,
        )
        if policy.sample == "head":
            attempt = trace.facts.get("attempt") or 1
            return head(span.trace_id, attempt, policy) or promoted(ended, policy)
        usual = self._usuals.usual(trace.facts.get("task_type"), gathered.model)
        return tail(ended, usual, policy)

    def _ship(
        self, trace: TaskTrace, spans: Sequence[Span], kept: Kept, policy: TracingPolicy
    ) -> None:
        if self._export is not None and self._breaker.may():
            for start in range(0, len(spans), _EXPORTED_AT_ONCE):
                arrived = self._export(spans[start : start + _EXPORTED_AT_ONCE])
                self._breaker.tell(arrived=arrived)
                if not arrived:
                    break
        if self._tracing.batches:
            expires_at = datetime.now(UTC) + timedelta(days=policy.trace_days)
            for fields in batches(spans, kept, expires_at):
                self._write(trace, fields)

    def _write(self, trace: TaskTrace, fields: dict[str, Any]) -> None:
        """Create the next batch of a task's spans; one that is there tells the same."""
        session = trace.span.attributes.get(SESSION_ID, "")
        number = trace.gathered.batches
        trace.gathered.batches += 1
        path = DocumentPath(self._fleet, TRACES, trace.span.trace_id)
        name = f"{trace.span.span_id}-{digest(str(session))[:8]}-{number}"
        try:
            self._client.document(f"{path}/{BATCHES}/{name}").create(
                fields, retry=None, timeout=_WRITE_TIMEOUT_S
            )
        except AlreadyExists:
            return
        except (GoogleAPICallError, RetryError) as trouble:
            _log.warning("%s/%s/%s is not written: %s", path, BATCHES, name, trouble)


_ALWAYS: Final = (INPUT_TOKENS, OUTPUT_TOKENS)


def _tell(span: Span, content: Content, policy: TracingPolicy) -> None:
    """Say of a content what the fleet's owner wants said."""
    went_in, came_out, ref = content
    if policy.content == "none":
        return
    if ref is not None:
        span.attributes[CONTENT_REF] = ref
    if policy.content != "span":
        return
    call = span.attributes.get(OPERATION) == CHAT
    names = (INPUT_MESSAGES, OUTPUT_MESSAGES) if call else (TOOL_ARGUMENTS, TOOL_RESULT)
    for name, role, text in zip(names, ("user", "assistant"), (went_in, came_out), strict=True):
        if text:
            shown = preview(text, policy.preview_chars)
            span.attributes[name] = _message(role, shown) if call else shown


def _message(role: str, text: str) -> str:
    """Return a message as the conventions want it, with its one text."""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])
