"""The first answers of a Firestore emulator, which take seconds: no agent should wait for them."""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.request

from tachograph.firestore.emulator_instance import emulator_instance

_DATABASE = "(default)"


def warm_up(address: str, project: str, timeout_s: float) -> None:
    """Have an emulator write a document and answer a query; it is no error where it does not."""
    emulator_instance(address, project, _DATABASE, timeout_s)
    query = {"structuredQuery": {"from": [{"collectionId": "tachograph"}], "limit": 1}}
    request = urllib.request.Request(
        f"http://{address}/v1/projects/{project}/databases/{_DATABASE}/documents:runQuery",
        json.dumps(query).encode(),
        {"Authorization": "Bearer owner", "Content-Type": "application/json"},
    )
    with (
        contextlib.suppress(OSError, http.client.HTTPException),
        urllib.request.urlopen(request, timeout=timeout_s) as answer,  # noqa: S310 - likewise
    ):
        answer.read()
