"""Which queued task a contender tries for, and among how many it chooses."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph.coordination.selection import (
    NARROWEST,
    WIDEST,
    SelectionWidth,
    TaskFilter,
    most_urgent,
    rank,
    urgent,
)
from tachograph_schema.documents.fleet import PRIORITIES

_WORDS = st.sampled_from([*PRIORITIES, "whenever", None])


@given(st.lists(_WORDS, min_size=1))
def test_most_urgent_are_all_of_one_rank_and_none_is_before_them(words: list[str | None]) -> None:
    places = most_urgent([{"priority": word} for word in words], PRIORITIES)
    ranks = [rank(word, PRIORITIES) for word in words]
    assert {ranks[place] for place in places} == {min(ranks)}
    assert places == [place for place, n in enumerate(ranks) if n == min(ranks)]


def test_task_without_a_priority_has_the_ordinary_one() -> None:
    assert rank(None, PRIORITIES) == rank("whenever", PRIORITIES) == rank("normal", PRIORITIES)
    assert urgent(PRIORITIES) == ["critical", "urgent", "high"]


def test_priorities_without_an_ordinary_one_all_go_before_a_task_that_has_none() -> None:
    assert urgent(["P0", "P1"]) == ["P0", "P1"]
    assert rank(None, ["P0", "P1"]) > rank("P1", ["P0", "P1"])


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (TaskFilter(), True),
        (TaskFilter("build"), True),
        (TaskFilter("review"), False),
        (TaskFilter(repo="shop", labels={"team": "web"}), True),
        (TaskFilter(labels={"team": "web", "feature": "x"}), False),
        (TaskFilter("build", "other"), False),
    ],
)
def test_task_fits_where_it_has_all_that_is_wanted(wanted: TaskFilter, *, fits: bool) -> None:
    task = {"task_type": "build", "repo": "shop", "labels": {"team": "web", "user_tier": "pro"}}
    assert wanted.fits(task) is fits


@given(st.lists(st.booleans()))
def test_spread_stays_in_its_bounds_and_widens_by_losing(races: list[bool]) -> None:
    spread = SelectionWidth()
    for won in races:
        before = spread.width
        spread.won() if won else spread.lost()
        assert NARROWEST <= spread.width <= WIDEST
        assert spread.width <= before if won else spread.width >= before


def _collisions(contenders: int, width: int | None, chance: random.Random) -> int:
    """Have everybody choose at once, and the losers again, until all have one."""
    queue = list(range(contenders))
    waiting = [SelectionWidth() for _ in range(contenders)]
    lost = 0
    while waiting:
        chosen: dict[int, SelectionWidth] = {}
        losers = []
        for spread in waiting:
            task = chance.choice(queue[: width or spread.width])
            if task in chosen:
                spread.lost()
                losers.append(spread)
            chosen.setdefault(task, spread)
        queue = [task for task in queue if task not in chosen]
        lost += len(losers)
        waiting = losers
    return lost


def test_spread_loses_a_twentieth_of_what_everybody_for_the_oldest_loses() -> None:
    chance = random.Random(7)  # noqa: S311 - the same lots every time
    assert _collisions(100, 1, chance) == 99 * 100 // 2
    rounds = [_collisions(100, None, chance) for _ in range(20)]
    assert sum(rounds) / 20 < 99 * 100 / 2 / 20
