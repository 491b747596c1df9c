"""Messages that wait in the Firestore emulator's memory, counted by the JDK's own tool."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from support.places import ROOT
from tachograph_cli.local.toolchain import find_tools

if TYPE_CHECKING:
    from tachograph_cli.local.stack import Stack

_ENVELOPES = re.compile(r"\s(\d+)\s+\d+\s+\S*\.v8\.Envelope\s")
"""A message for a page, kept until the page has fetched it."""


def messages_waiting(stack: Stack) -> int:
    """Return how many messages the emulator keeps for pages, after a garbage collection."""
    counted = _jcmd(_process(stack.ports["firestore"]), "GC.class_histogram")
    found = _ENVELOPES.search(counted)
    return int(found[1]) if found else 0


def _process(port: int) -> str:
    [process] = [
        line.split()[0]
        for line in _jcmd("-l").splitlines()
        if re.search(rf"--port[ =]{port}\b", line)
    ]
    return process


def _jcmd(*arguments: str) -> str:
    tool = find_tools(ROOT, ("firestore",)).jdk.path / "bin" / "jcmd"
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=True).stdout
