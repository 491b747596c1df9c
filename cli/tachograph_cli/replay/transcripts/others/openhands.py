"""Runs of OpenHands: a line a run, with the metrics of its model and the history of its events.

A call is a response, known by its id, however often metrics and events repeat its usage. Where as
many costs as responses are stated, each response has its own; else the run is one record of that
many calls, because which call cost what is not stated. A run without any cost is one whose price
LiteLLM did not know. Times have no zone; they are taken as UTC.

The format is `openhands/core/schema` and `openhands/llm/metrics.py` of OpenHands.
"""

from __future__ import annotations

import re
from dataclasses import replace
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
    UnreadableLine,
)
from tachograph_cli.replay.transcripts.json_lines import LONGEST_LINE, numbered, opened
from tachograph_cli.replay.transcripts.others import openhands_run as runs
from tachograph_cli.replay.transcripts.others.document import decoded, file_time, parts
from tachograph_cli.replay.transcripts.others.steps import (
    Claimed,
    Item,
    Stated,
    Step,
    call_claim,
    fingerprint,
    stated,
    time_in,
)
from tachograph_cli.replay.transcripts.values import Record, ident, optional_name
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import nanousd
from tachograph_schema.usage import BUCKETS, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

_GATEWAYS = ("litellm_proxy/", "openhands/")
_INSTANCE = re.compile(r'"instance_id"\s*:\s*"([^"\\]{1,200})"')
_TOTAL_COST = re.compile(r'"accumulated_cost"\s*:\s*(\d{1,6}(?:\.\d{1,20})?)[,}\s]')
_ROUNDING_USD = 1e-6
_NO_TOOLS = {"recall", "think", "finish", "message", "system", "error"}


def items(path: Path) -> Iterator[Item]:
    """Yield the runs of a file; of a damaged line the parts that are whole. Raises OSError."""
    with opened(path) as file:
        for number, line in numbered(file):
            if line is None:
                reason = f"the line is longer than {LONGEST_LINE} bytes"
                yield UnreadableLine(path, number, reason)
            elif line.strip(b"\0 \t\r\n"):
                found = decoded(line, path, number)
                if found.damage is not None:
                    yield found.damage
                run = found.whole if found.whole is not None else _saved(found.text)
                if run is not None:
                    yield number, run


def _saved(text: str) -> Record | None:
    """Return a run that is damaged, by its parts: each says what it is."""
    found = list(parts(text))
    usages = [part for part in found if "prompt_tokens" in part and "response_id" in part]
    whole = next((part for part in found if "accumulated_cost" in part and "costs" in part), None)
    cost = _TOTAL_COST.search(text)
    events = [part for part in found if "action" in part or "observation" in part]
    if not (usages or whole or cost or events):
        return None
    saved = {"token_usages": usages, "accumulated_cost": float(cost[1]) if cost else None}
    run: Record = {"metrics": whole or saved, "history": events}
    instance = _INSTANCE.search(text)
    return run | ({"instance_id": instance[1]} if instance else {})


def sources(path: Path) -> tuple[Source, ...]:
    """Return the runs of a file, one a line, nothing for any other file."""
    found: dict[str, Source] = {}
    for item in items(path):
        if not isinstance(item, tuple):
            continue
        if not _is_run(item[1]):
            if not found:
                return ()  # any other file says so on its first line
            continue
        session = _session(item[1])
        started_at = min(runs.moments(item[1]), default=file_time(path))
        source = Source(path, "openhands", session, None, started_at, str(path.parent))
        found.setdefault(session, source)
    return tuple(found.values())


def _is_run(record: Record) -> bool:
    metrics = runs.metrics(record)
    return "accumulated_cost" in metrics or "token_usages" in metrics


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
        yield self._end(record, task, max(runs.moments(record), default=began_at))

    def _calls(self, run: Record, task: str) -> Iterator[Claimed]:
        last_at, read = self._source.started_at, list[tuple[str, Stated]]()
        responses = runs.responses(run)
        for place, each in enumerate(responses):
            last_at = each.at or last_at
            one = self._stated(each, last_at, f"token_usages[{place}]")
            read.append((each.id or f"{self._source.session}:{place}", one))
        read = self._with_costs(run, read)
        for identity, one in read:
            at = one.calls[0].priced_at
            claim = call_claim(f"openhands:{identity}", one.calls)
            yield Claimed(claim, ModelCall(at, at, task, None, one.calls))
        for identity in runs.failures(run):
            self.doubts.append(f"response {identity} states no usage; it is a failed call")
            claim = Claim(f"openhands:failed:{identity}")
            yield Claimed(claim, CallFailed(last_at, task, None))

    def _stated(self, response: runs.Response, at: datetime, where: str) -> Stated:
        model = optional_name(response.model)
        route = next((name for name in _GATEWAYS if model and model.startswith(name)), None)
        model = model.removeprefix(route) if model and route else model
        body = {"model": model, "usage": response.usage}
        one = stated(body, at, where, route=route and route.rstrip("/"))
        if one.doubt is not None:
            self.doubts.append(one.doubt)
        return one

    def _with_costs(self, run: Record, read: list[tuple[str, Stated]]) -> list[tuple[str, Stated]]:
        """Give each call its cost where each has one; make the run one record where not."""
        costs, total, end_at = runs.costs(run), runs.total_cost(run), self._source.started_at
        session = self._source.session
        if not read and costs and runs.total_usage(run) is None:
            self.doubts.append("no response states its tokens; they are unknown, not none")
            return [
                (f"{session}:{n}", Stated((Call(Usage(), None, None, end_at, nanousd(cost)),)))
                for n, cost in enumerate(costs)
            ]
        if not read:
            return self._total_alone(run, total, max(len(costs), len(runs.failures(run)), 1))
        rest = self._rest(run, sum((one.usage for _, one in read), Usage()), read[-1][1])
        if total is None:
            return [*read, *rest]
        if len(costs) == len(read):
            if abs(total - sum(costs)) > _ROUNDING_USD:
                self.doubts.append(f"accumulated_cost is {total}; the costs add up to {sum(costs)}")
            priced = [
                (name, Stated((replace(one.calls[0], cost_nanousd=nanousd(cost)),), one.doubt))
                for (name, one), cost in zip(read, costs, strict=True)
            ]
            return [*priced, *rest]
        self.doubts.append(f"{len(costs)} costs of {len(read)} calls; they are one record")
        usage = sum((one.usage for _, one in [*read, *rest]), Usage())
        models = {one.calls[0].model for _, one in read}
        model = models.pop() if len(models) == 1 else None
        call = replace(
            read[-1][1].calls[0],
            usage=usage,
            model=model,
            cost_nanousd=nanousd(total),
            calls=max(len(read), len(costs)),
        )
        return [(f"{session}:run", Stated((call,)))]

    def _total_alone(self, run: Record, cost: float | None, calls: int) -> list[tuple[str, Stated]]:
        usage = runs.total_usage(run)
        if usage is None and cost is None:
            return []
        self.doubts.append("the run states totals alone; they are one record")
        body = {"model": None, "usage": {**(usage or {}), "cost": cost}}
        one = stated(body, self._source.started_at, "accumulated_token_usage")
        call = replace(one.calls[0], calls=calls, readable=cost is not None)
        return [(f"{self._source.session}:run", Stated((call,)))]

    def _rest(self, run: Record, listed: Usage, last: Stated) -> list[tuple[str, Stated]]:
        """Return what the running total holds beyond the calls that are listed, without a price."""
        total = runs.total_usage(run)
        if total is None:
            return []
        at = last.calls[0].priced_at
        whole = stated({"model": None, "usage": total}, at, "accumulated_token_usage")
        more = whole.usage - listed
        rest = Usage(*(max(0, getattr(more, name)) for name in BUCKETS))
        if not rest.total_tokens:
            return []
        words = f"the running total holds {rest.total_tokens} tokens more than the calls"
        self.doubts.append(f"{words}; they have no price")
        call = Call(rest, None, None, at, calls=0, readable=False)
        return [(f"{self._source.session}:rest", Stated((call,)))]

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

    def _end(self, run: Record, task: str, at: datetime) -> Claimed:
        duration_ms = max(0, round((at - self._source.started_at).total_seconds() * 1000))
        error = run.get("error")
        outcome: Outcome = "failed" if error else "completed"
        kind = ident(str(error).partition(":")[0]) if error else None
        claim = Claim(f"openhands:end:{task}")
        return Claimed(claim, TurnEnded(at, task, None, outcome, kind, duration_ms))
