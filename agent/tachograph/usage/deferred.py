"""The usage of a response, read in the background: reading takes too long while an agent waits."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from tachograph.usage.excerpt import Excerpt
from tachograph.usage.response import Answer, read_response
from tachograph_schema.pricing.call import Call

_log = logging.getLogger("tachograph")
_warned: set[str] = set()
MAX_WARNED = 100


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """The requested model and provider, and the session's, for calls that name neither."""

    model: str | None = None
    provider: str | None = None
    route: str | None = None
    session_model: str | None = None
    session_provider: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseUsage:
    """The part of a call's report that its response adds."""

    calls: tuple[Call, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)


class AnswerListener(Protocol):
    """The call that a response belongs to."""

    def answered(self, answer: Answer, calls: tuple[Call, ...], generation_ms: int) -> None:
        """Take the answer and its calls, and how long it was generated, in milliseconds."""


@dataclass(frozen=True, slots=True)
class DeferredUsage:
    """The excerpt of a response, and everything else it takes to read the usage, once."""

    excerpt: Excerpt
    request: ModelRequest
    began_at: datetime
    listener: AnswerListener | None = None
    generation_ms: int = 0

    def read(self) -> ResponseUsage:
        """Read the usage; never raises."""
        request = self.request
        answer = read_response(
            self.excerpt, provider=request.provider, model=request.model, route=request.route
        )
        answer = _completed(answer, request)
        if answer.why is not None:
            _warn(answer)
        calls = calls_in(answer, self.began_at)
        if self.listener is not None:
            self.listener.answered(answer, calls, self.generation_ms)
        fields = {"finish_reason": answer.finish_reason} if answer.finish_reason else {}
        identity = {"model": answer.model, "provider": answer.provider, "route": request.route}
        return ResponseUsage(
            calls, fields, {name: value for name, value in identity.items() if value is not None}
        )


def calls_in(answer: Answer, priced_at: datetime) -> tuple[Call, ...]:
    """Return the calls that an answer took, its own first, priced as of a moment."""
    return tuple(_call(each, answer, priced_at) for each in (answer, *answer.others))


def _call(each: Answer, answer: Answer, began_at: datetime) -> Call:
    """Return the call of a model; the other models of an answer do not count as calls."""
    return Call(
        each.usage,
        each.model,
        each.provider,
        began_at,
        each.cost_nanousd,
        int(each is answer),
        each.terms,
        each.units,
        each.readable,
    )


def _completed(answer: Answer, request: ModelRequest) -> Answer:
    """Take the session's model and provider where neither the call nor the response has one."""
    if answer.model is None:
        answer = replace(answer, model=request.session_model)
    model = request.session_model
    same = model is None or (answer.model or "").startswith(model)
    if answer.provider is None and same:
        answer = replace(answer, provider=request.session_provider)
    return answer


def _warn(answer: Answer) -> None:
    """Warn of a kind of response that cannot be read as it is, once."""
    kind = f"a response of {answer.model or 'a model'} at {answer.provider or 'some provider'}"
    if kind not in _warned and len(_warned) < MAX_WARNED:
        _warned.add(kind)
        verb = "mended" if answer.readable else "counted, and not priced"
        _log.warning("%s is %s: %s", kind, verb, answer.why)
