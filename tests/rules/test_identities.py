"""Enrolled on the Auth emulator: the rights of a role, until it expires or is revoked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from google.api_core.exceptions import PermissionDenied
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.cloud import firestore

from support.cli import run
from support.fleets.transcripts import answer, prompt, write
from tachograph import ClaimLost, Fleet, Usage
from tachograph.errors import CredentialError
from tachograph.firestore.client import connect
from tachograph.firestore.credential import read_credential
from tachograph.firestore.identity import Enrolled, FleetClient
from tachograph_cli.local.stack import Stack

_HAIKU = {"model": "claude-haiku-4-5", "provider": "anthropic"}
Enroll = Callable[..., Path]


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
def enroll(
    admin: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
    tmp_path: Path,
) -> Enroll:
    """Enroll somebody in the test's fleet by the command, and give the credential's file."""

    def enrolled(agent: str, role: str = "agent", fleet: str = fleet_name) -> Path:
        path = tmp_path / f"{fleet}-{agent}.json"
        done = run("enroll", agent, "--fleet", fleet, "--role", role, "--out", str(path))
        assert done.exit_code == 0, done.output
        return path

    return enrolled


@pytest.fixture
def client(
    enroll: Enroll, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., firestore.Client]]:
    """Give a client as TACHOGRAPH_CREDENTIAL makes it, for an agent enrolled just now."""
    made: list[firestore.Client] = []

    def connected(agent: str, role: str = "agent") -> firestore.Client:
        monkeypatch.setenv("TACHOGRAPH_CREDENTIAL", str(enroll(agent, role)))
        made.append(connect())
        monkeypatch.delenv("TACHOGRAPH_CREDENTIAL")
        return made[-1]

    yield connected
    for one in made:
        one.close()


Client = Callable[..., firestore.Client]


def test_enrolled_agents_do_a_days_work_under_the_rules(
    client: Client, admin: firestore.Client, fleet_name: str
) -> None:
    lead = Fleet(fleet_name, client=client("lead", "orchestrator"))
    one, two = (Fleet(fleet_name, client=client(name)) for name in ("b-1", "b-2"))
    with lead, one, two:
        lead.create_task("t-1", task_type="build", title="A", labels={"team": "core"})
        assert lead.flush()
        first, second = one.session("b-1", **_HAIKU), two.session("b-2", **_HAIKU)
        with first.claim("t-1") as task:
            task.record(Usage(tokens_in=10, tokens_out=5), duration_ms=900, **_HAIKU)
            for n in range(20):
                task.tool(f"tool-{n}", duration_ms=30)
            with pytest.raises(ClaimLost):
                second.claim("t-1")
            task.complete()
        own = second.task("t-2", task_type="own", parent_task_id="t-1", depth=1)
        own.record(Usage(tokens_in=7), **_HAIKU)
        second.send("b-1", kind="question", task_id="t-1")
        assert one.flush()
        assert two.flush()
        message = first.inbox().receive(timeout_s=30)
        assert message is not None
        message.acknowledge()
        first.end()
        second.end()
        assert one.flush()
        assert two.flush()
    ref = admin.document("fleets", fleet_name)
    done = ref.collection("tasks").document("t-1").get().to_dict() or {}
    assert (done["status"], done["created_by"], done["tokens_in"]) == ("completed", "lead", 10)
    assert len(done["tools"]) == 12
    assert sum(use["calls"] for use in done["tools"].values()) == 20
    [said] = [doc.to_dict() or {} for doc in ref.collection("messages").stream()]
    assert said["acknowledged_at"] > said["sent_at"]
    [incident] = [doc.to_dict() or {} for doc in ref.collection("incidents").stream()]
    assert (incident["kind"], incident["agent_id"]) == ("claim_collision", "b-2")
    states = {doc.get("state") for doc in ref.collection("sessions").stream()}
    assert states == {"completed"}


def test_session_that_was_relieved_by_another_agent_still_adds_its_last_tokens(
    client: Client, admin: firestore.Client, fleet_name: str
) -> None:
    lead = client("lead", "orchestrator")
    one = Fleet(fleet_name, client=client("b-1"), flush_interval_s=60)
    two = Fleet(fleet_name, client=client("b-2"), flush_interval_s=60)
    with one, two:
        mine = one.session("b-1").task("t-1")
        mine.record(Usage(tokens_in=1), **_HAIKU)
        mine.flush()
        mine.record(Usage(tokens_in=10), **_HAIKU)  # not written yet when it is relieved
        lead.document("fleets", fleet_name, "tasks", "t-1").update(
            {"status": "queued", "agent_id": None, "session_id": None}
        )
        theirs = two.session("b-2").claim("t-1")
        theirs.record(Usage(tokens_in=100), **_HAIKU)
        theirs.flush()
        mine.flush()
        theirs.complete()
        theirs.flush()
    task = admin.document("fleets", fleet_name, "tasks", "t-1").get().to_dict() or {}
    assert (task["tokens_in"], task["status"], task["agent_id"]) == (111, "completed", "b-2")


def test_agent_adds_to_a_task_that_was_called_off_and_does_not_begin_it_again(
    client: Client, admin: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name, client=client("b-1"), flush_interval_s=60) as fleet:
        task = fleet.session("b-1").task("t-1")
        task.flush()
        client("lead", "orchestrator").document("fleets", fleet_name, "tasks", "t-1").update(
            {"status": "cancelled"}
        )
        task.record(Usage(tokens_in=5), **_HAIKU)
        task.complete()
        task.flush()
    task_fields = admin.document("fleets", fleet_name, "tasks", "t-1").get().to_dict() or {}
    assert (task_fields["status"], task_fields["tokens_in"]) == ("cancelled", 5)


def test_write_that_is_too_much_for_the_rules_goes_in_parts(
    client: Client, admin: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name, client=client("b-1"), flush_interval_s=60) as fleet:
        session = fleet.session("b-1")
        labels = {"team": "core", "feature": "search"}
        task = session.task("t-1", task_type="build", title="A", labels=labels, repo="shop")
        for n in range(30):
            task.record(Usage(tokens_in=1), model=f"m-{n % 6}", provider="house", cost_nanousd=1)
            task.tool(f"tool-{n % 20}")
        task.complete(duration_ms=5, context_remaining_pct=50, finish_reason="stop")
        task.flush()
    task_fields = admin.document("fleets", fleet_name, "tasks", "t-1").get().to_dict() or {}
    assert (task_fields["status"], task_fields["tokens_in"], task_fields["tool_calls"]) == (
        "completed",
        30,
        30,
    )
    assert len(task_fields["tools"]) == 12
    assert set(task_fields["usage_by_model"]) == {"m-0", "m-1", "m-2", "_other"}
    assert task_fields["usage_by_model"]["_other"]["llm_calls"] == 15


def test_revoked_agents_writes_end_at_once_and_its_identity_is_not_renewed(
    client: Client, enroll: Enroll, fleet_name: str
) -> None:
    agent = client("b-1")
    session = agent.document("fleets", fleet_name, "sessions", "s-1")
    session.set({"agent_id": "b-1", "state": "idle"})
    assert run("revoke", "b-1", "--fleet", fleet_name).exit_code == 0
    with pytest.raises(PermissionDenied):
        session.update({"state": "active"})
    session.get()  # its last token reads until its hour is over
    with pytest.raises(RefreshError, match="is not renewed \\(USER_DISABLED\\)"):
        agent._credentials.refresh(Request())
    again = FleetClient(project=agent.project, credentials=Enrolled(read_credential(enroll("b-1"))))
    again.document("fleets", fleet_name, "sessions", "s-1").update({"state": "active"})
    again.close()
    with pytest.raises(PermissionDenied):  # and the old one is none again
        session.update({"state": "idle"})


def test_listener_hears_what_is_written_and_of_its_own_fleet_alone(
    client: Client, admin: firestore.Client, fleet_name: str
) -> None:
    heard: Queue[list[Any]] = Queue()
    viewer = client("eve", "viewer")
    watch = viewer.document("fleets", fleet_name, "signals", "x").on_snapshot(
        lambda documents, *_: heard.put([document.to_dict() for document in documents])
    )
    assert heard.get(timeout=60) == []
    admin.document("fleets", fleet_name, "signals", "x").set({"kind": "rotate"})
    assert heard.get(timeout=60) == [{"kind": "rotate"}]
    watch.unsubscribe()
    rival = viewer.document("fleets", f"{fleet_name}-rival", "signals", "x")
    with pytest.raises(PermissionDenied):
        rival.get()


def test_agent_lists_no_users_and_gives_itself_no_role(
    client: Client, stack: Stack, fleet_name: str
) -> None:
    agent = client("b-1")
    agent._credentials.refresh(Request())
    token = agent._credentials.token
    base = f"http://{stack.address('auth')}/identitytoolkit.googleapis.com/v1"
    claims = json.dumps({"fleet": fleet_name, "agent": "b-1", "role": "owner"})
    own = {"localId": f"{fleet_name}:b-1", "customAttributes": claims}
    for path, body, bearer in (
        (f"projects/{stack.project}/accounts:query", {}, token),
        (f"projects/{stack.project}/accounts:update", own, token),
        ("accounts:update?key=x", {"idToken": token, "customAttributes": claims}, None),
    ):
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {bearer}"} if bearer else {}
        request = Request()
        answer = request(f"{base}/{path}", "POST", json.dumps(body).encode(), headers)
        assert answer.status in (400, 401), (path, answer.data)


def test_credential_file_is_its_agents_alone_and_says_when_it_ends(
    enroll: Enroll, fleet_name: str
) -> None:
    path = enroll("b-1")
    assert path.stat().st_mode & 0o777 == 0o600
    credential = read_credential(path)
    assert (credential.fleet, credential.agent, credential.role) == (fleet_name, "b-1", "agent")
    assert credential.refresh_token not in repr(credential)
    path.chmod(0o644)
    with pytest.raises(CredentialError, match="its mode is 0644; expected 0600"):
        read_credential(path)


def test_credential_of_another_fleet_is_refused_in_words(
    enroll: Enroll, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TACHOGRAPH_CREDENTIAL", str(enroll("b-1", fleet=f"{fleet_name}-rival")))
    with pytest.raises(CredentialError, match=f"it is for the fleet {fleet_name}-rival"):
        Fleet(fleet_name)


def test_replay_report_and_cost_run_as_who_was_enrolled(
    enroll: Enroll,
    admin: firestore.Client,
    fleet_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tmp_path / "recorded/s.jsonl", [prompt(0), answer(1, [10, 0, 0, 0, 5])])
    monkeypatch.setenv("TACHOGRAPH_CREDENTIAL", str(enroll("boss", "owner")))
    done = run("replay", str(tmp_path / "recorded"), "--fleet", fleet_name)
    assert done.exit_code == 0, done.output
    [task] = admin.collection("fleets", fleet_name, "tasks").stream()
    monkeypatch.setenv("TACHOGRAPH_CREDENTIAL", str(enroll("eve", "viewer")))
    assert run("report", "--fleet", fleet_name).exit_code == 0
    assert run("cost", task.id, "--fleet", fleet_name).exit_code == 0
    assert run("cost", "t-none", "--fleet", fleet_name).exit_code == 1
