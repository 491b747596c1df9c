"""A fleet's baselines and tracing policy, as this process last read them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud import firestore

from tachograph.process.fork import call
from tachograph_schema.documents.fleet import Fleet, TracingPolicy
from tachograph_schema.parsing import parse
from tachograph_schema.paths import BASELINES, FLEETS, SESSIONS, DocumentPath, baseline_id
from tachograph_schema.tracing.sampling import TraceBaseline, trace_baseline
from tachograph_schema.tracing.spans import Place, read_traceparent

_log = logging.getLogger("tachograph")
REFRESH_S = 600.0
_TIMEOUT_S = 5.0
_MAX_BASELINES = 400
T = TypeVar("T")


class BaselineCache:
    """The fleet's policy and baselines: read at their first use, and again after ten minutes.

    Used in the background only. Trouble is a warning, and the values read before stay.
    """

    def __init__(self, client: firestore.Client, fleet: str) -> None:
        self._client, self._fleet = client, fleet
        self._cached: dict[str, tuple[float, Any]] = {}

    def policy(self) -> TracingPolicy:
        """Return the policy of the fleet's owner."""
        path = f"{FLEETS}/{self._fleet}"
        return self._current(path, _policy, TracingPolicy())

    def baseline(self, task_type: str | None, model: str | None) -> TraceBaseline:
        """Return the baseline for tasks of a type on a model."""
        if not task_type or not model:
            return TraceBaseline()
        name = baseline_id(task_type, model)
        return self._current(
            str(DocumentPath(self._fleet, BASELINES, name)), _baseline, TraceBaseline()
        )

    def session_place(self, session_id: str) -> Place | None:
        """Return the place of another session in its trace."""
        path = str(DocumentPath(self._fleet, SESSIONS, session_id))
        return read_traceparent(self._read(path).get("traceparent"))

    def _current(self, path: str, read: Callable[[Mapping[str, Any]], T], default: T) -> T:
        cached = self._cached.get(path)
        if cached is not None and time.monotonic() - cached[0] < REFRESH_S:
            current: T = cached[1]
            return current
        value = cached[1] if cached is not None else default
        try:
            value = read(self._read(path, raises=True))
        except (GoogleAPICallError, RetryError) as trouble:
            _log.warning("%s could not be read: %s", path, trouble)
        if len(self._cached) >= _MAX_BASELINES:
            self._cached.clear()
        self._cached[path] = time.monotonic(), value
        return value

    def _read(self, path: str, *, raises: bool = False) -> Mapping[str, Any]:
        try:
            with call():
                snapshot = self._client.document(path).get(retry=None, timeout=_TIMEOUT_S)
        except (GoogleAPICallError, RetryError) as trouble:
            if raises:
                raise
            _log.warning("%s could not be read: %s", path, trouble)
            return {}
        return snapshot.to_dict() or {}


def _policy(fields: Mapping[str, Any]) -> TracingPolicy:
    fleet, problems = parse(Fleet, {"tracing": fields.get("tracing", {})})
    for problem in problems:
        _log.warning("the fleet's policy: %s; the default is used", problem)
    return fleet.tracing


def _baseline(fields: Mapping[str, Any]) -> TraceBaseline:
    return trace_baseline(fields.get("quantiles") or {})
