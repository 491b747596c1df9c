"""The cost of recording one call: our SDK and four other libraries, in the same run.

The other libraries are installed in their own environment, in the versions of peers.txt. They send
to a local server that accepts everything. The rounds of the libraries alternate, so a machine whose
speed drifts affects all of them alike. There are two paces. A thousand calls a second load the
library's queue. Fifty calls a second leave the processor time for other work in between, as in an
agent, so a call is measured with cold caches.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tachograph_cli.local.stack import Stack

PACES = {0.001: 2_000, 0.02: 300}
"""Seconds between two calls -> number of calls."""
ROUNDS = 3
PEERS = ("opentelemetry", "langfuse", "langsmith", "logfire")
_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_ENVIRONMENT = _ROOT / ".venv" / "peers"


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield the median and 99th percentile of every library, over all rounds."""
    python = _installed()
    took: dict[tuple[float, str], list[int]] = {}
    with Stack.start(_ROOT, only=("firestore",)) as stack, _sink() as address:
        ours, theirs = {**os.environ, **stack.env}, {**os.environ, **_settings(address)}
        for pace_s in [*PACES] * ROUNDS:
            for name in ("tachograph", *PEERS):
                mine = name == "tachograph"
                runs = (sys.executable, ours) if mine else (python, theirs)
                took.setdefault((pace_s, name), []).extend(_round(name, pace_s, *runs))
    for (pace_s, name), durations in took.items():
        p50 = statistics.median(durations) / 1000
        p99 = statistics.quantiles(durations, n=100)[98] / 1000
        bound = "30, 150 us, and below the others" if name == "tachograph" else ""
        what = f"recording a call with {name}, {1 / pace_s:.0f} a second"
        yield what, f"p50 {p50:.0f} us, p99 {p99:.0f} us", bound


def _round(name: str, pace_s: float, python: str, environment: Mapping[str, str]) -> list[int]:
    command = [python, str(_HERE / "call.py"), name, str(PACES[pace_s]), str(pace_s)]
    run = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    took: list[int] = json.loads(run.stdout)
    return took


def _installed() -> str:
    """Return the Python that has the peers, installed at the first run."""
    python = str(_ENVIRONMENT / "bin" / "python")
    if not (_ENVIRONMENT / ".installed").exists():
        venv.create(_ENVIRONMENT, with_pip=True)
        command = [python, "-m", "pip", "install", "--quiet", "-r", str(_HERE / "peers.txt")]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        (_ENVIRONMENT / ".installed").touch()
    return python


def _settings(address: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": address,
        "LANGFUSE_BASE_URL": address,
        "LANGFUSE_PUBLIC_KEY": "pk-lf-bench",
        "LANGFUSE_SECRET_KEY": "sk-lf-bench",
        "LANGSMITH_ENDPOINT": address,
        "LANGSMITH_API_KEY": "bench",
        "LANGSMITH_TRACING": "true",
    }


@contextmanager
def _sink() -> Iterator[str]:
    """Yield the address of a server that accepts every request."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    do_PATCH = do_POST  # noqa: N815 - http.server's names

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""
