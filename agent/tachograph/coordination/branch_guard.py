"""`session.guard_repo`: one agent at a time changes a branch.

A second agent is refused, and the refusal is an incident with both names. A commit that appears at
the remote's branch without a guard is an incident too: contamination.
"""

from __future__ import annotations

import logging
import subprocess
import threading

from google.api_core.exceptions import GoogleAPICallError, RetryError

from tachograph.coordination.branch_lease import Lease
from tachograph.coordination.git import CHANGES, NOTHING, WorkingCopy, failure_reason
from tachograph.coordination.incidents import Incidents
from tachograph.errors import BranchHeld
from tachograph.process.block import Block

_log = logging.getLogger("tachograph")
RENEWALS = 3
"""Renewals during one length of a lease: two may fail before it is over."""


class BranchGuard(Block):
    """A branch that is this session's alone until the block is left."""

    _blocking = True

    def __init__(
        self, lease: Lease, incidents: Incidents, session_id: str, copy: WorkingCopy | None
    ) -> None:
        self._lease, self._incidents, self._copy = lease, incidents, copy
        self._session_id = session_id
        self._leaving = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="tachograph-guard", daemon=True)
        self._remote_head: str | None = None
        self._failures = 0

    @property
    def held(self) -> bool:
        """Whether the branch is certainly still this session's; ask before anything others see."""
        return self._lease.held

    def git(
        self, *arguments: str, timeout_s: float | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `git ARGUMENTS` in the folder, for at most `timeout_s` seconds.

        A change that git refuses is an incident with its reason. Raises:

        - BranchHeld when the lease was lost.
        - CalledProcessError when git fails, unless `check` is False.
        - TimeoutExpired after `timeout_s` seconds.
        - ValueError when the guard has no folder.
        """
        if self._copy is None:
            raise ValueError("guard.git needs to know where; expected guard_repo(..., folder=...)")
        if not self.held:
            raise self._refused(BranchHeld(*self._branch, self._lease.holder(), None))
        done = self._copy.run(arguments, timeout_s)
        if done.returncode:
            self._failed(arguments, done)
        if check:
            done.check_returncode()
        return done

    def _failed(self, arguments: tuple[str, ...], done: subprocess.CompletedProcess[str]) -> None:
        command = next((word for word in arguments if word in CHANGES), None)
        reason = failure_reason(f"{done.stdout}\n{done.stderr}")
        if command is None or reason == NOTHING:
            return
        self._failures += 1
        repo, branch = self._branch
        self._incidents.write(
            "git_failure",
            self._lease.guard_id,
            str(self._failures),
            repo=repo,
            branch=branch,
            reason=reason,
            detail=f"git {command}",
        )
        if reason == "non_fast_forward":
            self._look_at_remote()

    def _look_at_remote(self) -> None:
        """Write a foreign commit that appeared at the remote's head while the branch was held.

        Several agents may see the same commit: it is one incident.
        """
        if self._copy is None:
            return
        repo, branch = self._branch
        head = self._copy.remote_head(branch)
        if head is None or head == self._remote_head or self._copy.is_ours(head):
            return
        self._remote_head = head
        self._incidents.write(
            "branch_contamination",
            repo,
            branch,
            head,
            shared=True,
            repo=repo,
            branch=branch,
            detail=head,
        )

    def _refused(self, held: BranchHeld) -> BranchHeld:
        """Write a refusal as an incident: one for each session that a holder keeps out."""
        repo, branch = self._branch
        self._incidents.write(
            "branch_held",
            repo,
            branch,
            held.guard_id or f"{self._lease.guard_id} lost",
            self._session_id,
            repo=repo,
            branch=branch,
            other_agent_id=held.agent,
        )
        return held

    @property
    def _branch(self) -> tuple[str, str]:
        return self._lease.repo, self._lease.branch

    def _renew(self) -> None:
        while not self._leaving.wait(self._lease.lease_s / RENEWALS):
            try:
                if not self._lease.renew():
                    _log.warning("%s, %s: the lease was lost to another agent", *self._branch)
                    return
            except Exception as trouble:  # noqa: BLE001 - a later renewal may succeed
                _log.warning("%s, %s: the lease is not renewed yet: %s", *self._branch, trouble)

    def _enter(self) -> None:
        try:
            self._lease.acquire()
        except BranchHeld as held:
            raise self._refused(held) from None
        if self._copy is not None:
            self._remote_head = self._copy.remote_head(self._lease.branch)
        self._renewing.start()

    def _leave(self, error: type[BaseException] | None) -> None:  # noqa: ARG002 - as any block
        self._leaving.set()
        self._renewing.join()
        if self.held:
            self._look_at_remote()
        try:
            self._lease.release()
        except (GoogleAPICallError, RetryError) as trouble:
            _log.warning("%s, %s: the lease runs out by itself: %s", *self._branch, trouble)
