"""The project's identities: Firebase Auth (Identity Platform) over its REST interface.

Four calls of it are all that is needed, so firebase-admin, which brings its own Firestore and
Storage clients, is not.
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
from tachograph_cli.enroll.signer import Signs

_SERVICE = "identitytoolkit.googleapis.com/v1"
_OK = 200


class DirectoryError(OperatorError):
    """The directory refused something; the message says what, and `word` is its word for why."""

    def __init__(self, method: str, status: int, word: str) -> None:
        super().__init__(
            f"Firebase Auth: {method} answers {status} {word}; expected a project with Identity "
            "Platform enabled, its web API key, and the role roles/firebaseauth.admin"
        )
        self.word = word


class Directory:
    """The identities of one project, as its owner administers them."""

    def __init__(
        self, project: str, signs: Signs, api_key: str, request: Request | None = None
    ) -> None:
        host = os.environ.get("FIREBASE_AUTH_EMULATOR_HOST")
        self._base = f"http://{host}/{_SERVICE}" if host else f"https://{_SERVICE}"
        self._project, self._signs, self._api_key = project, signs, api_key
        self._request = request or Http()

    def put(self, uid: str, claims: Mapping[str, Any], now_s: int) -> None:
        """Have an identity with these claims, enabled; what was signed in before is no more."""
        self._administer("", {"localId": uid}, known="DUPLICATE_LOCAL_ID")
        said = {
            "localId": uid,
            "customAttributes": json.dumps(claims),
            "disableUser": False,
            "validSince": str(now_s),
        }
        self._administer(":update", said)

    def end(self, uid: str, now_s: int) -> bool:
        """Disable an identity and take its claims away; False where there is none."""
        said = {
            "localId": uid,
            "customAttributes": "{}",
            "disableUser": True,
            "validSince": str(now_s),
        }
        return self._administer(":update", said, known="USER_NOT_FOUND")

    def sign_in(self, uid: str) -> tuple[str, str]:
        """Sign an identity in and return its ID token and its refresh token."""
        address = f"{self._base}/accounts:signInWithCustomToken?key={quote(self._api_key)}"
        body = {"token": self._signs.custom_token(uid), "returnSecureToken": True}
        said = self._post(address, body, {})
        return said["idToken"], said["refreshToken"]

    def _administer(self, method: str, body: Mapping[str, Any], known: str | None = None) -> bool:
        """Call an owner's method; False where it answers with the `known` word."""
        address = f"{self._base}/projects/{quote(self._project)}/accounts{method}"
        try:
            self._post(address, body, self._signs.authorization())
        except DirectoryError as refusal:
            if refusal.word != known:
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
        said: dict[str, Any] = json.loads(answer.data)
        return said


def _refusal(address: str, status: int, data: bytes) -> DirectoryError:
    try:
        word = str(json.loads(data)["error"]["message"]).split(" ", 1)[0]
    except (ValueError, LookupError, TypeError):
        word = "no reason given"
    method = address.rpartition("/")[2].partition("?")[0]
    return DirectoryError(method, status, word)
