"""A fleet's documents in Firestore: where they are, and the writer of this process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakSet

from google.cloud import firestore

from tachograph.firestore.confirmation import UncountedWrites
from tachograph.firestore.document import Document, Pending
from tachograph.firestore.writer import Writer
from tachograph_schema.paths import FLEETS, DocumentPath


class Listening(Protocol):
    """An object with a listener."""

    def close(self) -> None:
        """Stop listening; a second call does nothing."""


@dataclass(frozen=True, slots=True)
class FleetDatabase:
    """The database of one fleet, as one process reads and writes it."""

    client: firestore.Client
    fleet: str
    writer: Writer
    uncounted: UncountedWrites | None = None
    """The writes to wait for in `Fleet.settle`, where the process asked for that."""
    listening: WeakSet[Listening] = field(default_factory=WeakSet)
    """The listeners that end with the fleet: each lives in threads of its own."""

    def id(self, collection: str, name: object, what: str = "id") -> str:
        """Return an id that a document of a collection may have; raises ValueError for another."""
        if not isinstance(name, str):
            raise ValueError(
                f"{collection}: the {what} is of the type {type(name).__name__}; expected text"
            )
        return DocumentPath(self.fleet, collection, str.__str__(name)).document

    def document(self, collection: str, name: str, pending: Pending) -> Document:
        """Return a document for the writer, with the fields that are not written yet."""
        path = DocumentPath(self.fleet, collection, self.id(collection, name))
        return Document(self.client, str(path), pending, self.uncounted)

    def stop_listening(self) -> None:
        """End every listener."""
        for one in list(self.listening):
            one.close()

    def reference(self, collection: str, name: str) -> firestore.DocumentReference:
        """Return a document for reading."""
        return self.client.document(str(DocumentPath(self.fleet, collection, name)))

    def collection(self, name: str) -> Any:  # noqa: ANN401 - Google's collections are typed in part
        """Return a collection of the fleet, for queries."""
        return self.client.collection(FLEETS, self.fleet, name)
