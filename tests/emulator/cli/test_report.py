"""`tachograph report`: what it says equals what the documents say, at a read for each period."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from google.cloud import firestore

from counting.contribution import contribution
from events.change import Version
from publishing.rollups import publish
from support.cli import run
from support.wire.meter import metered
from tachograph_cli.local.stack import Stack
from tachograph_cli.main import main
from tachograph_cli.report.published import latest
from tachograph_cli.report.report import as_json, report
from tachograph_schema.counters.cells import add_up
from tachograph_schema.counters.derived import interval
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.rollup import Rollup, Shard
from tachograph_schema.paths import TASKS, shard_id
from tachograph_schema.periods import hour_of

FIRST = datetime(2026, 2, 2, 9, tzinfo=UTC)
_PARTS = ("root_first", "subtasks_first", "retry", "coordination")
_MODELS = ("claude-opus-4-6", "claude-sonnet-4-5", "gpt-5-mini", "nobody-knows-it")


def _task(n: int) -> dict[str, Any]:
    """Make a task that differs from the others in everything that is reported."""
    cost = None if n % 7 == 3 else (n * 37 % 101 + 1) * 10_000_000
    fields = {
        "status": "failed" if n % 5 == 4 else "completed",
        "model": _MODELS[n % 4],
        "task_type": "coordination" if n % 11 == 0 else ("build", "test")[n % 2],
        "agent_id": f"agent-{n % 6}",
        "tokens_in": 100 * n,
        "cache_read_tokens": 900 * n,
        "tokens_out": n,
        "llm_calls": 2,
        "duration_ms": 1000 * n + 1,
        "attempt_kind": ("first", "first", "retry", "rotation")[n % 4],
        "retries": n % 3,
        "retry_cost_nanousd": 1_000_000 * (n % 3) if cost else None,
        "cost_nanousd": cost,
        "parent_task_id": "asked-for" if n % 3 == 1 else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _publish(db: firestore.Client, fleet: str, days: int = 3) -> list[dict[str, Any]]:
    """Count tasks of some days as the functions would, and publish them; return the tasks."""
    tasks = []
    for day in range(days):
        at = FIRST + timedelta(days=2 * day)
        made = [_task(60 * day + n) for n in range(1, 60)]
        cells = add_up(contribution(TASKS, Version(t, "", at), Fleet()).cells for t in made)
        shard = Shard(hour=hour_of(at), dirty=True, c=cells)
        db.document("fleets", fleet, "shards", shard_id(0, shard.hour)).set(shard.model_dump())
        tasks += made
    publish(db, fleet)
    return tasks


def _run(*arguments: str) -> str:
    outcome = CliRunner().invoke(main, list(arguments), env={"COLUMNS": "100"})
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_numbers_are_those_of_the_documents(db: firestore.Client, fleet_name: str) -> None:
    tasks = _publish(db, fleet_name)
    content = json.loads(_run("report", "--fleet", fleet_name, "--json"))
    total, derived = content["total"]["counters"], content["total"]["derived"]
    done = [task for task in tasks if task["status"] == "completed"]
    cost_nanousd = sum(task.get("cost_nanousd", 0) for task in tasks)
    assert total["tasks_completed"] == len(done)
    assert total["tasks_failed"] == len(tasks) - len(done)
    assert total["cost_reported_nanousd"] == cost_nanousd
    # What agents did not tell was priced, where a price is known.
    assert total["cost_nanousd"] == cost_nanousd + total["cost_priced_nanousd"]
    building = [task for task in done if task["task_type"] != "coordination"]
    asked = [task for task in building if "parent_task_id" not in task]
    assert derived["cost_per_completed_usd"] == total["cost_nanousd"] / 1e9 / len(asked)
    assert total["subtasks_completed"] == len(building) - len(asked)
    assert sum(total[f"{part}_cost_nanousd"] for part in _PARTS) == total["cost_nanousd"]
    assert derived["success_rate"] == len(done) / len(tasks)
    unknown = [t for t in tasks if "cost_nanousd" not in t and t["model"] == "nobody-knows-it"]
    assert total["unpriced_calls"] == 2 * len(unknown)
    assert total["tasks_completed_unpriced"] == sum(t["status"] == "completed" for t in unknown)
    assert total["retry_cost_nanousd"] == sum(t.get("retry_cost_nanousd", 0) for t in tasks)
    assert content["overheads"]["retry"]["n"] == sum(t["retries"] for t in tasks)
    models = {line["name"]: line["counters"] for line in content["models"]}
    for model in _MODELS:
        mine = [t for t in tasks if t["model"] == model]
        assert models[model]["cache_read_tokens"] == sum(t["cache_read_tokens"] for t in mine)
    types = {line["name"]: line for line in content["task_types"]}
    assert types["test"]["counters"]["tasks_failed"] == sum(
        t["task_type"] == "test" and t["status"] == "failed" for t in tasks
    )
    assert content["coordination"] == types["coordination"]
    retried = [t["status"] == "completed" for t in tasks if t["attempt_kind"] == "retry"]
    assert content["outcomes"]["retry"]["n"] == len(retried)
    assert (content["outcomes"]["retry"]["low"], content["outcomes"]["retry"]["high"]) == interval(
        sum(retried), len(retried)
    )
    assert sum(line["derived"]["cost_share"] for line in content["tiers"]) == pytest.approx(1)


def test_json_is_a_recomputation_from_the_published_documents(
    db: firestore.Client, fleet_name: str
) -> None:
    _publish(db, fleet_name)
    printed = json.loads(_run("report", "day", "--last", "2", "--fleet", fleet_name, "--json"))
    rollups = db.collection("fleets", fleet_name, "rollups")
    days = [
        Rollup.model_validate(rollups.document(f"day_{day}").get().to_dict())
        for day in ("2026-02-04", "2026-02-06")
    ]
    assert printed == json.loads(json.dumps(as_json(report(fleet_name, days))))
    one = json.loads(_run("report", "day", "2026-02-04", "--fleet", fleet_name, "--json"))
    assert one["total"]["percentiles"] == days[0].percentiles["fleet"]
    assert days[0].ratios["fleet"].items() <= one["total"]["derived"].items()
    assert one["outcomes"] == days[0].outcomes


def test_hours_days_and_weeks_of_the_same_work_say_the_same(
    db: firestore.Client, fleet_name: str
) -> None:
    _publish(db, fleet_name)
    grains = [
        json.loads(_run("report", grain, "--last", "9", "--fleet", fleet_name, "--json"))
        for grain in ("hour", "day", "week")
    ]
    assert [content["periods"] for content in grains][2] == ["2026-W06"]
    for name in ("total", "models", "task_types", "concentration", "outcomes"):
        assert grains[0][name] == grains[1][name] == grains[2][name]


def test_report_reads_one_document_for_each_period_in_one_query(
    emulator: Stack, db: firestore.Client, fleet_name: str
) -> None:
    _publish(db, fleet_name, days=5)
    with metered(emulator.address("firestore")) as meter, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", meter.address)
        client = firestore.Client(project=db.project, credentials=db._credentials)
        assert len(latest(client, fleet_name, "day", 4)) == 4
        assert [name for name, _ in meter.take()] == ["RunQuery"]
        client.close()


def test_page_fits_the_terminal_and_says_the_headline(
    db: firestore.Client, fleet_name: str
) -> None:
    _publish(db, fleet_name)
    page = _run("report", "--fleet", fleet_name)
    assert "3 days with work, 2–6 Feb" in page  # noqa: RUF001 - the dash of a range
    assert "per completed task" in page
    assert "true to naive" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "day", "2026-02"], "expected a day, such as 2026-02-16"),
        (["report", "day", "2026-02-05"], "the last before it with work is 2026-02-04"),
        (["report", "hour", "2026-01-01T00"], "nor before it"),
        (["report", "month"], "'month' is not one of"),
        (["report", "day", "2026-02-30"], "PERIOD is '2026-02-30'; expected a day, such as"),
        (["report", "week", "2026-W60"], "PERIOD is '2026-W60'; expected a week, such as"),
    ],
)
def test_period_without_work_is_told_with_the_one_before(
    db: firestore.Client, fleet_name: str, arguments: list[str], words: str
) -> None:
    _publish(db, fleet_name, days=2)
    outcome = CliRunner().invoke(main, [*arguments, "--fleet", fleet_name])
    assert outcome.exit_code != 0
    assert words in " ".join(outcome.output.split())


def test_work_that_is_counted_and_not_published_is_told(
    db: firestore.Client, fleet_name: str
) -> None:
    hour = "2026-02-04T10"
    shard = db.document("fleets", fleet_name, "shards", shard_id(0, hour))
    waiting = {"hour": hour, "dirty": True, "c": {}}
    shard.set(waiting)
    outcome = run("report", "--fleet", fleet_name)
    assert outcome.exit_code == 1
    assert "is counted, and nothing of it is published yet" in " ".join(outcome.output.split())
    _publish(db, fleet_name, days=2)
    assert "Newer work" not in _run("report", "--fleet", fleet_name)
    shard.set(waiting)
    assert "Newer work is counted and not in here yet" in _run("report", "--fleet", fleet_name)
    assert "Newer work" not in _run("report", "day", "2026-02-02", "--fleet", fleet_name)
