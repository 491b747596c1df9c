"""Fixtures of the tests of the rules: an emulator that enforces them, and clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from support.places import ROOT
from support.rules import PROJECT, ActingClient, load_rules
from tachograph_cli.local.stack import Stack


@pytest.fixture(scope="session")
def rules() -> str:
    """Give the rules as they are deployed."""
    return (ROOT / "rules" / "firestore.rules").read_text()


@pytest.fixture
def host(emulator: Stack, rules: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the address of an emulator that enforces the rules in a project of their own."""
    for name, value in emulator.env.items():
        monkeypatch.setenv(name, value)
    load_rules(emulator.address("firestore"), rules)
    return emulator.address("firestore")


@pytest.fixture
def acting(host: str) -> Iterator[ActingClient]:
    """Give the client of all attempts, which each set its identity."""
    assert host
    client = ActingClient()
    yield client
    client.close()


@pytest.fixture
def admin(host: str) -> Iterator[firestore.Client]:
    """Give a client that no rule binds."""
    assert host
    client = firestore.Client(project=PROJECT, credentials=AnonymousCredentials())
    yield client
    client.close()
