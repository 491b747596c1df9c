"""Pure: the reason why the emulators have ended, read from what they printed."""

from __future__ import annotations

import re

from tachograph_cli.local.emulators.memory import SETTING

_OUT_OF_MEMORY = "Terminating due to java.lang.OutOfMemoryError"  # -XX:+ExitOnOutOfMemoryError
# Lines of firebase-tools alone: what a function prints begins with ">".
_PORT_TAKEN = re.compile(
    r"^(?!>).*(?:configured port (\d+) is already in use|Port (\d+) is not open on)", re.MULTILINE
)
_SIGNALLED = re.compile(
    r"^\W*([\w ]*Emulator) has exited upon receiving signal: (\w+)", re.MULTILINE
)
_EXITED = re.compile(
    r"^(?!>).*?([A-Z]\w+ Emulator) has exited(?: with code)?: (.+?),? *$", re.MULTILINE
)


def taken_port(printed: str) -> str | None:
    """Return the port that another program took first; None where firebase-tools names none."""
    match = _PORT_TAKEN.search(printed)
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
    signalled = _SIGNALLED.search(printed)
    if signalled is not None:
        hint = ", as the system does when memory is short" if signalled[2] == "SIGKILL" else ""
        return f"the {signalled[1].strip()} was ended by {signalled[2]}{hint}"
    exited = _EXITED.search(printed)
    if exited is not None:
        return f"the {exited[1]} has ended with {exited[2]}, and all others with it"
    return None
