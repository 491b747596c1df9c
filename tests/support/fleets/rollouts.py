"""Records of Codex rollouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.fleets.transcripts import Record, happened, stamp, write
from tachograph_cli.replay.transcripts.events import Event

SESSION = "019c8a4c-ed82-79a1-aa28-7738fc5ab61a"
PARENT = "019c8a00-0000-79a1-aa28-000000000000"
TURN = "019c8a4d-0330-71a2-b22b-785a3a27ed20"
NEXT_TURN = "019c8a52-f142-7ac0-af89-33e97f39092a"


def said(kind: str, second: float, **payload: Any) -> Record:  # noqa: ANN401 - as JSON has it
    return {"timestamp": stamp(second), "type": kind, "payload": payload}


def event(kind: str, second: float, **payload: Any) -> Record:  # noqa: ANN401
    return said("event_msg", second, type=kind, **payload)


def meta(second: float = 0, session: str = SESSION, **more: Any) -> Record:  # noqa: ANN401
    facts = {"cli_version": "0.104.0", "model_provider": "openai", "cwd": "/home/ana/shop"}
    return said("session_meta", second, id=session, **facts, **more)


def turn(second: float, identity: str = TURN, model: str = "gpt-5.3-codex") -> list[Record]:
    return [
        event("task_started", second, turn_id=identity, model_context_window=258_400),
        said("turn_context", second, turn_id=identity, model=model),
    ]


def tokens(given: int, cached: int, out: int, reasoning: int = 0) -> dict[str, int]:
    return {
        "input_tokens": given,
        "cached_input_tokens": cached,
        "output_tokens": out,
        "reasoning_output_tokens": reasoning,
        "total_tokens": given + out,
    }


def counted(
    second: float, last: dict[str, int] | None = None, total: dict[str, int] | None = None
) -> Record:
    info = {"last_token_usage": last, "total_token_usage": total, "model_context_window": 258_400}
    return event("token_count", second, info=info)


def response(
    second: float, usage: dict[str, int], identity: str = "resp_1", thread: str = SESSION
) -> Record:
    totals = {"turn_token_usage": usage, "thread_token_usage": usage}
    named = {"thread_id": thread, "turn_id": TURN, "response_id": identity}
    return said("token_usage_record", second, usage=usage, **named, **totals)


def read(path: Path, lines: list[Record], name: str = "rollout-x.jsonl") -> list[Event]:
    write(path / name, lines)
    return [event for _, event in happened(path)]
