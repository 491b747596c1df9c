"""A credential file: the identity of an agent, and the secret that renews it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from tachograph.errors import CredentialError

Role = Literal["agent", "orchestrator", "viewer", "owner"]
ROLES: tuple[Role, ...] = get_args(Role)
VARIABLE = "TACHOGRAPH_CREDENTIAL"
_TYPE = "tachograph_credential"
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Credential:
    """An identity in a fleet. `refresh_token` is the secret; the rest may be shown."""

    project: str
    fleet: str
    agent: str
    role: Role
    api_key: str
    refresh_token: str
    expires_at: str
    """RFC 3339; the rules refuse every later request."""

    def __repr__(self) -> str:
        """Show the identity and never the secret, because a log may hold it."""
        return f"Credential({self.fleet}/{self.agent}, {self.role}, until {self.expires_at})"


def read_credential(path: Path, now: datetime | None = None) -> Credential:
    """Read a credential file.

    Raises CredentialError where the file is missing, of another kind, readable by others, or
    expired.
    """
    try:
        mode = path.stat().st_mode
        content = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as refusal:
        raise CredentialError(
            f"{path}: cannot be read ({type(refusal).__name__}); "
            "expected a file that `tachograph enroll` wrote"
        ) from None
    if os.name == "posix" and mode & _OTHERS:
        raise CredentialError(
            f"{path}: its mode is {mode & 0o777:04o}; expected 0600, so that nobody else reads it"
        )
    credential = _parsed(path, content)
    if datetime.fromisoformat(credential.expires_at) <= (now or datetime.now(UTC)):
        raise CredentialError(
            f"{path}: expired at {credential.expires_at}; make a new one: "
            f"tachograph enroll {credential.agent} --fleet {credential.fleet} "
            f"--role {credential.role}"
        )
    return credential


def write_credential(credential: Credential, path: Path) -> None:
    """Write a credential file that only its owner reads, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"type": _TYPE, **asdict(credential)}, file, indent=2)
        file.write("\n")
    temporary.replace(path)


def _parsed(path: Path, content: object) -> Credential:
    names = [field.name for field in fields(Credential)]
    if not isinstance(content, dict) or content.get("type") != _TYPE:
        raise CredentialError(f'{path}: no credential; expected "type": "{_TYPE}"')
    wrong = [name for name in names if not isinstance(content.get(name), str) or not content[name]]
    if wrong:
        raise CredentialError(f"{path}: lacks {', '.join(wrong)}; expected text for each")
    if content["role"] not in ROLES:
        raise CredentialError(f"{path}: its role is not known; expected one of {', '.join(ROLES)}")
    try:
        datetime.fromisoformat(content["expires_at"]).astimezone(UTC)
    except ValueError:
        raise CredentialError(f"{path}: expires_at is no moment; expected RFC 3339") from None
    return Credential(**{name: content[name] for name in names})
