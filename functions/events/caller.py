"""The caller of an HTTP entry point: the scheduler, known by the token that Google signed for it.

Cloud Run checks that token already (`run.invoker`); this check holds where somebody opens the
service by mistake. A refused caller gets an empty answer, and nothing of its request is logged.
"""

from __future__ import annotations

import logging
import os
from typing import Any, Final

import flask

from runtime.settings import settings

_log = logging.getLogger(__name__)
ANYONE: Final = "anyone"
"""Instead of a caller, for an emulator; anywhere else it is nobody."""
MAX_BODY_BYTES: Final = 4096
"""The scheduler sends `{}`."""
CERTIFICATES: Final = "https://www.googleapis.com/oauth2/v1/certs"
_ISSUERS: Final = ("https://accounts.google.com", "accounts.google.com")
_BEARER: Final = "Bearer "


def refused(
    request: flask.Request, certificates: str = CERTIFICATES
) -> flask.typing.ResponseReturnValue | None:
    """Return what to answer to somebody who is not the scheduler; None for the scheduler."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        return "", 413
    caller = settings().tick_caller
    if caller == ANYONE and os.environ.get("FIRESTORE_EMULATOR_HOST"):
        return None
    header = request.headers.get("Authorization", "")
    claims = _claims(header.removeprefix(_BEARER), certificates) if _BEARER in header[:7] else {}
    is_scheduler = (
        caller not in ("", ANYONE)
        and claims.get("iss") in _ISSUERS
        and claims.get("email_verified") is True
        and claims.get("email") == caller
        and claims.get("aud") == f"https://{request.host}"
    )
    if is_scheduler:
        return None
    _log.warning("a call was refused: %s", "not the scheduler's" if claims else "no valid token")
    return "", 403


def _claims(token: str, certificates: str) -> dict[str, Any]:
    """Return what a token says, if Google signed it and it has not expired."""
    # Only the tick needs these, once a minute: 0.2 s that no event pays.
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from google.auth.transport.requests import Request  # noqa: PLC0415
    from google.oauth2 import id_token  # noqa: PLC0415

    try:
        return dict(id_token.verify_token(token, Request(), audience=None, certs_url=certificates))
    except (GoogleAuthError, ValueError):
        return {}
