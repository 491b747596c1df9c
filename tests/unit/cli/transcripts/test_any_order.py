"""The same totals, however a transcript is cut, copied and put in order, and whoever forks it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleets.rollouts import counted, meta, tokens, turn
from support.fleets.transcripts import (
    SESSION,
    Record,
    answer,
    broken,
    calls,
    happened,
    prompt,
    said,
    stamp,
    write,
)
from tachograph_cli.replay.transcripts.events import ModelCall, PullRequestNamed, TurnStarted
from tachograph_schema.usage import Usage

FORK = "99999999-2222-4333-8444-555555555555"
CALLS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=8)


def total(place: Path) -> tuple[int, Usage]:
    """Return the calls of a folder and their tokens."""
    found = calls(event for _, event in happened(place))
    return len(found), sum((call.usage for call in found), Usage())


def transcript(counts: list[tuple[int, int]]) -> list[Record]:
    """Return a prompt for each call, and its answer on two lines, the first of which says less."""
    lines: list[Record] = []
    for n, (read_in, out) in enumerate(counts):
        names = {"identity": f"m{n}", "request": f"r{n}"}
        before = lines[-1]["uuid"] if lines else None
        lines.append(prompt(10 * n, f"prompt-{n}", parentUuid=before))
        for second, so_far in ((1, 0), (2, out)):
            at = 10 * n + second
            before = lines[-1]["uuid"]
            lines.append(answer(at, [read_in, 3, 0, 0, so_far], parentUuid=before, **names))
    return lines


@given(counts=CALLS, cuts=st.lists(st.integers(0, 30), max_size=3), rnd=st.randoms())
def test_parts_of_a_transcript_add_up_to_it_in_any_order_and_with_copies(
    counts: list[tuple[int, int]],
    cuts: list[int],
    rnd: Random,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    lines, place = transcript(counts), tmp_path_factory.mktemp("parts")
    edges = sorted({0, *(cut % len(lines) for cut in cuts), len(lines)})
    parts = [lines[a:b] for a, b in pairwise(edges)]
    copies = [*parts, lines[: edges[1]], rnd.choice(parts)]
    rnd.shuffle(copies)
    for n, part in enumerate(copies):
        write(place / f"{n}.jsonl", part)
    expected = Usage(
        tokens_in=sum(given for given, _ in counts),
        cache_read_tokens=3 * len(counts),
        tokens_out=sum(out for _, out in counts),
    )
    assert total(place) == (len(counts), expected)


@given(counts=CALLS, cut=st.integers(0, 8), rnd=st.randoms())
def test_rollout_and_its_earlier_states_add_up_to_it_whatever_they_are_called(
    counts: list[tuple[int, int]],
    cut: int,
    rnd: Random,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = tmp_path_factory.mktemp("states")
    lines, given, out = [meta(), *turn(1)], 0, 0
    for n, (more_given, more_out) in enumerate(counts):
        given, out = given + more_given + 10, out + more_out
        last = tokens(more_given + 10, 10, more_out)
        lines.append(counted(2 + n, last, tokens(given, 10 * n + 10, out)))
    states = [lines, lines[: 2 + cut % len(lines)]]
    rnd.shuffle(states)
    for n, state in enumerate(states):
        write(place / f"rollout-{n}.jsonl", state)
    assert total(place) == total_of(counts)


def total_of(counts: list[tuple[int, int]]) -> tuple[int, Usage]:
    """Return what the calls of a rollout add up to: ten tokens of each prompt were cached."""
    given, out = (sum(each) for each in zip(*counts, strict=True))
    usage = Usage(tokens_in=given, cache_read_tokens=10 * len(counts), tokens_out=out)
    return len(counts), usage


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_fork_that_names_its_origin_owns_nothing_that_it_copied(
    names: tuple[str, str], tmp_path: Path
) -> None:
    lines = transcript([(5, 5)])
    origin = {"sessionId": SESSION, "messageUuid": "x"}
    copied = [{**line, "sessionId": FORK, "forkedFrom": origin} for line in lines]
    # Both begin at the same moment, so nothing but the word of the copies tells whose they are.
    write(tmp_path / f"{names[0]}.jsonl", [*copied, prompt(60, "own", sessionId=FORK)])
    write(tmp_path / f"{names[1]}.jsonl", lines)
    owners = {s.session for s, event in happened(tmp_path) if isinstance(event, ModelCall)}
    assert owners == {SESSION}


def test_note_that_a_background_task_has_ended_begins_no_turn(tmp_path: Path) -> None:
    note = prompt(5, "note", turnOrigin="task_notification")
    write(tmp_path / "s.jsonl", [prompt(0, turnOrigin="human"), answer(1, [1, 0, 0, 0, 1]), note])
    events = [event for _, event in happened(tmp_path)]
    assert sum(isinstance(event, TurnStarted) for event in events) == 1


def test_pull_request_is_named_once_by_the_task_that_showed_it(tmp_path: Path) -> None:
    def link(second: int, url: str) -> Record:
        named = {"prNumber": 1, "prUrl": url, "prRepository": "acme/shop"}
        return {"type": "pr-link", "sessionId": SESSION, "timestamp": stamp(second), **named}

    one, two = "https://example.invalid/pull/1", "https://example.invalid/pull/2"
    write(
        tmp_path / "s.jsonl",
        [
            prompt(0, "aaaaaaaa-1"),
            answer(1, [1, 0, 0, 0, 1]),
            link(2, one),
            said("system", 3, subtype="stop_hook_summary"),
            prompt(9, "bbbbbbbb-2"),
            *(link(10, one), link(11, two), link(12, two)),
            {**link(13, two), "prUrl": None},
        ],
    )
    events = [event for _, event in happened(tmp_path)]
    assert broken(events) == []
    named = [event for event in events if isinstance(event, PullRequestNamed)]
    assert [(event.task, event.url) for event in named] == [
        (f"{SESSION}-aaaaaaaa", one),
        (f"{SESSION}-bbbbbbbb", two),
    ]
