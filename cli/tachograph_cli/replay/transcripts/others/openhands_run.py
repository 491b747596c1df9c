"""Pure: what one run of OpenHands states of its calls, from the several places that repeat it.

`metrics.token_usages` has the tokens of each response, `metrics.costs` what each cost where LiteLLM
knew a price, and the events of the history repeat the usage of the response that made them. The
`accumulated_...` are running totals: they are compared with, and never added.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tachograph_cli.replay.transcripts.others.steps import time_in
from tachograph_cli.replay.transcripts.values import Record, blocks, optional_name

_LARGEST_USD = 10**6
_COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
_LARGEST_WINDOW = 10**9


@dataclass(frozen=True, slots=True)
class Response:
    """A response of a model: its usage, in a provider's format, its moment and its window."""

    id: str | None
    model: object
    usage: Record
    at: datetime | None = None
    window: int | None = None


def history(run: Record) -> list[Record]:
    """Return the events of a run; older versions write them as pairs."""
    events = run.get("history")
    flat: list[Record] = []
    for each in events if isinstance(events, list) else []:
        flat += blocks(each) if isinstance(each, list) else blocks([each])
    return flat


def metrics(run: Record) -> Record:
    """Return the metrics of a run, none where it states none."""
    stated = run.get("metrics")
    return stated if isinstance(stated, dict) else {}


def responses(run: Record) -> list[Response]:
    """Return the responses that state a usage, each once, in their order."""
    events: dict[str | None, Response] = {
        found.id: found for found in map(_of_event, history(run)) if found and found.id
    }
    listed: dict[object, Response] = {}
    for place, usage in enumerate(blocks(metrics(run).get("token_usages"))):
        identity = optional_name(usage.get("response_id"))
        event = events.pop(identity, None)
        at = event.at if event else None
        counts, window = _with_caches(usage), usage.get("context_window")
        window = window if isinstance(window, int) and 0 < window < _LARGEST_WINDOW else None
        response = Response(identity, usage.get("model"), counts, at, window)
        listed.setdefault(identity or place, response)
    return [*listed.values(), *events.values()]


def only_in_history(run: Record) -> bool:
    """Tell whether a response is stated by an event alone, so that its place is not known."""
    listed = [each.get("response_id") for each in blocks(metrics(run).get("token_usages"))]
    return any(each.id not in listed for each in responses(run) if each.id)


def failures(run: Record) -> list[tuple[str, datetime | None]]:
    """Return the responses that were waited for and state no usage: the agent asked again.

    Beside each is the time of the response before it.
    """
    known = {each.id: each.at for each in responses(run)}
    found, at = list[tuple[str, datetime | None]](), None
    for latency in blocks(metrics(run).get("response_latencies")):
        identity = optional_name(latency.get("response_id"))
        at = known.get(identity) or at
        if identity is not None and identity not in known:
            found.append((identity, at))
    return found


def costs(run: Record) -> list[float]:
    """Return what each response cost in dollars, where that is stated."""
    stated = metrics(run).get("costs")
    rows = [
        each.get("cost") if isinstance(each, dict) else each
        for each in (stated if isinstance(stated, list) else [])
    ]
    return [cost for cost in map(_dollars, rows) if cost is not None]


def total_cost(run: Record) -> float | None:
    """Return what the run cost in dollars; None where no price was known, which adds up to 0."""
    total, stated = _dollars(metrics(run).get("accumulated_cost")), costs(run)
    return total or (sum(stated) if stated else None)


def refused_cost(run: Record) -> object:
    """Return what a run states as its cost although it is no amount; None where it is one."""
    total = metrics(run).get("accumulated_cost")
    return total if _dollars(total) is None else None


def total_usage(run: Record) -> Record | None:
    """Return the running total of the tokens, where the run states one."""
    total = metrics(run).get("accumulated_token_usage")
    return _with_caches(total) if isinstance(total, dict) else None


def moments(run: Record) -> list[datetime]:
    """Return the times that a run states."""
    rows = [*history(run), *blocks(metrics(run).get("costs"))]
    return [at for row in rows if (at := time_in(row.get("timestamp"))) is not None]


def _of_event(event: Record) -> Response | None:
    call: Any = event.get("tool_call_metadata")
    inner: Any = call.get("model_response") if isinstance(call, dict) else None
    response = inner if isinstance(inner, dict) else event
    identity = optional_name(response.get("id") if response is inner else event.get("response_id"))
    usage = response.get("usage")
    if "action" not in event or not isinstance(usage, dict):
        return None
    at = time_in(event.get("timestamp"))
    model = response.get("model") or _model_of(event)
    return Response(identity, model, usage, at)


def _model_of(event: Record) -> object:
    figures = event.get("llm_metrics")
    total = figures.get("accumulated_token_usage") if isinstance(figures, dict) else None
    return total.get("model") if isinstance(total, dict) else None


def _with_caches(usage: Record) -> Record:
    """Return a usage with a total, where it shows that the caches are no part of the prompt.

    LiteLLM counts what a cache held as a part of the prompt; older versions did not count writes.
    """
    stated = {name: n for name in _COUNTS if (n := usage.get(name)) is not None}
    counts = (stated.get(name) for name in _COUNTS[:4])
    given, out, read, written = (n if isinstance(n, int) and n > 0 else 0 for n in counts)
    if read + written <= given:
        return stated
    outside = written if read <= given else read + written
    return {**stated, "total_tokens": given + outside + out}


def _dollars(value: object) -> float | None:
    """Return an amount below a million dollars; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < _LARGEST_USD else None
