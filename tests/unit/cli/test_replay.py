"""The schedule of a replay, without a clock and without a database."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from support.fleets.transcripts import SESSION, START, answer, prompt, write
from tachograph_cli.replay.command import replay as command
from tachograph_cli.replay.estimates import added, window_size
from tachograph_cli.replay.schedule import (
    LONGEST_GAP,
    RecordedSession,
    pause_s,
    project,
    recorded_sessions,
    schedule,
)
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.events import (
    Event,
    ModelCall,
    Source,
    TurnStarted,
    UnreadableLine,
)
from tachograph_cli.replay.transcripts.values import short
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import cost_of, price
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator


def source(session: str, agent: str | None = None, cwd: str | None = "/home/ana/shop") -> Source:
    return Source(Path(f"p/{session}.jsonl"), "claude-code", session, agent, START, cwd)


def lanes(*seconds: list[float]) -> dict[RecordedSession, list[Event]]:
    return {
        RecordedSession((source(f"s{n}"),)): [
            TurnStarted(START + timedelta(seconds=s), str(s)) for s in lane
        ]
        for n, lane in enumerate(seconds)
    }


def played(
    recording: dict[RecordedSession, list[Event]], agents_at_once: int, speed: float
) -> list[tuple[float, str]]:
    def events(session: RecordedSession) -> Iterator[Event]:
        return iter(recording[session])

    steps = schedule(list(recording), events, agents_at_once=agents_at_once, speed=speed)
    return [
        (due, f"{session.first.session}:{getattr(event, 'task', '')}")
        for due, session, event in steps
    ]


def test_sessions_play_side_by_side_from_their_own_starts() -> None:
    recording = lanes([0, 10], [1000, 1004])
    assert played(recording, agents_at_once=2, speed=2) == [
        (0, "s0:0"),
        (0, "s1:1000"),
        (2, "s1:1004"),
        (2, "s1:"),
        (5, "s0:10"),
        (5, "s0:"),
    ]


def test_no_more_sessions_play_than_there_is_room_for() -> None:
    steps = [word for _, word in played(lanes([0, 10], [0], [0]), agents_at_once=1, speed=1)]
    assert steps == ["s0:0", "s0:10", "s0:", "s1:0", "s1:", "s2:0", "s2:"]


def test_without_a_speed_nobody_waits_and_one_plays_after_the_other() -> None:
    steps = played(lanes([0, 10], [0, 5]), agents_at_once=9, speed=0)
    assert steps == [(0, "s0:0"), (0, "s0:10"), (0, "s0:"), (0, "s1:0"), (0, "s1:5"), (0, "s1:")]


@given(st.lists(st.lists(st.floats(-100, 1e6), max_size=8), max_size=6), st.integers(1, 4))
def test_a_session_keeps_its_order_whatever_plays_beside_it(
    seconds: list[list[float]], agents_at_once: int
) -> None:
    recording = lanes(*seconds)
    steps = played(recording, agents_at_once=agents_at_once, speed=60)
    assert [due for due, _ in steps] == sorted(due for due, _ in steps)
    for session, events in recording.items():
        name = session.first.session
        own = [word for _, word in steps if word.startswith(f"{name}:")]
        assert own == [f"{name}:{getattr(event, 'task', '')}" for event in events] + [f"{name}:"]


def test_a_night_between_two_prompts_is_played_as_ten_minutes() -> None:
    night = START + timedelta(hours=9)
    assert pause_s(START, night, 60) == LONGEST_GAP.total_seconds() / 60
    assert pause_s(night, START, 60) == 0  # lines may be out of order
    assert pause_s(None, night, 60) == 0


@pytest.mark.parametrize(
    ("known", "said", "prompt_tokens", "expected"),
    [
        (None, None, 10, 200_000),
        (None, None, 200_000, 200_000),
        (None, None, 200_001, 1_000_000),
        (1_000_000, None, 10, 1_000_000),  # it does not shrink again
        (None, 258_400, 10, 258_400),
        (200_000, 258_400, 250_000, 258_400),
    ],
)
def test_the_window_is_what_the_record_says_or_what_the_calls_show(
    known: int | None, said: int | None, prompt_tokens: int, expected: int
) -> None:
    assert window_size(known, said, prompt_tokens) == expected


@pytest.mark.parametrize(
    ("cwd", "place", "expected"),
    [
        ("/home/ana/src/shop", "x", "shop"),
        ("/home/ana/src/shop/", "x", "shop"),
        ("C:\\src\\shop", "x", "shop"),
        ("/redacted/user-83760520/dir-5b7e4281", "x", "user-83760520"),
        (None, "-home-ana-shop", "-home-ana-shop"),
        ("/", "x", "somewhere"),
    ],
)
def test_an_agent_is_named_for_what_it_works_on(cwd: str | None, place: str, expected: str) -> None:
    assert project(cwd, place) == expected


def test_an_agents_name_is_short_and_tells_sessions_apart() -> None:
    assert (
        RecordedSession((source("8ef64fdd-df8c-41f2-ac32-d9471671f062"),)).agent == "shop/8ef64fdd"
    )
    assert (
        RecordedSession((source("8ef64fdd-df8c-41f2-ac32-d9471671f062", "a1"),)).agent
        == "shop/8ef64fdd.a1"
    )
    assert short("019c8a4c-ed82-79a1-aa28-7738fc5ab61a") == "8fc5ab61a"[-8:]


def test_states_of_one_window_are_played_by_one_agent() -> None:
    sessions = recorded_sessions([source("a"), source("b"), source("a"), source("a", "a1")])
    assert [(session.first.owner, len(session.sources)) for session in sessions] == [
        ("a", 2),
        ("b", 1),
        ("a.a1", 1),
    ]


def test_growth_of_a_long_call_costs_the_difference_at_the_long_price() -> None:
    model, before = "claude-opus-4-6", Usage(tokens_in=250_000, tokens_out=1)
    now = before + Usage(tokens_out=10_000)
    calls = [Call(usage, model, "anthropic", START) for usage in (now, before)]
    [grown] = added(ModelCall(START, START, "t", None, (calls[0],), before=(calls[1],)))
    cost = cost_of(grown, None)
    full, first = map(price, calls)
    assert full is not None
    assert first is not None
    assert cost == full - first
    short_price = price(Call(now - before, model, "anthropic", START))
    assert short_price is not None
    assert cost > short_price


def test_a_broken_line_takes_no_time() -> None:
    session = RecordedSession((source("s"),))
    events: list[Event] = [
        TurnStarted(START, "a"),
        UnreadableLine(Path("s.jsonl"), 2, "no JSON"),
        TurnStarted(START + timedelta(seconds=60), "b"),
    ]
    steps = schedule([session], lambda _: iter(events), agents_at_once=1, speed=60)
    assert [due for due, *_ in steps] == [0, 0, 1, 1]


def test_kinds_are_told_by_the_first_line_that_says_so(tmp_path: Path) -> None:
    write(tmp_path / "a/claude.jsonl", [{"type": "summary"}, "garbage", prompt(0)])
    meta = {"type": "session_meta", "timestamp": "2026-02-16T18:00:00Z", "payload": {"id": "c"}}
    write(tmp_path / "b/codex.jsonl", [meta])
    write(tmp_path / "c/other.jsonl", [{"type": "session", "id": "x"}])
    write(tmp_path / "c/empty.jsonl", [])
    listing = folder.find(tmp_path)
    assert [(s.kind, s.session) for s in listing.sources] == [
        ("claude-code", SESSION),
        ("codex", "c"),
    ]
    assert [path.name for path in listing.others] == ["empty.jsonl", "other.jsonl"]


def test_files_are_read_in_the_same_order_wherever_they_lie(tmp_path: Path) -> None:
    own = {"isSidechain": True, "agentId": "a1"}
    write(tmp_path / "a/agent-a1.jsonl", [prompt(0, **own)])
    write(tmp_path / "b/grown.jsonl", [prompt(5), answer(6, [1, 0, 0, 0, 1])])
    write(tmp_path / "c/state.jsonl", [prompt(5)])
    write(tmp_path / "d/earlier.jsonl", [{**prompt(1), "sessionId": "earlier"}])
    names = [source.path.name for source in folder.find(tmp_path).sources]
    assert names == ["earlier.jsonl", "state.jsonl", "grown.jsonl", "agent-a1.jsonl"]


def test_a_folder_without_transcripts_is_refused_with_what_was_looked_for(tmp_path: Path) -> None:
    write(tmp_path / "notes.jsonl", [{"a": 1}])
    outcome = CliRunner().invoke(command, [str(tmp_path), "--fleet", "f"])
    assert outcome.exit_code == 2
    assert f"{tmp_path}: found 1 other .jsonl file is no recording" in outcome.output
    assert "Claude Code transcript" in outcome.output
