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


@pytest.fixture(scope="session")
def enforcing(rules: str) -> Iterator[Stack]:
    """Give an emulator that enforces the rules, which it compiles once.

    It is another than other tests': compiling takes memory, which theirs has filled.
    """
    with Stack.start(ROOT, only=("firestore",)) as stack:
        load_rules(stack.address("firestore"), rules)
        yield stack


@pytest.fixture
def host(enforcing: Stack, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the address of the emulator that enforces the rules."""
    for name, value in enforcing.env.items():
        monkeypatch.setenv(name, value)
    return enforcing.address("firestore")


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
