"""Running git in a working copy, and the reason of a failure as one word.

Git's own output is never kept, because it names files and hosts.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CHANGES = frozenset(
    {
        "am", "apply", "branch", "checkout", "cherry-pick", "clone", "commit", "fetch", "merge",
        "pull", "push", "rebase", "reset", "restore", "revert", "stash", "switch", "tag",
        "worktree",
    }
)  # fmt: skip
"""Commands whose failure is an incident; for others, such as diff --quiet, it is an answer."""
NOTHING = "nothing_to_do"
_REASONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (NOTHING, ("nothing to commit", "nothing added to commit", "no changes added")),
    ("merge_conflict", ("conflict (", "merge conflict", "could not apply", "unmerged files")),
    ("lock", (".lock': file exists", "cannot lock ref", "another git process")),
    ("refused_by_host", ("protected branch", "hook declined", "pre-receive", "gh006")),
    ("non_fast_forward", ("non-fast-forward", "fetch first", "stale info", "not possible to fast")),
    ("local_changes", ("would be overwritten", "unstaged changes", "uncommitted changes")),
    ("authentication", ("authentication failed", "permission denied", "could not read username")),
    ("network", ("could not resolve host", "unable to access", "connection", "timed out")),
    ("unknown_name", ("did not match any", "unknown revision", "couldn't find remote ref",
                      "does not appear to be a git repository", "not a git repository")),
)  # fmt: skip
_QUICK_S = 20.0


def failure_reason(output: str) -> str:
    """Return the reason of a failure, from git's output in English."""
    text = output.lower()
    reasons = (reason for reason, signs in _REASONS if any(sign in text for sign in signs))
    return next(reasons, "other")


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """A folder that git works in, and the remote that others share."""

    folder: Path
    remote: str = "origin"

    def run(
        self, arguments: Sequence[str], timeout_s: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `git ARGUMENTS` here, in English and without prompts."""
        return subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        )

    def remote_head(self, branch: str) -> str | None:
        """Return the remote's newest commit of a branch; None when there is none, or no answer."""
        heads = self._output("ls-remote", "--heads", self.remote, f"refs/heads/{branch}")
        return heads.split()[0] if heads else None

    def is_ours(self, commit: str) -> bool:
        """Tell whether a commit was this working copy's head, or is an ancestor of it."""
        if commit in (self._output("reflog", "--format=%H", "HEAD") or "").split():
            return True
        return self._output("merge-base", "--is-ancestor", commit, "HEAD") is not None

    def _output(self, *arguments: str) -> str | None:
        """Return git's output; None when it fails."""
        try:
            done = self.run(arguments, _QUICK_S)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None
