"""A subprocess, with everything below it, that cannot outlive this process."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Self

from tachograph_cli.local.process import supervisor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import IO


class Child:
    """One command under a keeper: ends when stopped, or when this process is gone."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        output: IO[bytes] | None = None,
        remove: Path | None = None,
    ) -> None:
        """Start the command; `output` takes what it prints, the folder `remove` goes with it."""
        removal = [] if remove is None else ["--remove", str(remove)]
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", supervisor.__file__, *removal, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            # A terminal's Ctrl-C reaches this process alone, which then stops things in order.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Name the keeper's process, which leads the session."""
        return self._keeper.pid

    def poll(self) -> int | None:
        """Return the command's exit status, None while it runs."""
        return self._keeper.poll()

    def stop(self) -> int:
        """Stop the command and all below it; return its exit status. Twice is harmless."""
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()
        return self._keeper.wait(2 * supervisor.STOPPED_WITHIN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
