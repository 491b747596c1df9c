"""tachograph top: what is drawn of a fleet's documents, at any width."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core.exceptions import InternalServerError, PermissionDenied
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from support.fleets import documents
from tachograph_cli.terminal import fmt
from tachograph_cli.terminal.shown import shortened
from tachograph_cli.top.frame import frame
from tachograph_cli.top.listeners import words
from tachograph_cli.top.sparklines import context_bar, latest, left_style, per_second, sparkline
from tachograph_cli.top.view import (
    SORTS,
    Row,
    View,
    age,
    next_sort,
    ranked,
    read_policy,
    read_row,
)
from tachograph_schema.documents.fleet import RotationPolicy

_NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
_CLIFF = "nearest to its cliff"


def _row(session: str = "s-1", policy: RotationPolicy | None = None, **fields: Any) -> Row:  # noqa: ANN401
    return read_row(session, {"state": "active", **fields}, policy or RotationPolicy())


def _view(**changed: Any) -> View:  # noqa: ANN401 - a view's
    rnd = random.Random(7)  # noqa: S311 - the same fleet every time
    sessions = list(documents.sessions(_NOW, rnd))
    rows = [_row(name, **fields) for name, fields in sessions if fields["state"] != "completed"]
    signals = [
        {"kind": "rotate", **documents.signal(n, fields, _NOW)}
        for n, (_, fields) in enumerate(sessions)
        if fields["context_remaining_pct"] <= 35
    ]
    live = {**documents.snapshot(_NOW), "rings": documents.rings(_NOW, rnd), "utilisation": 0.545}
    return View(**{"fleet": "acme", "live": live, "rows": rows, "signals": signals, **changed})


def _drawn(view: View, width: int = 80, height: int | None = None, sort: str = _CLIFF) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(frame(view, sort, width, height, _NOW))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 151, 152, 200, 300])
@pytest.mark.parametrize("height", [16, 24, 40, 60])
def test_page_fills_no_more_than_the_terminal(width: int, height: int) -> None:
    lines = _drawn(_view(), width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [80, 200])
def test_page_tells_the_fleet_its_sessions_and_its_signals(width: int) -> None:
    page = "\n".join(_drawn(_view(), width))
    for words_there in (
        "acme",
        "22 sessions  ● 12 active  ● 4 waiting  ● 2 stuck  ● 1 error  ● 3 idle",
        "55% in use",
        "$30.92",
        "41, 4m 12s",
        "builder-04",
        "gpt-5.2-co",
        "latest signals",
        "pending",
        "q quits  s sorts: nearest to its cliff",
    ):
        assert words_there in page


def test_sessions_nearest_to_their_own_threshold_come_first() -> None:
    policy = RotationPolicy(by_model={"small": 60})
    rows = [
        _row("silent"),
        _row("far", policy, context_remaining_pct=70),
        _row("near", policy, context_remaining_pct=64, model="small"),
        _row("below", policy, context_remaining_pct=20),
        _row("tokens", policy, context_used_tokens=90, context_window_tokens=100),
    ]
    order = [row.session_id for row in ranked(rows, _CLIFF)]
    assert order == ["tokens", "below", "near", "far", "silent"]


def test_key_goes_through_all_orders_and_back_to_the_first() -> None:
    seen, sort = [], _CLIFF
    for _ in SORTS:
        seen.append(sort)
        sort = next_sort(sort)
    assert (sorted(seen), sort) == (sorted(SORTS), _CLIFF)
    rows = [
        _row("a", cost_nanousd=5, last_progress_at=_NOW, agent_id="z"),
        _row("b", cost_nanousd=9, last_progress_at=_NOW - timedelta(hours=1), agent_id="y"),
    ]
    for sort, first in (("costliest", "b"), ("longest without progress", "b"), ("agent", "b")):
        assert ranked(rows, sort)[0].session_id == first


def test_rows_that_do_not_fit_are_told_of() -> None:
    lines = _drawn(_view(), 80, 24)
    assert lines[-1].rstrip().endswith("of 22 sessions")
    assert "of 22" not in _drawn(_view(), 80, 60)[-1]


def test_session_is_what_functions_found_it_to_be_until_it_moves_on() -> None:
    then, found = _NOW - timedelta(hours=1), {"effective_state": "stuck"}
    assert _row(last_progress_at=then, effective_progress_at=then, **found).state == "stuck"
    assert _row(last_progress_at=_NOW, effective_progress_at=then, **found).state == "active"
    idle = _row(state="idle", last_progress_at=then, effective_progress_at=then, **found)
    assert idle.state == "idle"


def test_session_with_fields_that_do_not_parse_is_drawn_without_them() -> None:
    rows = [_row("odd", context_remaining_pct="much", cost_nanousd=-1, agent_id=7, task_id="T-1")]
    page = "\n".join(_drawn(_view(rows=rows)))
    assert "odd" in page
    assert "T-1" in page


def test_policy_that_does_not_parse_is_the_default() -> None:
    assert read_policy({}) == RotationPolicy()
    assert read_policy({"rotation": {"rotate_below_pct": "low"}}) == RotationPolicy()
    assert read_policy({"rotation": {"rotate_below_pct": 50}}).rotate_below_pct == 50


def test_what_is_denied_is_told_where_it_would_be() -> None:
    denied = words(PermissionDenied("7 PERMISSION_DENIED: no"))
    errors = dict.fromkeys(("live", "sessions", "signals"), denied)
    lines = _drawn(View("acme", errors=errors))
    page = "\n".join(lines)
    for source in ("live/now", "sessions", "signals"):
        assert f"{source}: denied; the identity you look with may not read this fleet" in page
    assert "No session" not in page


def test_weather_says_that_it_is_tried_again() -> None:
    assert words(InternalServerError("oh")) == "oh; tried again in 10 s"


def test_fleet_that_has_not_answered_yet_is_not_called_empty() -> None:
    page = "\n".join(_drawn(View("acme", pending=frozenset({"live", "sessions", "signals"}))))
    assert "No session" not in page
    assert page.count("Listening ...") == 3


def test_fleet_without_anything_says_what_comes_first() -> None:
    page = "\n".join(_drawn(View("acme")))
    assert "the first tick writes it" in page
    assert "No session is open." in page
    assert "No session was told anything." in page


def test_lost_connection_and_missing_ticks_are_told_in_place() -> None:
    assert (
        "● offline since 12:20:00" in _drawn(_view(offline_since=_NOW - timedelta(minutes=10)))[0]
    )
    old = {**_view().live, "at": _NOW - timedelta(minutes=7)}
    assert "● no tick for 7m 00s" in _drawn(_view(live=old))[0]
    assert "no tick" not in _drawn(_view())[0]


@given(st.floats(0, 100), st.floats(0, 100), st.integers(1, 60))
def test_bar_is_as_long_as_asked_and_shows_what_is_left(
    pct: float, threshold: float, chars: int
) -> None:
    bar = context_bar(pct, threshold, chars).plain
    assert len(bar) == chars
    assert bar.count("┃") + bar.count("╏") == 1
    filled = bar.count("━") + bar.count("┃")
    assert abs(filled - pct / 100 * chars) <= 1


@pytest.mark.parametrize(
    ("pct", "colour"),
    [
        (41, "green"),
        (40, "yellow"),
        (35, "dark_orange"),
        (20, "bold red"),
        (5, "bold white on red"),
    ],
)
def test_colour_changes_at_forty_thirty_five_twenty_and_five(pct: float, colour: str) -> None:
    assert left_style(pct) == colour


@given(st.lists(st.none() | st.floats(0, 1e12), max_size=80), st.integers(0, 70))
def test_sparkline_is_as_long_as_asked_and_highest_at_the_highest(
    values: list[float | None], chars: int
) -> None:
    drawn = sparkline(values, chars).plain
    assert len(drawn) == chars
    shown = values[-chars:] if chars else []
    for value, block in zip(reversed(shown), reversed(drawn), strict=False):
        assert (block == " ") == (value is None)
    values_shown = [value for value in shown if value is not None]
    if values_shown and max(values_shown) > 0:
        assert drawn[chars - len(shown) + shown.index(max(values_shown))] == "█"


def test_rate_is_not_drawn_over_a_gap_or_a_reset() -> None:
    at_ms = [0, 60_000, 120_000, 420_000, 480_000]
    assert per_second(at_ms, [0, 60, 180, 900, 300]) == [1.0, 2.0, None, None]
    assert latest([0, 60_000, 120_000], [0, 60, 180]) == 1.5
    assert latest([0], [5]) is None
    assert latest([], []) is None
    assert latest([0, 60_000], [5, 3]) is None


def test_ages_are_told_to_the_second_and_none_is_in_the_future() -> None:
    assert age(_NOW + timedelta(minutes=5), _NOW) == timedelta(0)
    assert age(None, _NOW) is None
    spans = {4.9: "4 s", 59.9: "59 s", 60: "1m 00s", 3700: "1h 02m"}
    assert {s: fmt.ago(timedelta(seconds=s)) for s in spans} == spans


@given(st.text(st.characters(categories=("L", "N", "P")), max_size=60), st.integers(4, 30))
def test_name_that_is_too_long_keeps_its_beginning_and_its_end(name: str, chars: int) -> None:
    cut = shortened(name, chars)
    begin, _, end = cut.rpartition("…")
    assert cut == name or (name.startswith(begin) and name.endswith(end))
    assert cell_len(cut) <= chars
