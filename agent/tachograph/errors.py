"""Every exception that the package raises by a class of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

DispatchRefusal = Literal["rotating", "ended", "absent"]
_REFUSALS: Final[Mapping[DispatchRefusal, str]] = {
    "rotating": "it is told to rotate",
    "ended": "it has ended",
    "absent": "it has no open session",
}


class OperatorError(Exception):
    """A condition outside the program that a person has to mend; the message says how."""


class NotConnectedError(OperatorError):
    """The environment names no Firestore database."""

    def __init__(self) -> None:
        super().__init__(
            "Firestore: found no emulator and no credentials; expected one of them. On a laptop, "
            "run it inside the stack: tachograph local -- COMMAND. For a fleet in the cloud: set "
            "TACHOGRAPH_CREDENTIAL to a file that `tachograph enroll` wrote. For its project: "
            "gcloud auth application-default login, and set GOOGLE_CLOUD_PROJECT."
        )


class CredentialError(OperatorError):
    """A credential that cannot be used; the message says where, what was found, what is allowed."""


class ClaimLost(Exception):  # noqa: N818 - an everyday outcome, not an error
    """Another session took the task first."""

    def __init__(self, task_id: str, status: str, agent: str | None) -> None:
        super().__init__(f"tasks/{task_id}: status is {status}, of {agent}; expected queued")
        self.task_id, self.agent = task_id, agent


class DispatchRefused(Exception):  # noqa: N818 - an everyday outcome, not an error
    """The worker cannot be given a task now: its `reason` is rotating, ended or absent."""

    def __init__(
        self, task_id: str, agent: str, session_id: str | None, reason: DispatchRefusal
    ) -> None:
        worker = f"{agent}, session {session_id}" if session_id else agent
        super().__init__(
            f"tasks/{task_id} to {worker}: {_REFUSALS[reason]}; expected an open session that stays"
        )
        self.task_id, self.agent, self.session_id = task_id, agent, session_id
        self.reason = reason


class BranchHeld(Exception):  # noqa: N818 - an everyday outcome, not an error
    """Another agent holds the branch."""

    def __init__(self, repo: str, branch: str, agent: str | None, guard_id: str | None) -> None:
        super().__init__(f"{repo}, {branch}: held by {agent}; expected a branch nobody holds")
        self.repo, self.branch, self.agent, self.guard_id = repo, branch, agent, guard_id


class SuccessionTaken(SystemExit):
    """Another session has taken over, or there is nothing to take over any more.

    A process that was started as a successor has nothing to do then: unless this is caught, it
    ends with status 0.
    """

    def __init__(self, signal: str, reason: str) -> None:
        super().__init__(0)
        self.words = f"{signal}: {reason}; nothing is left to take over"

    def __str__(self) -> str:
        return self.words
