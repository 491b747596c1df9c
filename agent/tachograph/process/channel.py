"""The connection of a Firestore client: its end, its place in a forked child, and its lock."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.cloud import firestore

from tachograph.process.fork import locked_over_forks, wait_for_calls

_abandoned: list[object] = []
"""The connections of a forked child's parent: to let go of one would close it under the parent."""


def prepare_forks(client: firestore.Client) -> None:
    """Make a process whose forks no call and no stream of this client makes hang."""
    grpc.insecure_channel(
        "127.0.0.1:1"
    ).close()  # gRPC registers its own hook with its first channel
    wait_for_calls()
    locked_over_forks(client, channel_lock)


def close_channel(client: firestore.Client) -> None:
    """End a client's connection, and every call on it, those that a thread makes later too.

    The client's own `close` leaves the channel open, with its threads.
    """
    api = client._firestore_api_internal  # noqa: SLF001 - no public way
    if api is not None:
        api.transport.close()


@contextmanager
def channel_again(client: firestore.Client) -> Iterator[None]:
    """Open a connection of a client whose own is closed, for the block."""
    client._firestore_api_internal = None  # noqa: SLF001 - no public way
    try:
        yield
    finally:
        close_channel(client)


def abandon_channel(client: firestore.Client) -> None:
    """Have a forked child open a connection of its own."""
    _abandoned.append(client._firestore_api_internal)  # noqa: SLF001 - likewise
    client._firestore_api_internal = None  # noqa: SLF001 - likewise


def channel_lock(client: firestore.Client) -> threading.Condition | None:
    """Return the lock that gRPC takes for each step of a call; None where there is no connection.

    In a child gRPC takes it before the child's first line, to cancel the parent's calls. A thread
    that reads from a stream in that moment holds it, and does not exist in the child. gRPC gives
    nobody the lock, so it is found among what the channel refers to.
    """
    api = client._firestore_api_internal  # noqa: SLF001 - no public way
    channel = getattr(getattr(api, "transport", None), "grpc_channel", None)
    for state in gc.get_referents(getattr(channel, "_channel", None)):
        if type(state).__name__ == "_ChannelState":
            locks = (one for one in gc.get_referents(state) if isinstance(one, threading.Condition))
            return next(locks, None)
    return None
