"""Identities on this machine: unsigned tokens, which only an emulator accepts."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

AUDIENCE = (
    "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit"
)
LIFETIME_S = 3600  # the longest that Firebase allows a custom token


def viewer_token(fleet: str, *, project: str = "demo-tachograph", now: float | None = None) -> str:
    """Make a custom token that signs a viewer of this fleet in to the Auth emulator."""
    return custom_token(
        f"viewer-of-{fleet}", {"fleet": fleet, "role": "viewer"}, project=project, now=now
    )


def custom_token(
    uid: str, claims: dict[str, str], *, project: str, now: float | None = None
) -> str:
    """Make an unsigned Firebase custom token: a JWT whose algorithm is none.

    Shape: https://firebase.google.com/docs/auth/admin/create-custom-tokens, less the signature.
    """
    issued = int(time.time() if now is None else now)
    account = f"tachograph-local@{project}.iam.gserviceaccount.com"
    payload = {
        "iss": account,
        "sub": account,
        "aud": AUDIENCE,
        "iat": issued,
        "exp": issued + LIFETIME_S,
        "uid": uid[:128],  # Firebase's bound
        "claims": claims,
    }
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(payload)}."


def id_token(uid: str, claims: Mapping[str, Any], *, project: str, now: float | None = None) -> str:
    """Make an unsigned ID token, such as the Auth emulator makes at a sign-in.

    Shape: https://firebase.google.com/docs/auth/admin/verify-id-tokens, less the signature.
    """
    issued = int(time.time() if now is None else now)
    payload = {
        "iss": f"https://securetoken.google.com/{project}",
        "aud": project,
        "sub": uid[:128],
        "user_id": uid[:128],
        "auth_time": issued,
        "iat": issued,
        "exp": issued + LIFETIME_S,
        "firebase": {"identities": {}, "sign_in_provider": "custom"},
        **claims,
    }
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(payload)}."


def _part(content: dict[str, object]) -> str:
    text = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
