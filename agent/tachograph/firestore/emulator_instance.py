"""The database that a client writes to, named so that no other one has the same name.

An emulator begins empty each time, on a port where another may have been. So its database holds a
document that names it. It is read and written as the emulator's owner, whom no rule binds.
"""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
import uuid
from http import HTTPStatus
from typing import Any

from google.cloud import firestore

_log = logging.getLogger("tachograph")
_COLLECTION, _DOCUMENT = "tachograph", "emulator"
_TIMEOUT_S = 20.0
"""An emulator that has just started takes long for its first answer, on a busy machine."""


def database_key(client: firestore.Client) -> tuple[str, str, str, str]:
    """Name a client's database, and its agent, where the agent may write only its own reports.

    The rules let no other agent write the reports that such an agent leaves behind.
    """
    credentials: Any = client._credentials  # noqa: SLF001 - no public name
    database = str(client._database)  # noqa: SLF001 - likewise
    host = client._emulator_host  # noqa: SLF001 - likewise
    project = str(client.project)
    emulator = emulator_instance(host, project, database) if host else ""
    own_only = getattr(credentials, "role", None) == "agent"
    return emulator, project, database, str(credentials.agent if own_only else "")


def emulator_instance(host: str, project: str, database: str, timeout_s: float = _TIMEOUT_S) -> str:
    """Return the name of the emulator at an address, which it gets when it is first asked.

    One that does not answer has a name of this process's own: nobody can tell which it was.
    """
    collection = f"http://{host}/v1/projects/{project}/databases/{database}/documents/{_COLLECTION}"
    name = uuid.uuid4().hex
    body = {"fields": {"name": {"stringValue": name}}}
    try:
        try:
            ask(f"{collection}?documentId={_DOCUMENT}", timeout_s, json.dumps(body).encode())
        except urllib.error.HTTPError as refusal:
            if refusal.code != HTTPStatus.CONFLICT:
                raise
            answer = ask(f"{collection}/{_DOCUMENT}", timeout_s)
            name = str(answer["fields"]["name"]["stringValue"])
    except Exception as trouble:  # noqa: BLE001 - whatever answers there, telemetry goes on
        _log.debug("the emulator at %s cannot be told from another: %s", host, trouble)
    return name


def ask(address: str, timeout_s: float, body: bytes | None = None) -> Any:  # noqa: ANN401 - JSON
    """Ask an emulator something, as its owner and through no proxy; raises what `urllib` does."""
    request = urllib.request.Request(  # noqa: S310 - an emulator has no encryption
        address,
        body,
        {"Authorization": "Bearer owner", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=timeout_s) as answer:
        return json.load(answer)
