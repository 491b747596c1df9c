"""The fleets of a database, for commands that found nothing of the one they were asked about."""

from __future__ import annotations

import os
from contextlib import closing

import click
from google.api_core.exceptions import PermissionDenied
from google.cloud import firestore

from tachograph.firestore.client import service_client
from tachograph_schema.paths import FLEETS

_NAMED_FLEETS = 20


def fleets(db: firestore.Client) -> list[str]:
    """Return the names of at most 20 fleets."""
    references = db.collection(FLEETS).list_documents(page_size=_NAMED_FLEETS)
    return sorted(ref.id for ref, _ in zip(references, range(_NAMED_FLEETS), strict=False))


def other_fleets(db: firestore.Client, fleet: str) -> str:
    """Say which other fleets there are.

    An agent's identity may read its own fleet only. In an emulator anybody may read them all, so
    there they are read without it.
    """
    try:
        others = fleets(db)
    except PermissionDenied:
        if "FIRESTORE_EMULATOR_HOST" not in os.environ:
            return "this identity may not see which other fleets there are"
        with closing(service_client(db.project)) as unbound:
            others = fleets(unbound)
    names = [name for name in others if name != fleet]
    return f"other fleets here: {', '.join(names)}" if names else "there is no other fleet here"


def require(db: firestore.Client, fleet: str) -> None:
    """Raise click.ClickException where the database holds no document of a fleet.

    `db` is a client that no rule binds.
    """
    document = db.document(FLEETS, fleet)
    if next(iter(document.collections(page_size=1)), None) is None and not document.get().exists:
        raise click.ClickException(
            f"fleets/{fleet}: there is no such fleet; {other_fleets(db, fleet)}"
        )
