"""Credentials and what signs them in: refused in words where they cannot be used."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt
from google.oauth2 import service_account

from tachograph.errors import CredentialError
from tachograph.firestore.client import connect
from tachograph.firestore.credential import (
    Credential,
    read_credential,
    write_credential,
)
from tachograph_cli.enroll.enrollment import AgentNameError, uid_of
from tachograph_cli.enroll.signer import ServiceAccountSigner, SigningError

ACCOUNT = "enroller@acme.iam.gserviceaccount.com"
_CREDENTIAL = Credential("p", "acme", "b-1", "agent", "key", "secret", "2030-01-01T00:00:00+00:00")
_NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_credential_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_credential(_CREDENTIAL, tmp_path / "a" / "b-1.json")
    assert read_credential(tmp_path / "a" / "b-1.json", _NOW) == _CREDENTIAL
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b-1.json"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("{", "cannot be read"),
        ('{"type": "service_account"}', 'no credential; expected "type"'),
        ({"refresh_token": ""}, "lacks refresh_token"),
        ({"role": "god"}, "its role is not known; expected one of agent, orchestrator"),
        ({"expires_at": "soon"}, "expires_at is no moment"),
        ({"expires_at": "2020-01-01T00:00:00+00:00"}, "tachograph enroll b-1 --fleet acme"),
    ],
)
def test_credential_that_cannot_be_used_is_refused_in_words(
    tmp_path: Path, said: str | dict[str, str], words: str
) -> None:
    path = tmp_path / "c.json"
    write_credential(_CREDENTIAL, path)
    text = said if isinstance(said, str) else json.dumps(json.loads(path.read_text()) | said)
    path.write_text(text)
    with pytest.raises(CredentialError, match=words) as refusal:
        read_credential(path, _NOW)
    assert "secret" not in str(refusal.value)


def test_unsigned_identity_is_refused_where_no_emulator_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACHOGRAPH_CREDENTIAL", "emulator")
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    with pytest.raises(CredentialError, match="expected FIRESTORE_EMULATOR_HOST beside it"):
        connect(fleet="acme")


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "*", "x" * 64, "-a", "a b"])
def test_name_that_rules_could_mistake_is_not_enrolled(name: str) -> None:
    with pytest.raises(AgentNameError, match="expected 1-63 letters"):
        uid_of("acme", name)


def test_custom_token_is_signed_by_the_account_and_holds_no_claims() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    info = {
        "client_email": ACCOUNT, "private_key": pem.decode(), "token_uri": "https://x",
        "private_key_id": "1",
    }  # fmt: skip
    signs = ServiceAccountSigner(service_account.Credentials.from_service_account_info(info))
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    token = signs.custom_token("acme:b-1")
    crypt.RSAVerifier.from_string(public)
    claims: dict[str, Any] = jwt.decode(token, public.decode(), verify=True)
    assert (claims["iss"], claims["sub"], claims["uid"]) == (ACCOUNT, ACCOUNT, "acme:b-1")
    assert claims["exp"] - claims["iat"] == 3600
    assert "claims" not in claims


def test_credentials_of_a_person_need_to_say_whom_they_sign_for() -> None:
    with pytest.raises(SigningError, match="--signer EMAIL"):
        ServiceAccountSigner(object())
