"""A subprocess, with everything below it, that cannot outlive this process."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from tachograph_cli.local.process import supervisor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import IO


class Child:
    """One command under a supervisor: it ends when stopped, or when this process is gone."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        output: IO[bytes] | None = None,
        remove: Path | None = None,
        hold: int | None = None,
        ending: signal.Signals = signal.SIGINT,
    ) -> None:
        """Start a command with an environment, in the folder `cwd`.

        `output` is a file for all that it prints. `remove` is a folder that is removed after it.
        `hold` is an open file, such as a lock, that stays open until the supervisor has ended.
        `ending` is the signal that stops it.
        """
        removal = "" if remove is None else str(remove)
        self._supervisor = subprocess.Popen(
            [sys.executable, "-P", "-m", supervisor.__name__, ending.name, removal, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            # A terminal's Ctrl-C reaches this process alone, which then stops things in order.
            start_new_session=True,
            pass_fds=() if hold is None else (hold,),
        )

    @property
    def pid(self) -> int:
        """Return the id of the supervisor's process, which leads the session."""
        return self._supervisor.pid

    def poll(self) -> int | None:
        """Return the command's exit status, None while it runs."""
        return self._supervisor.poll()

    def stop(self) -> int:
        """Stop the command and every process below it; return its exit status.

        Stopping twice is harmless. Raises subprocess.TimeoutExpired after 40 s.
        """
        if self._supervisor.stdin is not None:
            self._supervisor.stdin.close()
        return self._supervisor.wait(2 * supervisor.STOPPED_WITHIN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
