"""Each enrolment is a new identity: nothing that an earlier one was given acts again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import PermissionDenied
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.cloud import firestore

from support.cli import run
from tachograph.firestore.credential import read_credential
from tachograph.firestore.identity import Enrolled, FleetClient
from tachograph_cli.enroll.directory import Directory, DirectoryError
from tachograph_cli.enroll.enrollment import EnrolledMeanwhileError, enroll, uid_of
from tachograph_cli.enroll.signer import EmulatorSigner
from tachograph_cli.local.stack import Stack

Enroll = Callable[..., FleetClient]


@pytest.fixture
def admin(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[firestore.Client]:
    """Give a client that no rule binds, and set the environment to the stack, as an operator."""
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TACHOGRAPH_CREDENTIAL")
    client = firestore.Client(project=stack.project, credentials=AnonymousCredentials())
    yield client
    client.close()


@pytest.fixture
def directory(admin: firestore.Client) -> Directory:
    """Give the project's identities."""
    return Directory(admin.project, EmulatorSigner(admin.project), "emulator")


@pytest.fixture
def enrolled(admin: firestore.Client, fleet_name: str, tmp_path: Path) -> Iterator[Enroll]:
    """Enroll an agent by the command, and give a client by its credential's file."""
    clients: list[FleetClient] = []

    def one(agent: str, role: str = "agent") -> FleetClient:
        path = tmp_path / f"{agent}-{len(clients)}.json"
        done = run("enroll", agent, "--fleet", fleet_name, "--role", role, "--out", str(path))
        assert done.exit_code == 0, done.output
        credentials = Enrolled(read_credential(path))
        clients.append(FleetClient(project=admin.project, credentials=credentials))
        return clients[-1]

    yield one
    for client in clients:
        client.close()


def _writes(client: FleetClient, fleet: str, session: str = "s-1") -> None:
    client.document("fleets", fleet, "sessions", session).set({"agent_id": "b-1", "state": "idle"})


def _renew(client: FleetClient) -> None:
    client._credentials.refresh(Request())


@pytest.mark.parametrize("revoked", [True, False])
def test_old_credential_is_dead_when_its_name_is_enrolled_again(
    enrolled: Enroll, fleet_name: str, *, revoked: bool
) -> None:
    old = enrolled("b-1")
    _writes(old, fleet_name)
    if revoked:
        assert run("revoke", "b-1", "--fleet", fleet_name).exit_code == 0
    new = enrolled("b-1")
    _writes(new, fleet_name)
    with pytest.raises(PermissionDenied):  # the token it still has
        _writes(old, fleet_name)
    with pytest.raises(RefreshError):  # the file
        _renew(old)
    _renew(new)
    _writes(new, fleet_name)


def test_old_credential_does_not_grow_into_the_role_of_the_next(
    enrolled: Enroll, fleet_name: str
) -> None:
    old = enrolled("b-1", "viewer")
    old.document("fleets", fleet_name).get()
    new = enrolled("b-1", "owner")
    new.document("fleets", fleet_name).set({"name": "acme"})
    with pytest.raises(RefreshError):
        _renew(old)
    with pytest.raises(PermissionDenied):
        old.document("fleets", fleet_name).set({"name": "mine"})


def test_role_that_was_taken_away_ends_at_once_for_writes(
    enrolled: Enroll, fleet_name: str
) -> None:
    old = enrolled("b-1", "owner")
    old.document("fleets", fleet_name).set({"name": "acme"})
    enrolled("b-1", "agent")
    with pytest.raises(PermissionDenied):
        old.document("fleets", fleet_name).set({"name": "mine"})


def test_sign_in_link_of_an_earlier_enrolment_signs_nobody_in(
    admin: firestore.Client, directory: Directory, fleet_name: str
) -> None:
    first = _enroll(directory, admin, fleet_name, "viewer")
    second = _enroll(directory, admin, fleet_name, "owner")
    with pytest.raises(DirectoryError, match="USER_DISABLED"):
        directory.sign_in(first.uid)
    assert directory.sign_in(second.uid)
    assert (first.replaced, second.replaced) == (False, True)


def test_identity_from_before_enrolments_had_their_own_ends_with_the_next(
    admin: firestore.Client, directory: Directory, fleet_name: str
) -> None:
    legacy = uid_of(fleet_name, "b-1")
    directory.put(legacy, {"fleet": fleet_name, "agent": "b-1", "role": "owner"}, 0)
    directory.sign_in(legacy)
    assert _enroll(directory, admin, fleet_name, "agent").replaced
    with pytest.raises(DirectoryError, match="USER_DISABLED"):
        directory.sign_in(legacy)


def test_of_two_enrolments_that_meet_one_fails_and_says_so(
    admin: firestore.Client, directory: Directory, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = Directory.end

    def meanwhile(self: Directory, uid: str, now_s: int) -> bool:
        monkeypatch.setattr(Directory, "end", end)
        _enroll(directory, admin, fleet_name, "agent")
        return end(self, uid, now_s)

    monkeypatch.setattr(Directory, "end", meanwhile)
    with pytest.raises(EnrolledMeanwhileError, match="b-1 was enrolled by somebody else"):
        _enroll(directory, admin, fleet_name, "owner")


def test_nobody_learns_which_identity_an_agent_has(
    enrolled: Enroll, admin: firestore.Client, fleet_name: str
) -> None:
    owner = enrolled("boss", "owner")
    entry = f"fleets/{fleet_name}/identities/boss"
    assert (admin.document(entry).get().to_dict() or {})["uid"].startswith(f"{fleet_name}"[:50])
    with pytest.raises(PermissionDenied):
        owner.document(entry).get()
    with pytest.raises(PermissionDenied):
        owner.document(entry).set({"uid": "mine"})


def test_longest_names_make_an_identity_that_firebase_takes(
    admin: firestore.Client, directory: Directory
) -> None:
    enrolment = enroll(
        directory, admin, project=admin.project, api_key="emulator",
        fleet="f" * 63, agent="a" * 63, role="agent", days=1,
    )  # fmt: skip
    assert len(enrolment.uid) <= 128


def test_operator_learns_that_an_enrolment_ended_another(enrolled: Enroll, fleet_name: str) -> None:
    enrolled("b-1")
    again = run("enroll", "b-1", "--fleet", fleet_name, "--dashboard", "https://x")
    assert "b-1 was enrolled before" in again.output
    assert json.dumps(fleet_name)[1:-1] in again.output


def _enroll(directory: Directory, admin: firestore.Client, fleet: str, role: Any) -> Any:  # noqa: ANN401
    return enroll(
        directory, admin, project=admin.project, api_key="emulator",
        fleet=fleet, agent="b-1", role=role, days=1,
    )  # fmt: skip
