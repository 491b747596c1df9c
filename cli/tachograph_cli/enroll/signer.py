"""The signer of a project: its owner's authorization, and the tokens that sign identities in."""

from __future__ import annotations

import time
from typing import Any, Protocol

import google.auth
from google.auth import iam, jwt
from google.auth.exceptions import DefaultCredentialsError
from google.auth.transport.requests import Request as Http

from tachograph.errors import OperatorError
from tachograph.firestore.emulator_identity import AUDIENCE, LIFETIME_S, custom_token

_SCOPES = (
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/identitytoolkit",
)


class SigningError(OperatorError):
    """No credentials here can sign for the project; the message says what to do."""


class Signer(Protocol):
    """The owner of a project, who administers identities and signs them in."""

    def authorization(self) -> dict[str, str]:
        """Return the header of a request by the project's owner."""

    def custom_token(self, uid: str) -> str:
        """Return a token that signs an identity in, within the hour."""


class EmulatorSigner:
    """The signer of the Auth emulator, which takes everyone for the owner and unsigned tokens."""

    def __init__(self, project: str) -> None:
        self._project = project

    def authorization(self) -> dict[str, str]:
        """Return the header by which the emulator knows the owner."""
        return {"Authorization": "Bearer owner"}

    def custom_token(self, uid: str) -> str:
        """Return an unsigned token."""
        return custom_token(uid, {}, project=self._project)


class ServiceAccountSigner:
    """A service account that signs: with its own key, or through IAM in the name of `account`."""

    def __init__(self, credentials: Any, account: str | None = None) -> None:  # noqa: ANN401 - untyped
        self._credentials = credentials
        self._account = account or getattr(credentials, "service_account_email", None)
        if not self._account or self._account == "default":
            raise SigningError(
                "enroll: these credentials are no service account's; expected --signer EMAIL, an "
                "account of the project that you may sign for: roles/iam.serviceAccountTokenCreator"
            )
        own = getattr(credentials, "signer", None)
        self._signer = own if account is None and own is not None else None

    def authorization(self) -> dict[str, str]:
        """Return the header of a request by these credentials."""
        if not self._credentials.valid:
            self._credentials.refresh(Http())
        return {"Authorization": f"Bearer {self._credentials.token}"}

    def custom_token(self, uid: str) -> str:
        """Return a token signed by the account, without claims: the identity itself has them."""
        issued = int(time.time())
        payload = {
            "iss": self._account,
            "sub": self._account,
            "aud": AUDIENCE,
            "iat": issued,
            "exp": issued + LIFETIME_S,
            "uid": uid,
        }
        by_iam: Any = iam.Signer  # untyped
        signer = self._signer or by_iam(Http(), self._credentials, self._account)
        encode: Any = jwt.encode  # untyped
        token: bytes = encode(signer, payload)
        return token.decode()


def service_account_signer(account: str | None) -> ServiceAccountSigner:
    """Return the signer of this machine's credentials, or of `account`, which they act for.

    Raises SigningError where there are no credentials, or they are no service account's.
    """
    try:
        credentials, _ = google.auth.default(scopes=_SCOPES)
    except DefaultCredentialsError as refusal:
        raise SigningError(
            "enroll: found no credentials of the project's owner; expected them by: "
            "gcloud auth application-default login"
        ) from refusal
    return ServiceAccountSigner(credentials, account)
