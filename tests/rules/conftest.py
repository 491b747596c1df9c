"""What the tests of the rules share: an emulator that enforces them, and somebody to act."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from support.rules import PROJECT, Acting, load_rules
from tachograph_cli.local import machine
from tachograph_cli.local.stack import Stack


@pytest.fixture(scope="session")
def rules() -> str:
    """Give the rules as they are deployed."""
    root = machine.find_root()
    assert not isinstance(root, machine.Missing)
    return (root.path / "rules" / "firestore.rules").read_text()


@pytest.fixture
def host(emulator: Stack, rules: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the address of an emulator that enforces the rules in a project of their own."""
    for name, value in emulator.env.items():
        monkeypatch.setenv(name, value)
    load_rules(emulator.address("firestore"), rules)
    return emulator.address("firestore")


@pytest.fixture
def acting(host: str) -> Iterator[Acting]:
    """Give the client that acts as whoever is named."""
    assert host
    client = Acting()
    yield client
    client.close()


@pytest.fixture
def admin(host: str) -> Iterator[firestore.Client]:
    """Give a client that no rule binds."""
    assert host
    client = firestore.Client(project=PROJECT, credentials=AnonymousCredentials())
    yield client
    client.close()
