"""How a session's context stands by its fleet's own thresholds: pushed, like its signal."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from tachograph.listening import listen_or_warn
from tachograph_schema.paths import FLEETS

if TYPE_CHECKING:
    from tachograph_schema.fleet import RotationPolicy
    from tachograph_schema.thresholds import Level

_log = logging.getLogger("tachograph")


class Levels:
    """A fleet's rotation policy as it is now; the defaults until it is heard."""

    def __init__(self, client: firestore.Client, fleet: str) -> None:
        self._client, self._path = client, f"{FLEETS}/{fleet}"
        self._watch: Any = None
        self._policy: RotationPolicy | None = None

    def of(self, **session: object) -> Level | None:
        """Return the level of a session by its fields; the first look begins to listen."""
        from tachograph_schema.session import Session  # noqa: PLC0415 - imports pydantic
        from tachograph_schema.thresholds import level, thresholds  # noqa: PLC0415

        if self._watch is None:
            document = self._client.document(self._path)
            self._watch = listen_or_warn(document, self._hear, self._path)
        fields = Session.model_validate({k: v for k, v in session.items() if v is not None})
        return level(fields, thresholds(fields, self._policy or _defaults()))

    def stop(self) -> None:
        """Listen no more."""
        if self._watch is not None:
            self._watch.unsubscribe()

    def _hear(self, documents: Sequence[firestore.DocumentSnapshot[Any]], *_: object) -> None:
        from tachograph_schema.fleet import RotationPolicy  # noqa: PLC0415 - imports pydantic
        from tachograph_schema.parsing import parse  # noqa: PLC0415

        said = (documents[0].to_dict() or {}).get("rotation") if documents else None
        self._policy, problems = parse(RotationPolicy, said if isinstance(said, dict) else {})
        for problem in problems:
            _log.warning("%s: rotation.%s; the default is used", self._path, problem)


def _defaults() -> RotationPolicy:
    from tachograph_schema.fleet import RotationPolicy  # noqa: PLC0415 - imports pydantic

    return RotationPolicy()
