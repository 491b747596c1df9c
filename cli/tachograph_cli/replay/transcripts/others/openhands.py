"""Runs of OpenHands: a line a run, with the metrics of its model and the history of its events.

A call is a response, known by its id, however often metrics and events repeat its usage. A run
without any cost is one whose price LiteLLM did not know, so its cost is unknown. Times have no
zone; they are taken as UTC.

The format is `openhands/core/schema` and `openhands/llm/metrics.py` of OpenHands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.deduplication import Claim
from tachograph_cli.replay.transcripts.events import (
    CallFailed,
    ModelCall,
    Outcome,
    SessionFacts,
    Source,
    ToolUsed,
    TurnEnded,
    TurnStarted,
)
from tachograph_cli.replay.transcripts.others import openhands_run as runs
from tachograph_cli.replay.transcripts.others.document import file_time, lines, parts
from tachograph_cli.replay.transcripts.others.openhands_calls import RunCalls
from tachograph_cli.replay.transcripts.others.steps import (
    Claimed,
    Item,
    Step,
    call_claim,
    fingerprint,
    time_in,
)
from tachograph_cli.replay.transcripts.values import Record, ident, optional_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

_INSTANCE = re.compile(r'"instance_id"\s*:\s*"([^"\\]{1,200})"')
_TOTAL_COST = re.compile(r'"accumulated_cost"\s*:\s*(\d{1,6}(?:\.\d{1,20})?)[,}\s]')
HEAD_LINES = 500
_NO_TOOLS = {"recall", "think", "finish", "message", "system", "error"}


def items(path: Path) -> Iterator[Item]:
    """Yield the runs of a file; of a damaged line the parts that are whole. Raises OSError."""
    return lines(path, _saved)


def _saved(text: str) -> list[Record]:
    """Return the runs of a damaged line: those that are whole, and one by the parts of it."""
    whole, left, own = list[Record](), list[Record](), ""
    for before, part in parts(text):
        own += before
        (whole if _is_run(part) else left).append(part)
    return [*_pieced(left, own if whole else text), *whole]


def _pieced(found: list[Record], text: str) -> list[Record]:
    """Return the run that is damaged, by its parts, each of which says what it is."""
    usages = [part for part in found if "prompt_tokens" in part and "response_id" in part]
    whole = next((part for part in found if "accumulated_cost" in part and "costs" in part), None)
    cost = _TOTAL_COST.search(text)
    events = [part for part in found if "action" in part or "observation" in part]
    if not (usages or whole or cost or events):
        return []
    saved = {"token_usages": usages, "accumulated_cost": float(cost[1]) if cost else None}
    run: Record = {"metrics": whole or saved, "history": events}
    instance = _INSTANCE.search(text)
    return [run | ({"instance_id": instance[1]} if instance else {})]


def sources(path: Path) -> tuple[Source, ...]:
    """Return the runs of a file, one a line, nothing for any other file."""
    found: dict[str, Source] = {}
    for place, item in enumerate(items(path)):
        if place >= HEAD_LINES and not found:
            return ()
        if not isinstance(item, tuple) or not _is_run(item[1]):
            continue
        session = _session(item[1])
        started_at = min(runs.moments(item[1]), default=file_time(path))
        source = Source(path, "openhands", session, None, started_at, str(path.parent))
        found.setdefault(session, source)
    return tuple(found.values())


def _is_run(record: Record) -> bool:
    metrics = runs.metrics(record)
    stated = "accumulated_cost" in metrics or "token_usages" in metrics
    return stated or bool(runs.responses(record))


def _session(run: Record) -> str:
    """Return the run's id, the same in a copy: several runs may be of one instance."""
    name = optional_name(run.get("instance_id")) or "run"
    first = next((each.id for each in runs.responses(run) if each.id), None)
    other = [runs.costs(run), [event.get("timestamp") for event in runs.history(run)[:1]]]
    return f"{fingerprint([name, first or other])[:8]}-{ident(name)[:80]}"


class Reader:
    """Reads one run of a file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.doubts: list[str] = []

    def read(self, record: Record) -> Iterator[Step]:
        """Yield the steps of the run, in the order of their times."""
        if not _is_run(record) or _session(record) != self._source.session:
            return
        began_at, task = self._source.started_at, f"{self._source.session}-1"
        if not runs.moments(record):
            self.doubts.append(f"no event has a time; the file's own is taken, {began_at}")
        yield SessionFacts(began_at, None, None, None, None)
        yield TurnStarted(began_at, task)
        steps = [*self._calls(record, task), *self._tools(record, task)]
        steps.sort(key=lambda step: step.event.at)
        yield from steps
        yield self._end(record, task)

    def _calls(self, run: Record, task: str) -> Iterator[Claimed]:
        found = RunCalls(run, self._source.session, self._source.started_at)
        for each in found.calls():
            at, calls = each.call.priced_at, (each.call,)
            event = ModelCall(at, at, task, None, calls, window=each.window)
            yield Claimed(call_claim(f"openhands:{each.id}", calls), event)
        self.doubts += found.doubts
        for identity, before_at in runs.failures(run):
            self.doubts.append(f"response {identity} states no usage; it is a failed call")
            claim = Claim(f"openhands:failed:{identity}")
            at = before_at or self._source.started_at
            yield Claimed(claim, CallFailed(at, task, None))

    def _tools(self, run: Record, task: str) -> Iterator[Claimed]:
        began: dict[object, datetime | None] = {}
        for event in runs.history(run):
            at, cause = time_in(event.get("timestamp")), event.get("cause")
            name = optional_name(event.get("observation"))
            if isinstance(event.get("id"), int):
                began[event["id"]] = at
            if name is None or name in _NO_TOOLS or at is None or not isinstance(cause, int):
                continue
            asked_at = began.get(cause) or at
            duration_ms = max(0, round((at - asked_at).total_seconds() * 1000))
            claim = Claim(f"openhands:tool:{self._source.session}:{event.get('id')}:{cause}")
            error = event.get("success") is False
            yield Claimed(claim, ToolUsed(at, task, None, name, error, duration_ms))

    def _end(self, run: Record, task: str) -> Claimed:
        times = runs.moments(run)
        at = max(times, default=self._source.started_at)
        duration_ms = round((at - min(times)).total_seconds() * 1000) if times else None
        error = run.get("error")
        outcome: Outcome = "failed" if error else "completed"
        kind = ident(str(error).partition(":")[0]) if error else None
        claim = Claim(f"openhands:end:{task}")
        return Claimed(claim, TurnEnded(at, task, None, outcome, kind, duration_ms))
