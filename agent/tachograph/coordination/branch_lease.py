"""An exclusive lease on a branch, judged by the database's clock alone.

The age of a lease is the time of reading it less the time of its last write. Both are the
database's, so no agent's clock matters. The holder counts from before its write was sent, by a
clock that cannot be set, so it gives the branch up before another agent may take it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import (
    AlreadyExists,
    FailedPrecondition,
    NotFound,
    PermissionDenied,
)
from google.cloud import firestore

from tachograph.errors import BranchHeld
from tachograph.firestore.pace import CONTENDED
from tachograph.process.fork import begins_anew, call
from tachograph_schema.paths import LEASES, DocumentPath, lease_id

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_CHANGED = (AlreadyExists, FailedPrecondition, NotFound, PermissionDenied)
"""Errors after another write; the rules are evaluated before versions are compared."""
_NEVER = object()
MAX_LEASE_S = 86_400
"""The longest time a branch stays held after its holder has gone."""
_GRACE = timedelta(seconds=1)
"""The pause between a lease's end and a takeover, because the rules count whole seconds."""
_KEPT = timedelta(days=7)
"""When retention removes an unreleased lease: far beyond any lease and any wrong clock."""


class Lease:
    """One lease of one branch."""

    def __init__(
        self,
        client: firestore.Client,
        fleet: str,
        repo: str,
        branch: str,
        *,
        agent: str,
        session_id: str,
        lease_s: float,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.repo, self.branch, self.lease_s = repo, branch, lease_s
        self.guard_id = uuid.uuid4().hex
        self._client, self._clock_s = client, clock_s
        self._ref = client.document(str(DocumentPath(fleet, LEASES, lease_id(repo, branch))))
        self._fields = {
            "repo": repo,
            "branch": branch,
            "agent_id": agent,
            "session_id": session_id,
            "guard_id": self.guard_id,
            "lease_ms": round(lease_s * 1000),
        }
        self._version: Any = None
        self._until_s = 0.0
        begins_anew(self)

    def forked(self) -> None:
        """Hold nothing in a child: the branch is its parent's."""
        self._version = None

    @property
    def held(self) -> bool:
        """Whether the branch is certainly still held by this lease."""
        return self._version is not None and self._clock_s() < self._until_s

    def acquire(self) -> None:
        """Take the branch, or raise BranchHeld.

        Every write holds only for the version that was read, so of two contenders one wins.
        """
        last_version: Any = _NEVER
        while True:
            sent_s = self._clock_s()
            snapshot = self._ref.get()
            if snapshot.exists and not self._is_free(snapshot):
                fields = snapshot.to_dict() or {}
                raise BranchHeld(
                    self.repo, self.branch, fields.get("agent_id"), fields.get("guard_id")
                )
            try:
                self._write(snapshot.update_time if snapshot.exists else None, sent_s)
            except _CHANGED as refusal:
                # Another write came first; perhaps this one, whose answer was lost.
                if isinstance(refusal, PermissionDenied) and snapshot.update_time == last_version:
                    raise
                last_version = snapshot.update_time
            else:
                return

    def renew(self) -> bool:
        """Hold on to the branch; False when another agent has it, or it was released.

        Raises the error of the network; the lease can then be renewed later, if it is still held.
        """
        while self._version is not None:
            sent_s = self._clock_s()
            try:
                self._write(self._version, sent_s)
            except _CHANGED as refusal:
                with call():
                    snapshot = self._ref.get()
                if isinstance(refusal, PermissionDenied) and snapshot.update_time == self._version:
                    raise
                ours = snapshot.exists and snapshot.get("guard_id") == self.guard_id
                self._version = snapshot.update_time if ours else None
            else:
                return True
        return False

    def release(self) -> None:
        """Let go of the branch, if it is still held by this lease."""
        version, self._version = self._version, None
        if version is None:
            return
        unchanged = self._client.write_option(last_update_time=version)
        try:
            self._ref.delete(option=unchanged, retry=CONTENDED)
        except _CHANGED:
            return  # another agent has taken it since

    def holder(self) -> str | None:
        """Name the agent that holds the branch, if any does."""
        agent: str | None = (self._ref.get().to_dict() or {}).get("agent_id")
        return agent

    def _is_free(self, snapshot: _Snapshot) -> bool:
        fields = snapshot.to_dict() or {}
        if fields.get("guard_id") == self.guard_id:
            return True
        lease_ms = fields.get("lease_ms")
        if not isinstance(lease_ms, int):
            return True  # a document without a length holds nothing
        read_at, written_at = snapshot.read_time, snapshot.update_time
        age: timedelta = read_at - written_at
        return age > timedelta(milliseconds=lease_ms) + _GRACE

    def _write(self, version: object, sent_s: float) -> None:
        fields = {
            **self._fields,
            "renewed_at": firestore.SERVER_TIMESTAMP,
            "expires_at": datetime.now(UTC) + _KEPT,
        }
        if version is None:
            result = self._ref.create(fields, retry=CONTENDED)
        else:
            unchanged = self._client.write_option(last_update_time=version)
            result = self._ref.update(fields, option=unchanged, retry=CONTENDED)
        self._version, self._until_s = result.update_time, sent_s + self.lease_s
