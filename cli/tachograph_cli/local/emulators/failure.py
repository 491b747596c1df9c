"""Pure: the reason why the emulators have ended, read from what they printed."""

from __future__ import annotations

import re

from tachograph_cli.local.emulators.memory import SETTING

_OUT_OF_MEMORY = "Terminating due to java.lang.OutOfMemoryError"  # -XX:+ExitOnOutOfMemoryError
_PORT_TAKEN = re.compile(
    r"configured port (\d{1,5}) is already in use|Port (\d{1,5}) is not open on"
)
_SIGNALLED = re.compile(r"([A-Z]\w{0,30} Emulator) has exited upon receiving signal: (\w{1,20})")
_EXITED = re.compile(r"([A-Z]\w{0,30} Emulator) has exited(?: with code)?: ([^,]{1,200})")


def taken_port(printed: str) -> str | None:
    """Return the port that another program took first; None where firebase-tools names none."""
    match = _found(_PORT_TAKEN, printed)
    return (match[1] or match[2]) if match else None


def reason(printed: str, of_firestore: str, heap_mb: int) -> str | None:
    """Say in one sentence why an emulator has ended; None where nothing printed says so.

    `printed` is of firebase-tools, `of_firestore` of the Firestore emulator itself, whose heap is
    bounded by `heap_mb`.
    """
    if _OUT_OF_MEMORY in of_firestore:
        return (
            f"the Firestore emulator ran out of memory: the documents need more than {heap_mb} MB; "
            f"start again with more: {SETTING}={2 * heap_mb}"
        )
    port = taken_port(printed)
    if port is not None:
        return f"port {port} was taken by another program, so all emulators have stopped"
    signalled = _found(_SIGNALLED, printed)
    if signalled is not None:
        hint = ", as the system does when memory is short" if signalled[2] == "SIGKILL" else ""
        return f"the {signalled[1]} was ended by {signalled[2]}{hint}"
    exited = _found(_EXITED, printed)
    if exited is not None:
        return f"the {exited[1]} has ended with {exited[2].strip()}, and all others with it"
    return None


def _found(pattern: re.Pattern[str], printed: str) -> re.Match[str] | None:
    """Look through the lines of firebase-tools alone: what a function prints begins with ">"."""
    lines = (line for line in printed.splitlines() if not line.startswith(">"))
    return next(filter(None, map(pattern.search, lines)), None)
