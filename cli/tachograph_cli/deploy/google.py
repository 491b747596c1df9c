"""Google's admin APIs, as plain JSON over HTTP: a dozen calls do not earn a dozen client libraries.

TACHOGRAPH_GOOGLE_APIS says where they are, `{service}` standing for such as `run`; the default is
https://{service}.googleapis.com.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import google.auth
import requests
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.auth.transport.requests import AuthorizedSession, Request

from tachograph.errors import OperatorError

ADDRESS = "https://{service}.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
LOGIN = "gcloud auth application-default login"
_TIMEOUT_S = 30.0
_ATTEMPTS = 3
_PAUSE_S = 1.0
_WEATHER = (429, 500, 502, 503, 504)
_OPERATION_S = 300.0

Json = dict[str, Any]


class NoCredentialsError(OperatorError):
    """Nobody is logged in on this machine, or the login does not hold any more."""

    def __init__(self, found: str) -> None:
        super().__init__(f"credentials: {found}; log in with: {LOGIN}")
        self.found = found


@dataclass
class RefusedError(Exception):
    """Google's answer is no."""

    status: int
    reason: str
    """Such as PERMISSION_DENIED or SERVICE_DISABLED."""
    message: str

    def __str__(self) -> str:
        """Say it as Google did."""
        return f"{self.status} {self.reason}: {self.message}"


class Google:
    """The APIs under one identity."""

    def __init__(self, project: str, address: str | None = None) -> None:
        self.project = project
        self._address = address or os.environ.get("TACHOGRAPH_GOOGLE_APIS") or ADDRESS
        try:
            credentials, _ = google.auth.default(scopes=[SCOPE], quota_project_id=project)
        except (DefaultCredentialsError, OSError) as refusal:
            raise NoCredentialsError("none on this machine") from refusal
        self.credentials = credentials
        self._session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]  # typed in part

    @property
    def account(self) -> str:
        """Say who asks, as far as the credentials tell."""
        return str(getattr(self.credentials, "service_account_email", "") or "this login")

    def token(self) -> str:
        """Return a fresh access token, for the programs that are started with this identity."""
        self._try(lambda: self.credentials.refresh(Request()))  # type: ignore[no-untyped-call]  # typed in part
        return str(self.credentials.token)

    def get(self, service: str, path: str, **query: object) -> Json:
        """Read. Raises RefusedError and NoCredentialsError."""
        return self._call("GET", service, path, query, None)

    def post(self, service: str, path: str, body: Json, **query: object) -> Json:
        """Create or ask. Raises RefusedError and NoCredentialsError."""
        return self._call("POST", service, path, query, body)

    def wait(self, service: str, version: str, operation: Json) -> Json:
        """Wait until a long-running operation is done and return what it came to."""
        deadline = time.monotonic() + _OPERATION_S
        while not operation.get("done", "name" not in operation):
            if time.monotonic() > deadline:
                raise RefusedError(
                    504, "DEADLINE_EXCEEDED", f"{operation['name']} is still under way"
                )
            time.sleep(_PAUSE_S)
            operation = self.get(service, f"{version}/{operation['name']}")
        if "error" in operation:
            error = operation["error"]
            raise RefusedError(int(error.get("code", 0)), "FAILED", str(error.get("message", "")))
        response: Json = operation.get("response", operation)
        return response

    def _call(self, method: str, service: str, path: str, query: Json, body: Json | None) -> Json:
        url = f"{self._address.format(service=service)}/{path}"
        for attempt in range(1, _ATTEMPTS + 1):
            answer = self._try(
                lambda: self._session.request(  # type: ignore[no-untyped-call]  # typed in part
                    method, url, params=query or None, json=body, timeout=_TIMEOUT_S
                )
            )
            if answer.status_code not in _WEATHER or attempt == _ATTEMPTS:
                break
            time.sleep(_PAUSE_S * attempt)
        if not answer.ok:
            raise _refusal(answer)
        found: Json = answer.json() if answer.content else {}
        return found

    @staticmethod
    def _try(call: Any) -> Any:  # noqa: ANN401 - typed in part
        try:
            return call()
        except GoogleAuthError as refusal:
            raise NoCredentialsError(f"Google does not take them ({refusal})") from refusal
        except requests.RequestException as trouble:
            raise RefusedError(503, "UNREACHABLE", str(trouble)) from trouble


def _refusal(answer: requests.Response) -> RefusedError:
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return RefusedError(answer.status_code, "", answer.text[:200])
    details = [detail.get("reason") for detail in error.get("details", []) if detail.get("reason")]
    reason = details[0] if details else error.get("status", "")
    return RefusedError(answer.status_code, str(reason), str(error.get("message", "")))
