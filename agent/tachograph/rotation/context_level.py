"""The level of a session's context by its fleet's thresholds, set or learned: pushed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from tachograph.firestore.listener import listen_or_warn
from tachograph.process.fork import begins_anew
from tachograph_schema.paths import BASELINES, FLEETS, baseline_id

if TYPE_CHECKING:
    from tachograph_schema.documents.fleet import RotationPolicy
    from tachograph_schema.documents.session import Session
    from tachograph_schema.rotation.thresholds import Level

    _Documents = Sequence[firestore.DocumentSnapshot[Any]]

_log = logging.getLogger("tachograph")
_HEARD = ("rotation", "context_windows")
"""The fields of a fleet's document that a level depends on."""


class ContextLevels:
    """A fleet's current rotation policy and context windows; defaults until they are received."""

    def __init__(self, client: firestore.Client, fleet: str) -> None:
        self._client, self._path = client, f"{FLEETS}/{fleet}"
        self._watches: dict[str, Any] = {}
        self._stopped = False
        self._lock = threading.Lock()
        self._policy: RotationPolicy | None = None
        self._windows: Mapping[str, int] = {}
        self._learned_pct: dict[str, float | None] = {}
        begins_anew(self)

    def forked(self) -> None:
        """Listen anew in a child: the listeners are its parent's."""
        self._lock, self._watches = threading.Lock(), {}

    def of(self, **session: object) -> Level | None:
        """Return the level of a session by its fields; the first look begins to listen."""
        from tachograph_schema.documents.session import Session  # noqa: PLC0415 - imports pydantic
        from tachograph_schema.rotation.thresholds import level, thresholds  # noqa: PLC0415

        self._listen(self._path, self._policy_changed)
        fields = Session.model_validate({k: v for k, v in session.items() if v is not None})
        policy = self._policy or _defaults()
        return level(fields, thresholds(fields, policy, self._learned(fields, policy)))

    def window_tokens(self, model: str) -> int | None:
        """Return the tokens that the fleet's list gives a model; the first look begins to listen.

        One listener serves all sessions of a process, so a call reads nothing.
        """
        self._listen(self._path, self._policy_changed)
        return self._windows.get(model)

    def stop(self) -> None:
        """Stop listening, for good: the last reports are read after this."""
        with self._lock:
            self._stopped = True
        for watch in self._watches.values():
            watch.unsubscribe()

    def _learned(self, session: Session, policy: RotationPolicy) -> float | None:
        """Return the learned threshold for the session's type and model, if there is one."""
        if policy.policy != "learned" or session.task_type is None or session.model is None:
            return None
        pair = baseline_id(session.task_type, session.model)
        self._listen(f"{self._path}/{BASELINES}/{pair}", partial(self._learned_changed, pair))
        return self._learned_pct.get(pair)

    def _listen(self, path: str, on_documents: Callable[..., None]) -> None:
        if path in self._watches:  # at each call: without the lock
            return
        with self._lock:  # the agent and the writer may look at the same time
            if path not in self._watches and not self._stopped:
                source = self._client.document(path)
                self._watches[path] = listen_or_warn(source, on_documents, path)

    def _learned_changed(self, pair: str, documents: _Documents, *_: object) -> None:
        pct = (documents[0].to_dict() or {}).get("rotate_below_pct") if documents else None
        self._learned_pct[pair] = pct if isinstance(pct, int | float) else None

    def _policy_changed(self, documents: _Documents, *_: object) -> None:
        from tachograph_schema.documents.fleet import Fleet  # noqa: PLC0415 - imports pydantic
        from tachograph_schema.parsing import parse  # noqa: PLC0415

        fields = (documents[0].to_dict() or {}) if documents else {}
        fleet, problems = parse(Fleet, {k: v for k, v in fields.items() if k in _HEARD})
        self._policy, self._windows = fleet.rotation, fleet.context_windows
        for problem in problems:
            _log.warning("%s: %s; the default is used", self._path, problem)


def _defaults() -> RotationPolicy:
    from tachograph_schema.documents.fleet import RotationPolicy  # noqa: PLC0415 - imports pydantic

    return RotationPolicy()
