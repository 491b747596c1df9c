"""The stack as a person runs it: started with a status line, and kept until Ctrl-C."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence

from rich.text import Text

from tachograph_cli.local import machine, scheduler
from tachograph_cli.local.machine import Missing
from tachograph_cli.local.process.child import Child
from tachograph_cli.local.stack import Stack
from tachograph_cli.local.toolchain import StackError
from tachograph_cli.terminal.console import Console

POLL_S = 0.5

console = Console(stderr=True)


def start(services: Sequence[str], *, quiet: bool = True) -> Stack:
    """Start the stack of the checkout around here; `quiet=False` prints its output too.

    Raises NoCheckoutError and StackError; Ctrl-C ends the command with a shell's status for it.
    """
    root = machine.checkout()
    if isinstance(machine.find_emulator(root), Missing):
        words = "firebase-tools downloads the Firestore emulator now, once (130 MB)"
        console.print(Text(words, "dim"))
    try:
        with console.status("starting the emulators"):
            return Stack.start(
                root, only=services, quiet=quiet, forget_every_s=scheduler.FORGET_EVERY_S
            )
    except OSError as error:
        raise StackError(f"the local stack cannot start: {error}") from error
    except KeyboardInterrupt:
        console.print()
        console.print("stopped before it had started")
        raise SystemExit(128 + signal.SIGINT) from None


def wait_for_interrupt(stack: Stack, agents: Child | None = None) -> None:
    """Wait for Ctrl-C, and report the end of the agents once.

    Raises StackError when the emulators end by themselves, or the agents with a failure.
    """
    try:
        while True:
            time.sleep(POLL_S)
            stack.check()
            status = None if agents is None else agents.poll()
            if status:
                raise StackError(f"the fleet ended with status {status}; it says above why")
            if status == 0:
                console.print("The fleet has done its work; the dashboard stays until Ctrl-C.")
                agents = None
    except KeyboardInterrupt:
        console.print()
        console.print("stopping")
