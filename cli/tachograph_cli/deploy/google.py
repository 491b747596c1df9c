"""Google's admin APIs as plain JSON over HTTP, because a dozen calls need no dozen libraries.

TACHOGRAPH_GOOGLE_APIS is their address, with `{service}` for the service's name, such as `run`. The
default is https://{service}.googleapis.com.
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
_TRANSIENT = (429, 500, 502, 503, 504)
_OPERATION_S = 300.0

Json = dict[str, Any]


class NoCredentialsError(OperatorError):
    """No login on this machine, or an expired one; `state` says which."""

    def __init__(self, state: str) -> None:
        super().__init__(f"credentials: {state}; log in with: {LOGIN}")
        self.state = state


@dataclass
class RefusedError(Exception):
    """Google refused a request."""

    status: int
    reason: str
    """Such as PERMISSION_DENIED or SERVICE_DISABLED."""
    message: str

    def __str__(self) -> str:
        """Return status, reason and message, as Google wrote them."""
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
        """Return the service account's address, or `this login` for a person."""
        return str(getattr(self.credentials, "service_account_email", "") or "this login")

    def token(self) -> str:
        """Return a fresh access token, for programs that run under this identity.

        Raises NoCredentialsError and RefusedError.
        """
        self._try(lambda: self.credentials.refresh(Request()))  # type: ignore[no-untyped-call]  # typed in part
        return str(self.credentials.token)

    def get(self, service: str, path: str, **query: object) -> Json:
        """Return what a service answers to a GET. Raises RefusedError and NoCredentialsError."""
        return self._call("GET", service, path, query, None)

    def post(self, service: str, path: str, body: Json, **query: object) -> Json:
        """Return what a service answers to a POST. Raises RefusedError and NoCredentialsError."""
        return self._call("POST", service, path, query, body)

    def patch(self, service: str, path: str, body: Json, **query: object) -> Json:
        """Return what a service answers to a PATCH. Raises RefusedError and NoCredentialsError."""
        return self._call("PATCH", service, path, query, body)

    def wait(self, service: str, version: str, operation: Json) -> Json:
        """Return the response of a long-running operation, which takes at most 300 s.

        Raises RefusedError where the operation fails or takes longer, and NoCredentialsError.
        """
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
            if answer.status_code not in _TRANSIENT or attempt == _ATTEMPTS:
                break
            time.sleep(_PAUSE_S * attempt)
        if not answer.ok:
            raise _refusal(answer)
        content: Json = answer.json() if answer.content else {}
        return content

    @staticmethod
    def _try(call: Any) -> Any:  # noqa: ANN401 - typed in part
        try:
            return call()
        except GoogleAuthError as refusal:
            raise NoCredentialsError(f"Google does not take them ({refusal})") from refusal
        except requests.RequestException as error:
            raise RefusedError(503, "UNREACHABLE", str(error)) from error


def _refusal(answer: requests.Response) -> RefusedError:
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return RefusedError(answer.status_code, "", answer.text[:200])
    details = [detail.get("reason") for detail in error.get("details", []) if detail.get("reason")]
    reason = details[0] if details else error.get("status", "")
    return RefusedError(answer.status_code, str(reason), str(error.get("message", "")))
