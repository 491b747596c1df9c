"""The bill that a session keeps of itself: one difference per model, and nothing counted twice."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleets.transcripts import SESSION, answer, broken, happened, prompt, write
from tachograph_cli.replay.bills import Bills, Correction
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_cli.replay.transcripts.events import Billed
from tachograph_schema.pricing.price import cost_of
from tachograph_schema.usage import Usage

OPUS, HAIKU = "claude-opus-4-6", "claude-haiku-4-5"
FORK = "99999999-2222-4333-8444-555555555555"
Row = dict[str, Any]


def bill(session: str = SESSION, *, unknown: bool = False, **models: Row) -> dict[str, Any]:
    rows = {name.replace("_", "-"): row for name, row in models.items()}
    return {
        "type": "cost-state",
        "sessionId": session,
        "modelUsage": rows,
        "hasUnknownModelCost": unknown,
    }


def row(given: int, read: int, written: int, out: int, usd: float | None, **more: Any) -> Row:  # noqa: ANN401
    return {
        "inputTokens": given,
        "cacheReadInputTokens": read,
        "cacheCreationInputTokens": written,
        "outputTokens": out,
        "costUSD": usd,
        **more,
    }


def corrections(place: Path, *, backwards: bool = False) -> dict[str, Correction]:
    bills = Bills()
    with closing(CallRegistry()) as registry:
        sources = folder.find(place).sources
        for source in sources:
            folder.claim(source, registry)
        for source in sources[::-1] if backwards else sources:
            for event in folder.read(source, registry):
                if isinstance(event, Billed):
                    bills.note(event)
        return bills.corrections(sources, registry)


def rest(place: Path, session: str = SESSION) -> dict[str | None, tuple[Usage, int | None]]:
    found = corrections(place)[session].calls
    return {call.model: (call.usage, cost_of(call, None)) for call in found}


def test_bill_that_the_calls_explain_corrects_nothing(tmp_path: Path) -> None:
    # 1,000 x $5 + 2,000 x $0.50 + 400 x $25 a million = $0.016
    lines = [prompt(0), answer(1, [1000, 2000, 0, 0, 400])]
    write(tmp_path / "s.jsonl", [*lines, bill(claude_opus_4_6=row(1000, 2000, 0, 400, 0.016))])
    assert rest(tmp_path) == {}


def test_recorded_bill_is_what_its_calls_cost(shared: Path) -> None:
    found = corrections(shared / "data/newer/claude-code/2.1.283-ordinary")
    assert [each.calls for each in found.values()] == [()]


def test_helper_model_that_no_line_shows_is_one_correction(tmp_path: Path) -> None:
    lines = [prompt(0), answer(1, [1000, 2000, 0, 0, 400])]
    models = {
        "claude_opus_4_6": row(1000, 2000, 0, 400, 0.016),
        "claude_haiku_4_5": row(300, 0, 0, 20, 0.0004),
    }
    write(tmp_path / "s.jsonl", [*lines, bill(**models)])
    assert rest(tmp_path) == {HAIKU: (Usage(tokens_in=300, tokens_out=20), 400_000)}


def test_subagents_output_is_the_bills_and_their_calls_are_in_it(tmp_path: Path) -> None:
    own = {"isSidechain": True, "agentId": "a1"}
    write(
        tmp_path / f"{SESSION}.jsonl",
        [
            prompt(0),
            answer(1, [10, 0, 0, 0, 40]),
            # 10 + 20 in, 40 + 700 out: the line below keeps the count of the answer's beginning
            bill(claude_opus_4_6=row(30, 0, 0, 740, 0.01865)),
        ],
    )
    agent = [prompt(2, "t", **own), answer(3, [20, 0, 0, 0, 2], identity="m2", **own)]
    write(tmp_path / SESSION / "subagents" / "agent-a1.jsonl", agent)
    # $0.01865 - (30 x $5 + 42 x $25) / 10^6 = $0.01745
    assert rest(tmp_path) == {OPUS: (Usage(tokens_out=698), 17_450_000)}


def test_last_bill_wins_and_none_is_added_to_another(tmp_path: Path) -> None:
    first, last = row(5, 0, 0, 0, 0.001), row(9, 0, 0, 0, 0.002)
    lines = [prompt(0), bill(claude_haiku_4_5=first), bill(claude_haiku_4_5=last)]
    write(tmp_path / "s.jsonl", [*lines, bill(claude_haiku_4_5=last)])
    assert rest(tmp_path) == {HAIKU: (Usage(tokens_in=9), 2_000_000)}


def test_zeros_after_a_crash_are_no_bill(tmp_path: Path) -> None:
    lines = [prompt(0), bill(claude_haiku_4_5=row(9, 0, 0, 0, 0.002)), bill()]
    write(tmp_path / "s.jsonl", lines)
    assert rest(tmp_path) == {HAIKU: (Usage(tokens_in=9), 2_000_000)}


def test_bill_that_lags_behind_takes_nothing_back(tmp_path: Path) -> None:
    lines = [
        prompt(0),
        answer(1, [10, 0, 0, 0, 10]),
        bill(claude_opus_4_6=row(10, 0, 0, 10, 0.0003)),
        answer(2, [10, 0, 0, 0, 10], identity="m2", request="r2"),
    ]
    write(tmp_path / "s.jsonl", lines)
    assert rest(tmp_path) == {}


def test_what_is_later_than_a_bill_is_added_to_it(tmp_path: Path) -> None:
    later = [answer(n, [10, 0, 0, 0, 10], identity=f"m{n}", request=f"r{n}") for n in (5, 6)]
    # Twice the call is in the bill: once shown, once not. The later calls are in none.
    lines = [
        prompt(0),
        answer(1, [10, 0, 0, 0, 10]),
        bill(claude_opus_4_6=row(20, 0, 0, 20, 0.0006)),
        *later,
    ]
    write(tmp_path / "s.jsonl", lines)
    assert rest(tmp_path) == {OPUS: (Usage(tokens_in=10, tokens_out=10), 300_000)}


def test_forks_bill_holds_its_ancestors_and_is_not_added_to_theirs(tmp_path: Path) -> None:
    shared = [prompt(0), answer(1, [10, 0, 0, 0, 10])]
    parent = bill(claude_opus_4_6=row(10, 0, 0, 10, 0.0003), claude_haiku_4_5=row(4, 0, 0, 0, 0.01))
    write(tmp_path / f"{SESSION}.jsonl", [*shared, parent])
    copied = [{**line, "sessionId": FORK, "forkedFrom": {"sessionId": SESSION}} for line in shared]
    own = answer(60, [7, 0, 0, 0, 7], identity="m9", request="r9")
    whole = bill(
        FORK, claude_opus_4_6=row(17, 0, 0, 17, 0.00051), claude_haiku_4_5=row(6, 0, 0, 0, 0.015)
    )
    write(tmp_path / f"{FORK}.jsonl", [*copied, {**own, "sessionId": FORK}, whole])
    assert rest(tmp_path) == {HAIKU: (Usage(tokens_in=4), 10_000_000)}
    assert rest(tmp_path, FORK) == {HAIKU: (Usage(tokens_in=2), 5_000_000)}


def test_forks_bill_leaves_out_the_subagents_of_its_ancestor(tmp_path: Path) -> None:
    shared = [prompt(0), answer(1, [10, 0, 0, 0, 10])]
    own = {"isSidechain": True, "agentId": "a1"}
    write(tmp_path / f"{SESSION}.jsonl", shared)
    agent = [prompt(2, "t", **own), answer(3, [100, 0, 0, 0, 0], identity="m2", **own)]
    write(tmp_path / SESSION / "subagents" / "agent-a1.jsonl", agent)
    copied = [{**line, "sessionId": FORK} for line in shared]
    whole = bill(FORK, claude_opus_4_6=row(110, 0, 0, 10, 0.0008))
    write(tmp_path / f"{FORK}.jsonl", [*copied, prompt(60, "own", sessionId=FORK), whole])
    assert rest(tmp_path, FORK) == {}


@pytest.mark.parametrize(
    ("line", "cost"),
    [
        (bill(claude_haiku_4_5=row(1000, 0, 0, 0, 0.7)), 700_000_000),
        (bill(claude_haiku_4_5=row(1000, 0, 0, 0, 0.7, costBasis="unknown")), 1_000_000),
        (bill(unknown=True, claude_haiku_4_5=row(1000, 0, 0, 0, 0.7)), 1_000_000),
        (bill(claude_haiku_4_5=row(1000, 0, 0, 0, None)), 1_000_000),
        (bill(nobodys_model=row(1000, 0, 0, 0, 0.7, costBasis="unknown")), None),
    ],
)
def test_cost_that_the_agent_guessed_is_the_list_price_or_unknown(
    line: dict[str, Any], cost: int | None, tmp_path: Path
) -> None:
    write(tmp_path / "s.jsonl", [prompt(0), line])
    [(usage, priced)] = rest(tmp_path).values()
    assert (usage, priced) == (Usage(tokens_in=1000), cost)


def test_model_with_the_size_of_its_window_is_the_model_of_the_calls(tmp_path: Path) -> None:
    models = {"claude-opus-4-6[1m]": row(10, 0, 0, 10, 0.0003)}
    lines = [prompt(0), answer(1, [10, 0, 0, 0, 10]), {**bill(), "modelUsage": models}]
    write(tmp_path / "s.jsonl", lines)
    assert rest(tmp_path) == {}


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ("none", "modelUsage is 'none'; expected an object"),
        ({"m": 3}, "modelUsage.'m' is 3; expected an object"),
        ({"m": {"inputTokens": -1}}, "modelUsage.'m'.inputTokens is -1; expected a whole number"),
        ({"m": {"costUSD": "free"}}, "modelUsage.'m'.costUSD is 'free'; expected dollars"),
        ({"m": {"costUSD": 1e300}}, "modelUsage.'m'.costUSD is 1e+300; expected dollars"),
        ({"": {}}, "a model of modelUsage is ''; expected 1-200 printable characters"),
    ],
)
def test_bill_that_cannot_be_read_is_told_of_and_the_calls_stay(
    models: object, words: str, tmp_path: Path
) -> None:
    lines = [prompt(0), answer(1, [10, 0, 0, 0, 10]), {**bill(), "modelUsage": models}]
    write(tmp_path / "s.jsonl", lines)
    [line] = broken(event for _, event in happened(tmp_path))
    assert words in line.reason
    assert corrections(tmp_path) == {}


@given(shown=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=6))
def test_calls_and_correction_are_the_bill_whatever_part_the_lines_show(
    shown: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("bill")
    calls = [
        answer(n + 1, [given, 0, 0, 0, out], identity=f"m{n}", request=f"r{n}")
        for n, (given, out) in enumerate(shown)
    ]
    given, out = (sum(each) + 3 for each in zip(*shown, strict=True))
    usd = (given * 5 + out * 25) / 10**6
    whole = json.loads(json.dumps(bill(claude_opus_4_6=row(given, 0, 0, out, usd))))
    write(place / "s.jsonl", [prompt(0), *calls, whole])
    assert rest(place) == {OPUS: (Usage(tokens_in=3, tokens_out=3), 90_000)}
    assert corrections(place, backwards=True) == corrections(place)
