"""Fixtures of the page tests: emulators without functions, and a viewer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from playwright.sync_api import expect

from support.fleets.documents import FleetDocuments, Look
from support.page import violates_policy
from support.places import ROOT
from tachograph.firestore.emulator_identity import viewer_token
from tachograph.firestore.identity import FleetClient, Unsigned
from tachograph_cli.local.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page


# How long something may take to be there on a machine that does other things as well.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def hosted() -> Iterator[Stack]:
    """Give the dashboard without functions: the page shows the documents of the test alone."""
    with Stack.start(ROOT, only=("firestore", "auth", "hosting")) as stack:
        _compile_rules(stack)
        yield stack


def _compile_rules(stack: Stack) -> None:
    """Read as a viewer, since the first such read takes long: the page gives up after 10 s."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", stack.address("firestore"))
        viewer = Unsigned(stack.project, "nobody", role="viewer")
        client = FleetClient(project=stack.project, credentials=viewer)
    client.collection("fleets", "nobody", "sessions").limit(1).get()
    client.close()


@pytest.fixture
def db(hosted: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[firestore.Client]:
    """Give a client that no rule binds, as the functions are."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", hosted.address("firestore"))
    client = firestore.Client(project=hosted.project, credentials=AnonymousCredentials())
    yield client
    client.close()


@pytest.fixture
def fleet(db: firestore.Client, fleet_name: str) -> FleetDocuments:
    """Give a fleet of this test's own, empty."""
    return FleetDocuments(db, fleet_name)


@pytest.fixture
def look(hosted: Stack, page: Page) -> Iterator[Look]:
    """Open a fleet's dashboard by a link for a viewer, of that fleet or of another."""
    with _looking(hosted, page) as look:
        yield look


@pytest.fixture
def look_live(stack: Stack, page: Page) -> Iterator[Look]:
    """Do the same where the functions run."""
    with _looking(stack, page) as look:
        yield look


@contextmanager
def _looking(stack: Stack, page: Page) -> Iterator[Look]:
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    refused: list[str] = []
    page.on(
        "console", lambda said: refused.append(said.text) if violates_policy(said.text) else None
    )

    def look(fleet: str, *, viewer_of: str | None = None, query: str = "") -> Page:
        token = viewer_token(viewer_of or fleet, project=stack.project)
        page.goto(f"{stack.dashboard_url}/?fleet={fleet}{query}#token={token}")
        return page

    yield look
    assert broken == [], "the page threw"
    assert refused == [], "the page did what its own policy forbids"
