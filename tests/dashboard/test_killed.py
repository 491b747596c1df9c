"""Firestore is killed under an open page, and comes back."""

from __future__ import annotations

import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from playwright.sync_api import expect

from support.fleets.documents import FleetDocuments
from support.page import SLOW, number, panel, word
from tachograph.firestore.emulator_identity import viewer_token
from tachograph_cli.local.process import table
from tachograph_cli.local.reservation import Reservation
from tachograph_cli.local.stack import Stack

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from playwright.sync_api import Page

SERVICES = ("firestore", "auth", "hosting")
NOTICED_MS = 240_000
"""WebChannel tries a broken connection twice again, up to 45 s apart, before it gives it up."""
LONG_AGO = timedelta(seconds=140)
"""All but what makes a snapshot stale."""


def test_page_outlives_its_firestore_and_goes_on_with_the_next(
    root: Path, page: Page, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stack.start(root, only=SERVICES) as stack:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", stack.address("firestore"))
        fleet = _filled(stack, fleet_name, queue_depth=77, at=datetime.now(UTC) - LONG_AGO)
        token = viewer_token(fleet_name, project=stack.project)
        page.goto(f"{stack.dashboard_url}/?fleet={fleet_name}#token={token}")
        expect(number(page, "queue")).to_have_text("77")
        expect(panel(page, "sessions").locator("tbody tr")).not_to_have_count(0)
        shown = page.locator("main .number").all_inner_texts()
        sessions = panel(page, "sessions").locator("tbody tr").count()
        fleet.db.close()
        _kill_firestore(stack)

    ports = Reservation()  # or another stack on this machine has them meanwhile
    try:
        assert all(ports.take(port) for port in stack.ports.values())
        expect(word(page)).to_have_text("unreachable", timeout=NOTICED_MS)
        expect(panel(page, "queue").locator(".chip")).to_contain_text("stale")
        assert page.locator("main .number").all_inner_texts() == shown
        expect(panel(page, "sessions").locator("tbody tr")).to_have_count(sessions)

        with Stack.start(root, only=SERVICES, ports=stack.ports) as back:
            fleet = _filled(back, fleet_name, queue_depth=55)
            expect(number(page, "queue")).to_have_text("55", timeout=NOTICED_MS)
            expect(word(page)).to_have_text("live", timeout=2 * SLOW)
            expect(page.locator(".chip")).to_have_count(0)
            expect(page.locator("main .number").first).to_have_text(shown[0])
            fleet.session("session-00", agent_id="newcomer", context_remaining_pct=1)
            expect(panel(page, "sessions")).to_contain_text("newcomer")
            fleet.db.close()
    finally:
        ports.release()


def _filled(stack: Stack, name: str, **now: object) -> FleetDocuments:
    client = firestore.Client(project=stack.project, credentials=AnonymousCredentials())
    fleet = FleetDocuments(client, name)
    fleet.fill()
    fleet.now(**now)
    return fleet


def _kill_firestore(stack: Stack) -> None:
    """End the emulator itself, as running out of memory would, and nothing else."""
    for process in table.descendants(os.getpid()):
        listing = subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(process.pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        if "firestore-emulator" in listing and f"--port {stack.ports['firestore']} " in listing:
            table.send(process, signal.SIGKILL)
            return
    raise AssertionError("no process is the Firestore emulator")
