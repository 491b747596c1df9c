"""The project's identities: Firebase Auth (Identity Platform) over its REST interface.

Enrolment makes four calls, which do not justify firebase-admin with its own Firestore and Storage
clients.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from google.auth.transport import Request
from google.auth.transport.requests import Request as Http

from tachograph.errors import OperatorError
from tachograph_cli.enroll.signer import Signer

_SERVICE = "identitytoolkit.googleapis.com/v1"
_OK = 200


class DirectoryError(OperatorError):
    """The directory refused a call; `reason` is its code, such as USER_NOT_FOUND."""

    def __init__(self, method: str, status: int, reason: str) -> None:
        super().__init__(
            f"Firebase Auth: {method} answers {status} {reason}; expected a project with Identity "
            "Platform enabled, its web API key, and the role roles/firebaseauth.admin"
        )
        self.reason = reason


class Directory:
    """The identities of one project, as its owner administers them."""

    def __init__(
        self, project: str, signer: Signer, api_key: str, request: Request | None = None
    ) -> None:
        host = os.environ.get("FIREBASE_AUTH_EMULATOR_HOST")
        self._base = f"http://{host}/{_SERVICE}" if host else f"https://{_SERVICE}"
        self._project, self._signer, self._api_key = project, signer, api_key
        self._request = request or Http()

    def put(self, uid: str, claims: Mapping[str, Any], now_s: int) -> None:
        """Create or enable an identity with these claims, and end its earlier sign-ins.

        `now_s` is the present in seconds since 1970. Raises DirectoryError.
        """
        self._administer("", {"localId": uid}, expected="DUPLICATE_LOCAL_ID")
        self._administer(":update", _changes(uid, claims, now_s, disabled=False))

    def end(self, uid: str, now_s: int) -> bool:
        """Disable an identity and remove its claims; False where there is none.

        `now_s` is the present in seconds since 1970. Raises DirectoryError.
        """
        changes = _changes(uid, {}, now_s, disabled=True)
        return self._administer(":update", changes, expected="USER_NOT_FOUND")

    def sign_in(self, uid: str) -> tuple[str, str]:
        """Sign an identity in and return its ID token and its refresh token.

        Raises DirectoryError.
        """
        address = f"{self._base}/accounts:signInWithCustomToken?key={quote(self._api_key)}"
        body = {"token": self._signer.custom_token(uid), "returnSecureToken": True}
        tokens = self._post(address, body, {})
        return tokens["idToken"], tokens["refreshToken"]

    def _administer(
        self, method: str, body: Mapping[str, Any], expected: str | None = None
    ) -> bool:
        """Call an owner's method; False where it refuses for the `expected` reason."""
        address = f"{self._base}/projects/{quote(self._project)}/accounts{method}"
        try:
            self._post(address, body, self._signer.authorization())
        except DirectoryError as refusal:
            if refusal.reason != expected:
                raise
            return False
        return True

    def _post(
        self, address: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        answer = self._request(
            url=address,
            method="POST",
            body=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        if answer.status != _OK:
            raise _refusal(address, answer.status, answer.data)
        content: dict[str, Any] = json.loads(answer.data)
        return content


def _changes(uid: str, claims: Mapping[str, Any], now_s: int, *, disabled: bool) -> dict[str, Any]:
    return {
        "localId": uid,
        "customAttributes": json.dumps(claims),
        "disableUser": disabled,
        "validSince": str(now_s),
    }


def _refusal(address: str, status: int, data: bytes) -> DirectoryError:
    try:
        reason = str(json.loads(data)["error"]["message"]).split(" ", 1)[0]
    except (ValueError, LookupError, TypeError):
        reason = "no reason given"
    method = address.rpartition("/")[2].partition("?")[0]
    return DirectoryError(method, status, reason)
