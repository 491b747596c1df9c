"""Enrolling somebody in a fleet, and revoking it: at once for writes, within the hour for reads."""

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
    """A name that cannot be enrolled."""


def check_agent_name(name: str) -> str:
    """Return an agent's name if it may be enrolled: it is part of paths, sequences and rules."""
    if not _AGENT_NAME.fullmatch(name):
        raise AgentNameError(
            f"the agent is called {name!r}; expected 1-63 letters, digits, '-', '_' or '.', "
            "beginning with a letter or digit"
        )
    return name


def uid_of(fleet: str, agent: str) -> str:
    """Return the name of an identity in the project: an agent of a fleet has one."""
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
    """Make an agent a credential of so many days; the one it had before ends.

    What was revoked stays so: the new credential is of a sign-in after that moment.
    """
    now = datetime.now(UTC)
    until = now + timedelta(days=days)
    claims = {"fleet": fleet, "agent": agent, "role": role, "until": int(until.timestamp())}
    uid = uid_of(fleet, agent)
    directory.put(uid, claims, int(now.timestamp()))
    revoked = _entry(db, fleet, agent).get().to_dict() or {}
    token, refresh_token = directory.sign_in(uid)
    while "before" in revoked and _signed_in_at(token) < revoked["before"].timestamp():
        sleep(1.0)  # sign-ins are told apart by whole seconds
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
    """End all that an agent has signed in with; False where it was never enrolled here.

    The rules look at the entry with every write, so writes end first; the identity is disabled
    next, so its token, which still reads, is its last.
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
