"""Firestore's CloudEvents as Eventarc delivers them, and a server of the functions."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from google.events.cloud.firestore import DocumentEventData
from google.protobuf.json_format import MessageToDict

from support.places import FUNCTIONS

PROJECT = "demo-tachograph"
EPOCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
_EventData = DocumentEventData.pb()

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Version:
    """A document in the state that one write left."""

    fields: Fields
    written_at: datetime
    created_at: datetime | None = None


@dataclass(frozen=True)
class Write:
    """One write of one document, which is one event."""

    path: str
    before: Version | None
    after: Version | None

    def payload(self) -> Any:  # noqa: ANN401 - generated protobuf classes
        """Return the event's data."""
        data = _EventData()
        for version, into in ((self.before, data.old_value), (self.after, data.value)):
            if version is not None:
                into.name = f"projects/{PROJECT}/databases/(default)/documents/{self.path}"
                into.update_time.FromDatetime(version.written_at)
                if version.created_at is not None:
                    into.create_time.FromDatetime(version.created_at)
                for name, value in version.fields.items():
                    _set(into.fields[name], value)
        return data


def history(path: str, versions: Sequence[Fields], start: datetime = EPOCH) -> list[Write]:
    """Return the writes of a document's `versions`, a minute apart."""
    made = [
        Version(fields, start + timedelta(minutes=n), start) for n, fields in enumerate(versions)
    ]
    return [Write(path, before, after) for before, after in zip([None, *made], made, strict=False)]


def _set(value: Any, python: object) -> None:  # noqa: ANN401, C901 - generated protobuf classes
    if python is None:
        value.null_value = 0
    elif isinstance(python, bool):
        value.boolean_value = python
    elif isinstance(python, int):
        value.integer_value = python
    elif isinstance(python, float):
        value.double_value = python
    elif isinstance(python, str):
        value.string_value = python
    elif isinstance(python, bytes):
        value.bytes_value = python
    elif isinstance(python, datetime):
        value.timestamp_value.FromDatetime(python)
    elif isinstance(python, list):
        value.array_value.SetInParent()
        for item in python:
            _set(value.array_value.values.add(), item)
    elif isinstance(python, Mapping):
        value.map_value.SetInParent()
        for key, item in python.items():
            _set(value.map_value.fields[key], item)
    else:
        raise TypeError(f"{python!r} is no Firestore value")


class Served:
    """An entry point behind functions-framework, in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}/"

    def deliver(self, write: Write, *, as_json: bool = False) -> int:
        """Send one event and return the HTTP status; 2xx means that it is not delivered again."""
        payload = write.payload()
        if as_json:
            body = _json(MessageToDict(payload))
            return self.post(body, "application/json")
        return self.post(payload.SerializeToString(), "application/protobuf")

    def post(self, body: bytes, content_type: str, query: str = "") -> int:
        """Send any body as the data of a CloudEvent."""
        headers = {
            "Content-Type": content_type,
            "ce-specversion": "1.0",
            "ce-id": "1",
            "ce-source": "//firestore.googleapis.com/",
            "ce-type": "google.cloud.firestore.document.v1.written",
        }
        request = urllib.request.Request(self.url + query, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return refusal.code


def _json(payload: object) -> bytes:
    import json  # noqa: PLC0415 - only here

    return json.dumps(payload).encode()


@contextmanager
def serve(
    target: str, firestore: str, *, source: Path = FUNCTIONS, **settings: str
) -> Iterator[Served]:
    """Serve an entry point, as Cloud Run does, against a Firestore emulator.

    A `source` other than functions/ is served by the packages of its own venv.
    """
    port = _free_port()
    environment = {
        **os.environ,
        "FIRESTORE_EMULATOR_HOST": firestore,
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "PORT": str(port),
        "TACHOGRAPH_TICK_ON_WRITE": "false",
        "TACHOGRAPH_TICK_CALLER": "anyone",
        **settings,
    }
    programs = Path(sys.executable).parent if source == FUNCTIONS else source / "venv" / "bin"
    command = [
        str(programs / "functions-framework"),
        "--source", str(source / "main.py"),
        "--target", target,
        "--signature-type", "http" if target == "tick" else "cloudevent",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environment, cwd=source)
    try:
        _wait_for(port, process)
        yield Served(process, port)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + 60
    while monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.05)
    raise RuntimeError(f"functions-framework did not answer on port {port}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
