"""The first answers of a Firestore emulator, which take seconds: no agent should wait for them."""

from __future__ import annotations

import contextlib
import http.client
import json

from tachograph.firestore.emulator_instance import ask, emulator_instance

_DATABASE = "(default)"


def warm_up(address: str, project: str, timeout_s: float) -> None:
    """Have an emulator write a document and answer a query; it is no error where it does not."""
    emulator_instance(address, project, _DATABASE, timeout_s)
    documents = f"http://{address}/v1/projects/{project}/databases/{_DATABASE}/documents"
    query = {"structuredQuery": {"from": [{"collectionId": "tachograph"}], "limit": 1}}
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        ask(f"{documents}:runQuery", timeout_s, json.dumps(query).encode())
