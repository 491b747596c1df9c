"""The health page in a browser: contexts, handoffs, collisions, latencies and cliffs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from support.fleets.history import baseline, hours, incident
from support.page import number, panel, word
from tachograph_schema.counters.sketch import bucket_index, bucket_value

if TYPE_CHECKING:
    from support.fleets.documents import FleetDocuments, Look

HEALTH = "&page=health"
TO = "\N{EN DASH}"


def test_a_write_changes_the_right_number_on_the_health_page(
    fleet: FleetDocuments, look: Look
) -> None:
    fleet.now()
    page = look(fleet.name, query=HEALTH)
    expect(number(page, "backlog")).to_have_text("3messages unread")
    expect(panel(page, "handoffs")).to_contain_text("No session has handed over in this range")
    expect(panel(page, "latency")).to_contain_text("No task was claimed")

    fleet.now(messages_pending=8, context_histogram=[4, 0, 0, 0, 0, 0, 0, 0, 0, 4])
    expect(number(page, "backlog")).to_have_text("8messages unread")
    expect(panel(page, "context-over-time")).to_contain_text("4 of 8 below 40% now")

    hours(fleet, "builder-1", [0, 1])
    gaps = panel(page, "handoffs").locator("tbody .value")
    # Twice three gaps of 12 s and one of 90 s.
    expect(gaps.nth(0)).to_have_text(f"{bucket_value(bucket_index(12_000)) / 1000:.1f} s")
    slowest_s = round(bucket_value(bucket_index(90_000)) / 1000)
    expect(gaps.nth(1)).to_have_text(f"{slowest_s // 60}m {slowest_s % 60:02}s")
    expect(panel(page, "handoffs")).to_contain_text("75% of 8 in time")
    expect(page.locator("[data-measure=message] td").nth(0)).to_have_text("16")
    expect(page.locator("[data-measure=dispatch] td").nth(0)).to_have_text("20")
    expect(panel(page, "incidents")).to_contain_text("6 incidents in this range")


def test_rotations_are_timed_from_being_told_to_a_successor_at_work(
    fleet: FleetDocuments, look: Look
) -> None:
    signalled_at = datetime.now(UTC) - timedelta(minutes=5)
    page = look(fleet.name, query=HEALTH)
    for n, took in enumerate((20, 30, 70)):
        done = {"status": "completed", "completed_at": signalled_at + timedelta(seconds=took)}
        fleet.signal(f"s{n}", created_at=signalled_at, **done)
    fleet.signal("still", created_at=signalled_at)
    expect(number(page, "handoffs")).to_have_text("30.0 s")
    expect(panel(page, "handoffs")).to_contain_text("latest 3 rotations")


def test_cliff_is_drawn_with_what_it_rests_on_or_what_is_missing(
    fleet: FleetDocuments, look: Look
) -> None:
    page = look(fleet.name, query=HEALTH)
    cliffs = panel(page, "cliffs")
    expect(cliffs).to_contain_text("Not enough tasks have ended")
    baseline(fleet, "fix")
    baseline(fleet, "docs", status="too_few", needs_below=17, needs_above=4)
    expect(cliffs.locator("li")).to_have_count(2)
    fix, docs = cliffs.locator("li").nth(0), cliffs.locator("li").nth(1)
    expect(fix).to_contain_text(f"ends worse below 40% (30{TO}50%)")
    expect(fix).to_contain_text("150 ended, 60 below 40%, 90 above")
    expect(fix.locator(".threshold")).to_have_count(1)
    expect(fix.locator("circle")).to_have_count(10)
    expect(docs).to_contain_text("too few to tell; needs 17 below and 4 above 40%")
    expect(docs.locator(".threshold")).to_have_count(0)


def test_context_over_time_is_of_the_hours_first_snapshots(
    fleet: FleetDocuments, look: Look
) -> None:
    hours(fleet, "builder-1", [1, 2, 5])
    # Of the same hours, later: the fleet takes one every ten seconds.
    for n in range(3):
        at = datetime.now(UTC) - timedelta(hours=2, seconds=n)
        fleet.put("snapshots", f"later-{n}", at=at, context_histogram=[9] * 10)
    fleet.now()
    page = look(fleet.name, query=HEALTH)
    heat = panel(page, "context-over-time").get_by_role("img")
    expect(heat).to_have_attribute(
        "aria-label", "Open sessions by context left over 4 hours; now 7 of 22 are below 40%"
    )
    heat.focus()
    page.keyboard.press("Home")
    expect(panel(page, "context-over-time").locator("figcaption")).to_contain_text(
        f"2 at 10{TO}20%"
    )


def test_incident_is_listed_with_whom_it_concerns(fleet: FleetDocuments, look: Look) -> None:
    page = look(fleet.name, query=HEALTH)
    expect(panel(page, "incidents")).to_contain_text("No agent has run into another")
    incident(fleet, "one", kind="branch_contamination", branch="main", task_id=None)
    line = panel(page, "incidents").locator("li")
    expect(line).to_contain_text("branch contamination")
    expect(line).to_contain_text("builder-1 and builder-2")
    expect(line).to_contain_text("main")
    line.get_by_role("link", name="builder-1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("builder-1")


def test_throughput_is_set_against_the_agents_at_work(fleet: FleetDocuments, look: Look) -> None:
    start = datetime.now(UTC) - timedelta(minutes=10)
    page = look(fleet.name, query=HEALTH)
    fleet.now(
        rings={
            "at_ms": [round((start + timedelta(minutes=n)).timestamp() * 1000) for n in range(11)],
            "parallel_agents": [2] * 5 + [4] * 6,
            "tasks_completed": [*range(0, 10, 2), *range(10, 34, 4)],
        }
    )
    expect(panel(page, "workers")).to_contain_text("most with 4")
    expect(panel(page, "workers").locator("circle")).to_have_count(10)


def test_fleet_that_has_done_nothing_yet_has_no_zero_on_the_health_page(
    fleet: FleetDocuments, look: Look
) -> None:
    page = look(fleet.name, query=HEALTH)
    expect(word(page)).to_have_text("live")
    expect(page.locator(".empty")).to_have_count(7)
    expect(page.locator("main .number")).to_have_count(0)
