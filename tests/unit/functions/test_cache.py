"""The cache of the functions: bounded, with a maximum age, for several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cache import Cache


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now_s = [1000.0]
    monkeypatch.setattr("runtime.cache.time.monotonic", lambda: now_s[0])
    return now_s


def test_entry_is_forgotten_at_its_maximum_age(clock: list[float]) -> None:
    cache: Cache[str, int] = Cache(max_entries=10, max_age_s=60)
    cache.put("a", 1)
    clock[0] += 59.9
    assert cache.get("a") == 1
    clock[0] += 0.1
    assert cache.get("a") is None


def test_put_makes_an_entry_young_again(clock: list[float]) -> None:
    cache: Cache[str, int] = Cache(max_entries=10, max_age_s=60)
    cache.put("a", 1)
    clock[0] += 59
    cache.put("a", 2)
    clock[0] += 59
    assert cache.get("a") == 2


def test_entry_without_a_maximum_age_is_kept(clock: list[float]) -> None:
    cache: Cache[str, int] = Cache(max_entries=10)
    cache.put("a", 1)
    clock[0] += 10**9
    assert cache.get("a") == 1


def test_value_is_new_until_it_is_remembered_and_when_it_is_too_old(clock: list[float]) -> None:
    cache: Cache[str, str] = Cache(max_entries=10, max_age_s=60)
    assert cache.change("a", "18:00")
    assert not cache.change("a", "18:00")
    assert cache.change("a", "19:00")
    clock[0] += 60
    assert cache.change("a", "19:00")


@given(st.lists(st.integers(0, 20)), st.integers(1, 5))
def test_the_entries_put_last_are_the_ones_kept(keys: list[int], most: int) -> None:
    cache: Cache[int, int] = Cache(max_entries=most)
    for key in keys:
        cache.put(key, key)
    newest = list(dict.fromkeys(reversed(keys)))[:most]
    assert {key for key in range(21) if cache.get(key) is not None} == set(newest)


def test_one_of_many_threads_is_the_first() -> None:
    cache: Cache[str, int] = Cache(max_entries=10)
    with ThreadPoolExecutor(8) as pool:
        firsts = pool.map(lambda _: cache.change("fleet", 7), range(200))
    assert sum(firsts) == 1
