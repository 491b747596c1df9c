"""A fleet's own prices, as the SDK reads them."""

from __future__ import annotations

import logging

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from support.wire.meter import metered
from tachograph import Fleet
from tachograph.firestore.price_cache import PriceCache

_RESPONSE = {"model": "llama3", "usage": {"prompt_tokens": 1000, "completion_tokens": 10}}
_ROW = {
    "model": "llama*",
    "route": "local",
    "valid_from": "2026-01-01T00:00:00Z",
    "input_usd_per_mtok": 0.5,
    "output_usd_per_mtok": 1,
}


def test_call_is_priced_by_the_fleets_own_list(db: firestore.Client, fleet_name: str) -> None:
    db.document(f"fleets/{fleet_name}/prices/ours").set({"rows": [_ROW, {"model": 3}]})
    with Fleet(fleet_name) as fleet, fleet.session("b-1") as session:
        with session.task("t-1") as task, task.llm_call(provider="vllm", route="local") as call:
            call.record(_RESPONSE)
        with session.task("t-2") as task, task.llm_call(provider="vllm") as call:
            call.record(_RESPONSE)
    ours = db.document(f"fleets/{fleet_name}/tasks/t-1").get().to_dict() or {}
    assert (ours["cost_nanousd"], ours["cost_source"], ours["route"]) == (
        510_000,
        "priced",
        "local",
    )
    other = db.document(f"fleets/{fleet_name}/tasks/t-2").get().to_dict() or {}
    assert (other["unpriced_calls"], other["unpriced_tokens"]) == (1, 1010)
    session_fields = next(db.collection(f"fleets/{fleet_name}/sessions").stream()).to_dict() or {}
    assert session_fields["context_used_tokens"] == 1000


def test_list_is_read_at_most_once_in_ten_minutes(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pricing = PriceCache(db, fleet_name)
    assert pricing.current() is None
    db.document(f"fleets/{fleet_name}/prices/ours").set(_ROW)
    assert pricing.current() is None
    monkeypatch.setattr("tachograph.firestore.price_cache.REFRESH_S", 0.0)
    assert len(getattr(pricing.current(), "rows", ())) == 1


def test_list_that_cannot_be_read_is_a_warning_and_the_last_one_stays(
    db: firestore.Client,
    firestore_host: str,
    fleet_name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    db.document(f"fleets/{fleet_name}/prices/ours").set(_ROW)
    with metered(firestore_host) as between:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", between.address)
        client = firestore.Client(project=db.project, credentials=AnonymousCredentials())
        pricing = PriceCache(client, fleet_name)
        known = pricing.current()
    assert known is not None
    monkeypatch.setattr("tachograph.firestore.price_cache.REFRESH_S", 0.0)
    with caplog.at_level(logging.WARNING, "tachograph"):  # nobody answers at that address any more
        assert pricing.current() is known
    assert f"fleets/{fleet_name}/prices could not be read" in caplog.text
    client.close()


def test_list_that_could_not_be_read_at_first_is_read_as_soon_as_it_can_be(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.document(f"fleets/{fleet_name}/prices/ours").set(_ROW)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:9")
    away = firestore.Client(project=db.project, credentials=AnonymousCredentials())
    pricing = PriceCache(away, fleet_name)
    assert pricing.current() is None
    pricing._client = db
    assert pricing.current() is None
    monkeypatch.setattr("tachograph.firestore.price_cache._AGAIN_S", 0.0)
    assert len(getattr(pricing.current(), "rows", ())) == 1
    away.close()
