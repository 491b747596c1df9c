"""A server of the fake of Google's admin APIs, and a service account's key that it accepts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from support.fakes.google_apis import ACCOUNT, PROJECT, Cloud, Json, refusal


@contextmanager
def served(cloud: Cloud) -> Iterator[Cloud]:
    """Serve a project's APIs; `address` is a value for TACHOGRAPH_GOOGLE_APIS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._handle({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/token":
                cloud.tokens += 1
                answer = {"access_token": f"t{cloud.tokens}", "expires_in": 3600}
                self._reply(200, answer)
            else:
                self._handle(json.loads(body or b"{}"))

        do_PATCH = do_POST  # noqa: N815 - http.server's name

        def _handle(self, body: Json) -> None:
            parts = urlsplit(self.path)
            cloud.asked.append((self.command, parts.path))
            if not self.headers.get("Authorization", "").startswith("Bearer t"):
                self._reply(*refusal(401, "UNAUTHENTICATED", "no token"))
            elif cloud.weather:
                cloud.weather -= 1
                self._reply(*refusal(503, "UNAVAILABLE", "try again"))
            else:
                self._reply(*cloud.answer(self.command, parts.path, parse_qs(parts.query), body))

        def _reply(self, status: int, answer: Json) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    cloud.address = f"http://127.0.0.1:{server.server_port}/{{service}}"
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_key(path: Path, cloud: Cloud) -> Path:
    """Write the key of a service account, which this server accepts."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    content = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": ACCOUNT,
        "token_uri": cloud.address.format(service="token"),
    }
    path.write_text(json.dumps(content))
    return path
