"""Trajectories of SWE-agent: one document a run, with the totals of the run alone.

`info.model_stats` has the cost of the run, the tokens that were sent and received, and the number
of calls: they are one record of that many calls. Which call took which part is not stated, nor the
time of any, nor what a cache held. `total_cost` goes on over the runs of a batch, so it is none of
this run's. A cost of zero is the counter of a model whose price SWE-agent did not know.

The format is docs/usage/trajectories.md of SWE-agent.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.deduplication import Claim
from tachograph_cli.replay.transcripts.events import (
    ModelCall,
    Outcome,
    SessionFacts,
    Source,
    TurnEnded,
    TurnStarted,
)
from tachograph_cli.replay.transcripts.others.document import document, file_time, parts
from tachograph_cli.replay.transcripts.others.steps import (
    Claimed,
    Item,
    Step,
    call_claim,
    fingerprint,
    stated,
)
from tachograph_cli.replay.transcripts.values import Record, blocks, ident, optional_name
from tachograph_schema.fields import MAX_COUNT
from tachograph_schema.parsing import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TELLING_STEPS = 5
"""Steps that tell two runs of one instance apart, which may begin with the same."""
_STATS = ("instance_cost", "tokens_sent", "tokens_received", "api_calls")
_NUMBER = re.compile(
    rf'"({"|".join(_STATS)})"\s*:\s*(\d{{1,20}}(?:\.\d{{1,20}})?(?:e-?\d{{1,3}})?)\s*[,}}]'
)
"""A whole number of a damaged file; one that is cut off is none."""


def items(path: Path) -> Iterator[Item]:
    """Yield the trajectory of a file. Raises OSError."""
    found = document(path, b'"model_stats"', b'"trajectory"')
    if found.damage is not None:
        yield found.damage
    if found.whole is not None:
        yield 1, found.whole
    elif numbers := dict(_NUMBER.findall(found.text)):
        stats = {name: json.loads(number) for name, number in numbers.items()}
        whole = [part for _, part in parts(found.text)]
        steps = [part for part in whole if "execution_time" in part or "observation" in part]
        yield 1, {"info": {"model_stats": stats}, "trajectory": steps}


def sources(path: Path) -> tuple[Source, ...]:
    """Return the run of a file, nothing for any other file."""
    for item in items(path):
        if isinstance(item, tuple) and _is_run(item[1]):
            name = path.name.partition(".traj")[0]
            session = f"{fingerprint([name, *_first_steps(item[1])])[:8]}-{ident(name)[:80]}"
            return (Source(path, "swe-agent", session, None, file_time(path), None),)
    return ()


def _first_steps(record: Record) -> list[Record]:
    """Return the steps that are the same in every state of a run, and in none of another."""
    steps = blocks(record.get("trajectory"))
    return steps[:TELLING_STEPS] if len(steps) >= TELLING_STEPS else steps[:1]


def _is_run(record: Record) -> bool:
    info = record.get("info")
    stats = info.get("model_stats") if isinstance(info, dict) else None
    counted = isinstance(stats, dict) and any(name in stats for name in _STATS)
    return counted or (isinstance(info, dict) and isinstance(record.get("trajectory"), list))


class Reader:
    """Reads one run."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.doubts: list[str] = []

    def read(self, record: Record) -> Iterator[Step]:
        """Yield the steps of a run."""
        if not _is_run(record):
            return
        at, task = self._source.started_at, f"{self._source.session}-1"
        yield SessionFacts(at, None, None, None, None)
        yield TurnStarted(at, task)
        info = record["info"]
        stats = info.get("model_stats")
        self.doubts.append(f"no call has a time; the file's own is taken, {at.isoformat()}")
        if not isinstance(stats, dict):
            self.doubts.append(f"info.model_stats is {shown(stats)}; expected an object")
            stats = {}
        cost = stats.get("instance_cost")
        usage = {
            "tokens_in": stats.get("tokens_sent") or 0,
            "tokens_out": stats.get("tokens_received") or 0,
            "cost": cost or None,
        }
        response = {"model": _model(record), "usage": usage}
        taken = stated(response, at, "info.model_stats")
        [call] = taken.calls
        priced = call.cost_nanousd is not None
        if not priced:
            self.doubts.append(f"instance_cost is {shown(cost)}; the run has no price")
        elif taken.doubt is not None:
            self.doubts.append(taken.doubt)
        steps = len(blocks(record.get("trajectory")))
        # What a cache held is not stated, so no list has a price of the tokens.
        used = bool(taken.usage.total_tokens or priced)
        calls = (replace(call, calls=self._calls(stats, steps, used=used), readable=priced),)
        if calls[0].calls:
            claim = call_claim(f"swe-agent:{self._source.session}", calls)
            yield Claimed(claim, ModelCall(at, at, task, None, calls))
        status = optional_name(info.get("exit_status"))
        if status is not None:
            outcome: Outcome = "completed" if status.startswith("submitted") else "failed"
            error = None if outcome == "completed" else ident(status)
            end = TurnEnded(at, task, None, outcome, error)
            yield Claimed(Claim(f"swe-agent:end:{self._source.session}:{status}"), end)

    def _calls(self, stats: Record, steps: int, *, used: bool) -> int:
        """Return the stated number of calls, else one a step: a step is the answer to a call."""
        number = stats.get("api_calls")
        if isinstance(number, int) and not isinstance(number, bool) and used <= number <= MAX_COUNT:
            return number
        self.doubts.append(f"api_calls is {shown(number)}; the {steps} steps are counted instead")
        return max(steps, int(used))


def _model(record: Record) -> str | None:
    """Return the model that a run was configured with; older versions do not record it."""
    config = record.get("replay_config")
    try:
        config = json.loads(config) if isinstance(config, str) else config
    except (ValueError, RecursionError):
        return None
    for name in ("agent", "model", "name"):
        config = config.get(name) if isinstance(config, dict) else None
    return optional_name(config)
