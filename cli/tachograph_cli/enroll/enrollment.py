"""Enrolment of an agent in a fleet, and its end: at once for writes, within the hour for reads."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud import firestore

from tachograph.errors import OperatorError
from tachograph.firestore.credential import Credential, Role
from tachograph_cli.enroll.directory import Directory
from tachograph_schema.paths import REVOKED, DocumentPath, check_fleet_name

_AGENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


class AgentNameError(OperatorError):
    """The name may not be enrolled; the message says which names may."""


def check_agent_name(name: str) -> str:
    """Return an agent's name if it may be part of paths, sequences and rules.

    Raises AgentNameError.
    """
    if not _AGENT_NAME.fullmatch(name):
        raise AgentNameError(
            f"the agent is called {name!r}; expected 1-63 letters, digits, '-', '_' or '.', "
            "beginning with a letter or digit"
        )
    return name


def uid_of(fleet: str, agent: str) -> str:
    """Return the id of an agent's identity in the project, such as acme:builder-3.

    Raises ValueError and AgentNameError.
    """
    return f"{check_fleet_name(fleet)}:{check_agent_name(agent)}"


def enroll(
    directory: Directory,
    db: firestore.Client,
    *,
    project: str,
    api_key: str,
    fleet: str,
    agent: str,
    role: Role,
    days: int,
    sleep: Callable[[float], None] = time.sleep,
) -> Credential:
    """Return a new credential of an agent, which lasts `days` days; its earlier one ends.

    A revocation holds: the new credential's sign-in is later than its moment. `api_key` is the
    project's web API key. Raises AgentNameError and DirectoryError.
    """
    now = datetime.now(UTC)
    until = now + timedelta(days=days)
    claims = {"fleet": fleet, "agent": agent, "role": role, "until": int(until.timestamp())}
    uid = uid_of(fleet, agent)
    directory.put(uid, claims, int(now.timestamp()))
    revoked = _entry(db, fleet, agent).get().to_dict() or {}
    token, refresh_token = directory.sign_in(uid)
    while "before" in revoked and _signed_in_at(token) < revoked["before"].timestamp():
        sleep(1.0)  # a token holds the time of its sign-in in whole seconds
        token, refresh_token = directory.sign_in(uid)
    return Credential(
        project=project,
        fleet=fleet,
        agent=agent,
        role=role,
        api_key=api_key,
        refresh_token=refresh_token,
        expires_at=until.replace(microsecond=0).isoformat(),
    )


def revoke(directory: Directory, db: firestore.Client, fleet: str, agent: str) -> bool:
    """End every sign-in of an agent; False where it was never enrolled in this project.

    The rules read the entry in `revoked/` with every write, so writes end first. The identity is
    disabled next, so its present token, which reads for up to an hour, is its last. Raises
    AgentNameError and DirectoryError.
    """
    uid = uid_of(fleet, agent)
    _entry(db, fleet, agent).set({"before": firestore.SERVER_TIMESTAMP})
    return directory.end(uid, int(datetime.now(UTC).timestamp()))


def _entry(db: firestore.Client, fleet: str, agent: str) -> firestore.DocumentReference:
    return db.document(str(DocumentPath(fleet, REVOKED, agent)))


def _signed_in_at(token: str) -> int:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return int(claims["auth_time"])
