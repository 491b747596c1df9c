"""Calls of Claude Code transcripts: each counts once, with the usage of its last line."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from support.fleets.transcripts import (
    SESSION,
    START,
    Record,
    answer,
    buckets,
    calls,
    happened,
    nested,
    prompt,
    stamp,
    totals_by_day,
    write,
)
from support.places import CASES
from tachograph_cli.replay.transcripts import claude, claude_lines, folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_cli.replay.transcripts.events import (
    ModelCall,
    Source,
)

CASES = yaml.safe_load((CASES / "claude_transcripts.yaml").read_text())


def line(case: dict[str, Any]) -> Record:
    record = answer(
        case["at"],
        case["tokens"],
        identity=case.get("id"),
        request=case.get("request"),
        model=case.get("model", "claude-opus-4-6"),
        isSidechain=case.get("side", False),
    )
    return nested(case["nested"], record) if "nested" in case else record


@pytest.mark.parametrize("case", CASES, ids=[case["promise"] for case in CASES])
def test_lines_make_the_calls_the_rules_say(case: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path / "s.jsonl", [prompt(0), *map(line, case["lines"])])
    counted = [
        [(call.at - START).total_seconds(), buckets(call.usage)]
        for call in calls(event for _, event in happened(tmp_path))
    ]
    assert counted == case["calls"]


def test_recorded_calls_equal_the_oracle_in_every_bucket(shared: Path) -> None:
    expected: Counter[tuple[object, ...]] = Counter()
    with gzip.open(shared / "data/oracles/claude-dev/expected_calls.jsonl.gz") as lines:
        for row in map(json.loads, lines):
            if row["model"] == claude_lines.SYNTHETIC:
                continue  # the oracle lists them, at no tokens; they are no calls
            tokens = (row["input"], row["cache_read"], row["cache_write"], row["cache_write_1h"])
            key = (datetime.fromisoformat(row["ts"]), row["session"], row["model"])
            expected[(*key, *tokens, row["output"])] += 1
    counted: Counter[tuple[object, ...]] = Counter()
    by_source: dict[str, list[ModelCall]] = {}
    for source, event in happened(shared / "data/claude-code/dev"):
        if isinstance(event, ModelCall):
            by_source.setdefault(source.session, []).append(event)
    for session, called in by_source.items():
        for call in calls(called):
            # The oracle dates a call by its largest line, we by its first.
            counted[call.line_at, session, call.model, *buckets(call.usage)] += 1
    assert counted == expected


def test_recorded_tokens_equal_the_oracle_by_day_and_model(shared: Path) -> None:
    days = json.loads((shared / "data/oracles/claude-dev/daily.json").read_text())["daily"]
    expected: Counter[tuple[str, str | None, str]] = Counter()
    for day in days:
        for row in day["modelBreakdowns"]:
            for bucket in ("input", "output", "cacheCreation", "cacheRead"):
                expected[day["date"], row["modelName"], f"{bucket}Tokens"] += row[f"{bucket}Tokens"]
    called = calls(event for _, event in happened(shared / "data/claude-code/dev"))
    assert +totals_by_day(called) == +expected


def test_states_of_a_transcript_hold_the_calls_of_the_largest_whatever_their_order(
    shared: Path,
) -> None:
    grown = shared / "data/claude-code/snapshots/f736da47-b2ca-4f86-bb32-a1bbe582e464"
    files = sorted(grown.glob("*.jsonl"))
    alone = calls(event for _, event in happened(files[-1]))
    for order in (files, files[::-1], [files[2], files[0], files[3], files[1]]):
        with closing(CallRegistry()) as registry:
            sources = [folder.recognise(file) for file in order]
            events = [
                event for source in sources if source for event in folder.read(source, registry)
            ]
        assert sorted(calls(events), key=lambda c: c.line_at) == sorted(
            alone, key=lambda c: c.line_at
        )


def test_a_transcript_that_has_grown_says_first_what_it_said_before(shared: Path) -> None:
    for session in (shared / "data/claude-code/snapshots").iterdir():
        states = sorted(session.glob("*.jsonl"), key=lambda path: path.stat().st_size)
        events = [[event for _, event in happened(state)] for state in states]
        if events[0][0] != events[-1][0]:
            continue  # parts that share nothing
        for before, after in pairwise(events):
            assert after[: len(before)] == before


COPIES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 500)),  # which call, how many tokens out so far
    min_size=1,
    max_size=30,
)


@given(COPIES, st.randoms(use_true_random=False))
def test_any_interleaving_and_repetition_of_a_calls_lines_gives_the_same_totals(
    copies: list[tuple[int, int]], rnd: Random
) -> None:
    def totals(lines: list[tuple[int, int]]) -> dict[str, int]:
        source = Source(Path("s.jsonl"), "claude-code", SESSION, None, START, None)
        with closing(CallRegistry()) as registry:
            reader = claude.Reader(source, registry)
            added: Counter[str] = Counter()
            calls_made = 0
            for place, (which, out) in enumerate(lines):
                names = {"identity": f"m{which}", "request": f"r{which}"}
                for event in reader.read(answer(place, [which, 5, 6, 2, out], **names)):
                    if isinstance(event, ModelCall):
                        before = event.counted_before
                        news = event.usage if before is None else event.usage - before
                        calls_made += before is None
                        added["in"] += news.tokens_in
                        added["out"] += news.tokens_out
                        added["read"] += news.cache_read_tokens
                        added["write"] += news.cache_write_tokens
            return {**added, "calls": calls_made}

    shuffled = [*copies, *rnd.choices(copies, k=5)]
    rnd.shuffle(shuffled)
    largest = {which: max(out for w, out in copies if w == which) for which, _ in copies}
    assert totals(copies) == totals(shuffled)
    assert totals(shuffled) == {
        "calls": len(largest),
        "in": sum(largest),
        "out": sum(largest.values()),
        "read": 5 * len(largest),
        "write": 6 * len(largest),
    }


def test_a_call_copied_into_another_sessions_file_counts_once(tmp_path: Path) -> None:
    original = [prompt(0), answer(1, [1, 0, 0, 0, 1])]
    resumed = [{**record, "sessionId": "resumed"} for record in original]
    more = {**answer(9, [2, 0, 0, 0, 2], identity="m2"), "sessionId": "resumed"}
    write(tmp_path / "a.jsonl", original)
    write(tmp_path / "b.jsonl", [*resumed, more])
    counted = calls(event for _, event in happened(tmp_path))
    assert [buckets(call.usage)[0] for call in counted] == [1, 2]


def test_memory_does_not_grow_with_the_folder(tmp_path: Path) -> None:
    # In a process of its own: what else goes on in this one would be counted too.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        few = alone.submit(_peak, tmp_path, 2).result()
        assert alone.submit(_peak, tmp_path, 20).result() < 1.5 * few + 100_000


def _peak(tmp_path: Path, files: int) -> int:
    """Return how many bytes it takes, at most, to read so many files."""
    calls_each = 800
    place = tmp_path / str(files)
    place.mkdir()
    for number in range(files):
        with (place / f"{number}.jsonl").open("w") as out:
            for call in range(calls_each):
                names = {"identity": f"m{number}-{call}", "request": None}
                record = answer(call, [1, 0, 0, 0, 1], **names)
                record |= {"sessionId": f"s{number}", "timestamp": stamp(call)}
                out.write(json.dumps(record) + "\n")
    tracemalloc.start()
    with closing(CallRegistry()) as registry:
        counted = 0
        sources = folder.find(place).sources
        for source in sources:
            folder.claim(source, registry)
        for source in sources:
            counted += sum(isinstance(event, ModelCall) for event in folder.read(source, registry))
    assert counted == files * calls_each
    _, high = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return high
