"""The tick obeys the scheduler alone, and no log repeats what it was sent."""

from __future__ import annotations

import http.server
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import flask
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from google.auth import crypt, jwt

from events import caller
from runtime.settings import settings
from support.wire.events import history, serve

SCHEDULER = "tachograph-scheduler@acme.iam.gserviceaccount.com"
HOST = "tick-abc.a.run.app"
_SECRETS = ("sk-ant-secret", "ada@example.com", "the whole prompt", "eyJhbGciOi")


class _Google:
    """Keys, and a server that publishes their certificate, as Google's does."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._signer = crypt.RSASigner.from_string(private, "k1")
        self.published = {"k1": certificate.public_bytes(serialization.Encoding.PEM).decode()}

    def token(self, **claims: Any) -> str:  # noqa: ANN401 - any claims
        now = int(time.time())
        usual = {
            "iss": "https://accounts.google.com",
            "aud": f"https://{HOST}",
            "email": SCHEDULER,
            "email_verified": True,
            "iat": now,
            "exp": now + 600,
        }
        signed: bytes = jwt.encode(self._signer, {**usual, **claims})
        return signed.decode()


@pytest.fixture(scope="module")
def google() -> _Google:
    """Give who signs."""
    return _Google()


@pytest.fixture(scope="module")
def certificates(google: _Google) -> Iterator[str]:
    """Give the address of the certificates."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(google.published).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _in_the_cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TACHOGRAPH_TICK_CALLER", SCHEDULER)
    settings.cache_clear()
    yield
    settings.cache_clear()


def _answer(certificates: str, token: str | None, body: bytes = b"{}") -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    app = flask.Flask("test")
    with app.test_request_context(
        "/", method="POST", data=body, headers=headers, base_url=f"https://{HOST}"
    ):
        refusal = caller.refused(flask.request, certificates)
    return 200 if refusal is None else int(refusal[1])  # type: ignore[index]


def test_scheduler_is_known_by_its_token(google: _Google, certificates: str) -> None:
    assert _answer(certificates, google.token()) == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "somebody@acme.iam.gserviceaccount.com"},
        {"email_verified": False},
        {"aud": "https://another.a.run.app"},
        {"iss": "https://evil.example"},
        {"exp": 1_000_000_000, "iat": 999_999_000},
    ],
)
def test_any_other_token_is_refused(
    google: _Google, certificates: str, claims: dict[str, Any]
) -> None:
    assert _answer(certificates, google.token(**claims)) == 403


def test_token_that_google_did_not_sign_is_refused(certificates: str) -> None:
    assert _answer(certificates, _Google().token()) == 403
    assert _answer(certificates, "not.a.token") == 403
    assert _answer(certificates, None) == 403


def test_long_body_is_refused_before_it_is_read(google: _Google, certificates: str) -> None:
    assert _answer(certificates, google.token(), b"x" * 5000) == 413


def test_nobody_is_the_scheduler_where_none_is_named(
    google: _Google, certificates: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("", "anyone"):
        monkeypatch.setenv("TACHOGRAPH_TICK_CALLER", name)
        monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
        settings.cache_clear()
        assert _answer(certificates, None) == 403
        assert _answer(certificates, google.token(email=name)) == 403


def test_no_log_and_no_answer_repeats_what_was_sent(
    firestore_host: str,
    fleet_name: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    secret, email, prompt, token = _SECRETS
    path = f"fleets/{fleet_name}/tasks/t-1"
    garbage = {"title": prompt, "tokens_in": secret, "model": [email], "prompt": prompt}
    with serve("roll_up", firestore_host) as served:
        for write in history(path, [garbage, {**garbage, "labels": {secret: 5, "": email}}]):
            assert served.deliver(write) == 200
            assert served.deliver(write, as_json=True) == 200
        for body in (f'{{"value": "{secret}"}}', f'{{"value": {{"name": "{email}"}}}}', prompt):
            assert served.post(body.encode(), "application/json") in (200, 400)
            assert served.post(body.encode(), "application/protobuf") == 200
    said = ""
    with serve("tick", firestore_host, TACHOGRAPH_TICK_CALLER=SCHEDULER) as served:
        request = urllib.request.Request(
            served.url, json.dumps({"a": secret}).encode(), {"Authorization": f"Bearer {token}"}
        )
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(request, timeout=30)
        said = refusal.value.read().decode()
        assert refusal.value.code == 403
    captured = capfd.readouterr()
    for secret in (*_SECRETS, SCHEDULER):
        assert secret not in captured.out + captured.err + said
