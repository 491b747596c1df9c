"""Trajectories of SWE-agent: the totals of a run are one record of its number of calls."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.cli import run
from support.fleets.transcripts import Record, broken, buckets, calls, happened
from tachograph_cli.replay.estimates import added
from tachograph_cli.replay.transcripts.events import Event, ModelCall, TurnEnded
from tachograph_schema.usage import Usage

STATS = {"instance_cost": 0.5, "tokens_sent": 1000, "tokens_received": 20, "api_calls": 4}


def trajectory(stats: object = STATS, steps: int = 4, **more: Any) -> Record:  # noqa: ANN401
    info = {"exit_status": "submitted", "model_stats": stats}
    return {"info": info, "trajectory": [{"action": f"a{n}"} for n in range(steps)], **more}


def events(place: Path, document: object, name: str = "case-1.traj") -> list[Event]:
    text = document if isinstance(document, str) else json.dumps(document)
    (place / name).write_text(text)
    return [event for _, event in happened(place)]


def test_recorded_runs_are_one_record_each_at_their_own_cost(shared: Path) -> None:
    found = [event for _, event in happened(shared / "data/swe-agent")]
    rows = sorted(
        (call.calls[0].calls, *buckets(call.usage), call.calls[0].cost_nanousd)
        for call in calls(found)
        if call.calls[0].readable
    )  # fmt: skip
    assert rows == [
        (5, 7_141, 0, 0, 0, 243, 19_520_000),
        (5, 52_861, 0, 0, 0, 326, 538_390_000),
        (12, 122_612, 0, 0, 0, 1_369, 1_267_190_000),
    ]
    assert not any(call.fills_context for call in calls(found))
    # A replay of 13 calls counted neither tokens nor cost: they are unknown.
    [unknown] = [call.calls[0] for call in calls(found) if not call.calls[0].readable]
    assert (unknown.calls, unknown.usage, unknown.cost_nanousd) == (13, Usage(), None)
    assert any("instance_cost is 0" in line.reason for line in broken(found))


def test_running_total_over_the_runs_of_a_batch_is_no_runs_cost(tmp_path: Path) -> None:
    [call] = calls(events(tmp_path, trajectory({**STATS, "total_cost": 9.5})))
    assert (call.calls[0].cost_nanousd, call.calls[0].calls) == (500_000_000, 4)
    (tmp_path / "case-1.traj").unlink()
    without = {name: n for name, n in STATS.items() if name != "instance_cost"}
    [call] = calls(events(tmp_path, trajectory({**without, "total_cost": 9.5}), "case-2.traj"))
    assert (call.calls[0].cost_nanousd, call.calls[0].readable) == (None, False)


def test_model_is_known_where_the_run_records_its_configuration(tmp_path: Path) -> None:
    config = json.dumps({"agent": {"model": {"name": "claude-sonnet-4-5"}}})
    [call] = calls(events(tmp_path, trajectory(replay_config=config)))
    assert call.model == "claude-sonnet-4-5"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("submitted", "completed"),
        ("submitted (exit_cost)", "completed"),
        ("exit_context", "failed"),
        (None, None),
    ],
)
def test_run_ends_as_it_says(status: str | None, outcome: str | None, tmp_path: Path) -> None:
    document = trajectory()
    document["info"]["exit_status"] = status
    ends = [event for event in events(tmp_path, document) if isinstance(event, TurnEnded)]
    assert [end.outcome for end in ends] == ([outcome] if outcome else [])


def test_run_that_has_grown_adds_its_new_calls_and_their_cost(tmp_path: Path) -> None:
    before = {"instance_cost": 0.25, "tokens_sent": 400, "tokens_received": 8, "api_calls": 2}
    (tmp_path / "old").mkdir()
    (tmp_path / "old/case-1.traj").write_text(json.dumps(trajectory(before, 2)))
    found = events(tmp_path, trajectory())
    grown = [call for event in found if isinstance(event, ModelCall) for call in added(event)]
    assert sum(call.calls for call in grown) == 4
    assert sum((call.usage for call in grown), Usage()) == Usage(tokens_in=1000, tokens_out=20)
    assert sum(call.cost_nanousd or 0 for call in grown) == 500_000_000


def test_run_without_times_is_dated_by_its_file_and_says_so(tmp_path: Path) -> None:
    events(tmp_path, trajectory())
    os.utime(tmp_path / "case-1.traj", (1_700_000_000, 1_700_000_000))
    found = [event for _, event in happened(tmp_path)]
    assert calls(found)[0].at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert [line.reason[:19] for line in broken(found)] == ["no call has a time;"]


TEXT = json.dumps(trajectory())
DAMAGE = [
    ("cut off behind the numbers", TEXT[: TEXT.index("trajectory")], (4, 1000, 20, 500)),
    ("cut off in the numbers", TEXT[: TEXT.index("20, ")], (1, 1000, 0, 500)),
    ("a bad byte in a step", TEXT.replace('"a1"', '"a1" \x02'), (4, 1000, 20, 500)),
    ("no number of calls", trajectory({**STATS, "api_calls": None}), (4, 1000, 20, 500)),
    ("no calls, but tokens", trajectory({**STATS, "api_calls": 0}), (4, 1000, 20, 500)),
    ("text for a count", trajectory({**STATS, "tokens_sent": "x"}), (4, 0, 20, 500)),
    ("a giant count", trajectory({**STATS, "tokens_sent": 10**40}), (4, 0, 20, 500)),
    ("a giant cost", trajectory({**STATS, "instance_cost": 1e300}), (4, 1000, 20, None)),
    ("a negative cost", trajectory({**STATS, "instance_cost": -1}), (4, 1000, 20, None)),
    ("no numbers at all", trajectory(None), (4, 0, 0, None)),
]


@pytest.mark.parametrize(
    ("document", "kept"), [case[1:] for case in DAMAGE], ids=[case[0] for case in DAMAGE]
)
def test_damage_costs_no_more_than_its_own_place(
    document: object, kept: tuple[object, ...], tmp_path: Path
) -> None:
    found = events(tmp_path, document)
    [call] = [call.calls[0] for call in calls(found)]
    cost = call.cost_nanousd
    millions = None if cost is None else cost // 10**6
    assert (call.calls, call.usage.tokens_in, call.usage.tokens_out, millions) == kept
    assert broken(found)


def test_usage_says_how_many_calls_a_record_stands_for(tmp_path: Path) -> None:
    events(tmp_path, trajectory())
    events(tmp_path, trajectory({**STATS, "instance_cost": 0}), "case-2.traj")
    total = json.loads(run("usage", str(tmp_path), "--json").stdout)["total"]
    assert (total["calls"], total["unpriced_calls"], total["unpriced_tokens"]) == (8, 4, 1020)
    page = run("usage", str(tmp_path)).stdout
    assert "reported" in page
    assert "4 calls" in page


def test_runs_of_one_instance_that_begin_alike_are_two_runs(tmp_path: Path) -> None:
    for folder, cost, last in (("a", 0.5, "fix"), ("b", 0.7, "give up")):
        run_of = trajectory({**STATS, "instance_cost": cost}, steps=4)
        run_of["trajectory"].append({"action": last})
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "case-1.traj").write_text(json.dumps(run_of))
    found = calls(event for _, event in happened(tmp_path))
    assert sorted(call.calls[0].cost_nanousd or 0 for call in found) == [500_000_000, 700_000_000]


def test_copy_and_later_state_of_a_run_are_one_run(tmp_path: Path) -> None:
    states = (
        (5, {**STATS, "instance_cost": 0.5}),
        (9, {**STATS, "instance_cost": 0.9, "api_calls": 9}),
    )
    for folder, (steps, stats) in zip("abc", [*states, states[1]], strict=True):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "case-1.traj").write_text(json.dumps(trajectory(stats, steps)))
    [call] = calls(event for _, event in happened(tmp_path))
    assert (call.calls[0].calls, call.calls[0].cost_nanousd) == (9, 900_000_000)
