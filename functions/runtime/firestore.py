"""The connections to Firestore, opened once per process.

Two of them, because an event's one commit is built from raw protocol buffers: 160 increments take
0.3 ms of CPU that way and 6 ms through the client's batches.
"""

from __future__ import annotations

import os
from functools import cache

import grpc
from google.cloud import firestore
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

from runtime.settings import settings


@cache
def db() -> firestore.Client:
    """Return the client that ticks read and publish with."""
    return firestore.Client(database=settings().database)


@cache
def api() -> FirestoreClient:
    """Return the lower client that events are committed with."""
    emulator = os.environ.get("FIRESTORE_EMULATOR_HOST")
    if not emulator:
        return FirestoreClient()
    return FirestoreClient(
        transport=FirestoreGrpcTransport(channel=grpc.insecure_channel(emulator))
    )


@cache
def metadata() -> tuple[tuple[str, str], ...]:
    """Return what goes with every request: the database, and in the emulator the owner's word."""
    routing = ("google-cloud-resource-prefix", root())
    if os.environ.get("FIRESTORE_EMULATOR_HOST"):
        return (routing, ("authorization", "Bearer owner"))
    return (routing,)


@cache
def root() -> str:
    """Return the name all documents' names begin with, before `/documents/`."""
    return f"projects/{db().project}/databases/{settings().database}"
