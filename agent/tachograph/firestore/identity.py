"""The ordinary Firestore client under an identity of a fleet, so that the rules apply to it."""

from __future__ import annotations

import json
import os
import urllib.parse
from datetime import UTC, datetime, timedelta
from typing import Any

from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError, TransportError
from google.auth.transport import Request
from google.cloud import firestore

from tachograph.firestore.credential import Credential, Role
from tachograph.firestore.emulator_identity import id_token

_TOKEN_SERVICE = "securetoken.googleapis.com/v1/token"  # noqa: S105 - an address
_not_renewed: Any = RefreshError  # untyped
_OK = 200
_SERVER_ERROR = 500


class Enrolled(Credentials):
    """The identity of a credential file: ID tokens of one hour, renewed when due."""

    def __init__(self, credential: Credential) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped
        self.fleet, self.agent, self.role = credential.fleet, credential.agent, credential.role
        self._credential = credential

    def refresh(self, request: Request) -> None:
        """Exchange the refresh token for an ID token.

        Raises RefreshError; one that is not retryable means a revoked or invalid refresh token.
        """
        host = os.environ.get("FIREBASE_AUTH_EMULATOR_HOST")
        base = f"http://{host}/{_TOKEN_SERVICE}" if host else f"https://{_TOKEN_SERVICE}"
        body = {"grant_type": "refresh_token", "refresh_token": self._credential.refresh_token}
        answer = request(
            url=f"{base}?key={urllib.parse.quote(self._credential.api_key)}",
            method="POST",
            body=urllib.parse.urlencode(body).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        if answer.status != _OK:
            raise _not_renewed(
                f"fleets/{self.fleet}: the identity of {self.agent} is not renewed "
                f"({_reason(answer.data)}); enroll it again if it was not revoked on purpose",
                retryable=answer.status >= _SERVER_ERROR,
            )
        tokens = json.loads(answer.data)
        self.token = tokens["id_token"]
        # google-auth compares with naive UTC.
        now = datetime.now(UTC).replace(tzinfo=None)
        self.expiry = now + timedelta(seconds=int(tokens["expires_in"]))


class Unsigned(Credentials):
    """An identity that only an emulator accepts: its tokens are not signed."""

    def __init__(
        self, project: str, fleet: str, agent: str = "local", role: Role = "owner"
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped
        self.fleet, self.agent, self.role = fleet, agent, role
        self._project = project

    def refresh(self, request: Request) -> None:  # noqa: ARG002 - google-auth's signature
        """Write a token for the next hour."""
        claims = {"fleet": self.fleet, "role": self.role, "agent": self.agent}
        uid = f"{self.role}-{self.agent}-of-{self.fleet}"
        self.token = id_token(uid, claims, project=self._project)
        self.expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)


class FleetClient(firestore.Client):
    """The Firestore client under an identity of a fleet; over gRPC, listeners included.

    Google's client calls itself the owner in an emulator, whatever its credentials, and no rule
    binds the owner. This client sends its own identity.
    """

    @property
    def _rpc_metadata(self) -> list[tuple[str, str]]:
        metadata: list[tuple[str, str]] = super()._rpc_metadata
        if self._emulator_host is None:
            return metadata  # the channel's credentials add theirs
        others = [(name, value) for name, value in metadata if name != "authorization"]
        return [*others, ("authorization", f"Bearer {_token(self._credentials)}")]


def role_of(client: firestore.Client) -> Role | None:
    """Return the role a client has in its fleet; None for a service account, which has none."""
    role: Role | None = getattr(client._credentials, "role", None)  # noqa: SLF001 - no other way
    return role


def agent_of(client: firestore.Client) -> str | None:
    """Return the agent a client speaks for; None where it may speak for any."""
    agent: str | None = getattr(client._credentials, "agent", None)  # noqa: SLF001 - no other way
    return agent


def _token(credentials: Any) -> str:  # noqa: ANN401 - untyped
    if not credentials.valid:
        from google.auth.transport.requests import Request as Http  # noqa: PLC0415 - emulators only

        try:
            credentials.refresh(Http())
        except TransportError as trouble:
            raise _not_renewed(f"the Auth emulator does not answer: {trouble}") from trouble
    token: str = credentials.token
    return token


def _reason(data: bytes) -> str:
    """Return the service's code, such as TOKEN_EXPIRED or USER_DISABLED, and nothing else."""
    try:
        error = json.loads(data)["error"]
        code = str(error["message"] if isinstance(error, dict) else error).split(" ", 1)[0]
    except (ValueError, LookupError, TypeError):
        return "no reason given"
    return code if code.replace("_", "").isalnum() else "no reason given"
