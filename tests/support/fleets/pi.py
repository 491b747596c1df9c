"""Sessions of pi, as JSON has them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from support.fleets.transcripts import START, Record, happened, stamp, write
from tachograph_cli.replay.transcripts.events import Event

HEADER = {
    "type": "session",
    "version": 3,
    "id": "parent",
    "timestamp": stamp(0),
    "cwd": "/home/ana/shop",
}


def said(second: float, role: str, **more: Any) -> Record:  # noqa: ANN401 - as JSON has it
    body = {"role": role, "timestamp": int(START.timestamp() + second) * 1000, **more}
    return {"type": "message", "id": f"e{second}", "timestamp": stamp(second), "message": body}


def answer(second: float, tokens: list[Any], cost: object = 0.25, **more: Any) -> Record:  # noqa: ANN401
    names = ("input", "output", "cacheRead", "cacheWrite")
    usage = {**dict(zip(names, tokens, strict=True)), "cost": {"total": cost}}
    body = {"provider": "anthropic", "model": "claude-sonnet-4-5", "stopReason": "stop"}
    return said(second, "assistant", usage=usage, **{**body, **more})


def events(path: Path, lines: Iterable[Record | str]) -> list[Event]:
    write(path / "s.jsonl", lines)
    return [event for _, event in happened(path)]
