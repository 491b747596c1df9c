"""Enrolment of an agent in a fleet, and its end: at once for writes, within the hour for reads."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core.exceptions import AlreadyExists, FailedPrecondition
from google.cloud import firestore

from tachograph.errors import OperatorError
from tachograph.firestore.credential import Credential, Role
from tachograph_cli.enroll.directory import Directory
from tachograph_schema.paths import IDENTITIES, REVOKED, DocumentPath, check_fleet_name

_AGENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_SHOWN = 50
"""Characters of each name in an identity's id, which may have 128; its end is random."""


class AgentNameError(OperatorError):
    """The name may not be enrolled; the message says which names may."""


class EnrolledMeanwhileError(OperatorError):
    """Two enrolments of one agent met; the message says what to do."""


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
    """Return the id that an agent's identity had before each enrolment had one of its own.

    Raises ValueError and AgentNameError.
    """
    return f"{check_fleet_name(fleet)}:{check_agent_name(agent)}"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A new identity of an agent, and its credential."""

    uid: str
    credential: Credential
    replaced: bool
    """Whether another identity of this name ended."""


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
) -> Enrolment:
    """Begin a new identity of an agent, which lasts `days` days, and end the one before.

    Nothing that was made for an earlier identity of this name acts again: its tokens write no more
    at once, because their sign-in is earlier than the entry in `revoked/`; its credential is not
    renewed and its sign-in links are refused, because its identity is disabled. `api_key` is the
    project's web API key. Raises AgentNameError, DirectoryError, and EnrolledMeanwhileError.
    """
    until = datetime.now(UTC) + timedelta(days=days)
    claims = {"fleet": fleet, "agent": agent, "role": role, "until": int(until.timestamp())}
    current = _identity(db, fleet, agent).get()
    replaced, before = _end(directory, db, fleet, agent, current)
    uid = f"{fleet[:_SHOWN]}:{agent[:_SHOWN]}:{secrets.token_hex(8)}"
    _record(db, current, uid)
    directory.put(uid, claims, _now_s())
    token, refresh_token = directory.sign_in(uid)
    while _signed_in_at(token) < before.timestamp():
        sleep(1.0)  # a token holds the time of its sign-in in whole seconds
        token, refresh_token = directory.sign_in(uid)
    credential = Credential(
        project=project,
        fleet=fleet,
        agent=agent,
        role=role,
        api_key=api_key,
        refresh_token=refresh_token,
        expires_at=until.replace(microsecond=0).isoformat(),
    )
    return Enrolment(uid, credential, replaced)


def revoke(directory: Directory, db: firestore.Client, fleet: str, agent: str) -> bool:
    """End every sign-in of an agent; False where it was never enrolled in this project.

    The rules read the entry in `revoked/` with every write, so writes end first. The identity is
    disabled next, so its present token, which reads for up to an hour, is its last. Raises
    AgentNameError and DirectoryError.
    """
    ended, _ = _end(directory, db, fleet, agent, _identity(db, fleet, agent).get())
    return ended


def _end(
    directory: Directory,
    db: firestore.Client,
    fleet: str,
    agent: str,
    current: firestore.DocumentSnapshot[Any],
) -> tuple[bool, datetime]:
    """End the identity that an agent has; return whether it had one, and since when it has none."""
    uids = {uid_of(fleet, agent), *filter(None, [(current.to_dict() or {}).get("uid")])}
    entry = db.document(str(DocumentPath(fleet, REVOKED, agent)))
    before: Any = entry.set({"before": firestore.SERVER_TIMESTAMP}).update_time  # a datetime's kin
    ended = [directory.end(uid, _now_s()) for uid in uids]
    return any(ended), before


def _record(db: firestore.Client, current: firestore.DocumentSnapshot[Any], uid: str) -> None:
    """Write which identity an agent has now, unless somebody else enrolled it in between."""
    try:
        if current.exists:
            unchanged = db.write_option(last_update_time=current.update_time)
            current.reference.update({"uid": uid}, option=unchanged)
        else:
            current.reference.create({"uid": uid})
    except (AlreadyExists, FailedPrecondition) as conflict:
        raise EnrolledMeanwhileError(
            f"{current.reference.id} was enrolled by somebody else at this moment; expected one at "
            "a time: revoke it, or enroll it again"
        ) from conflict


def _identity(db: firestore.Client, fleet: str, agent: str) -> firestore.DocumentReference:
    uid_of(fleet, agent)  # raises where the names may be no part of a path
    return db.document(str(DocumentPath(fleet, IDENTITIES, agent)))


def _now_s() -> int:
    return int(datetime.now(UTC).timestamp())


def _signed_in_at(token: str) -> int:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return int(claims["auth_time"])
