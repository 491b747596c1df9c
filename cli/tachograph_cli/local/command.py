"""`tachograph local`."""

from __future__ import annotations

import os
import sys

import click
from rich.text import Text

from tachograph_cli.local.console import console, start, wait_for_interrupt
from tachograph_cli.local.process import foreground
from tachograph_cli.local.process.signals import unwinding
from tachograph_cli.local.stack import SERVICES


class ProgramNotFoundError(click.ClickException):
    """The command to run inside the stack is not there; the status is the shell's for that."""

    exit_code = foreground.NOT_FOUND

    def __init__(self, program: str) -> None:
        super().__init__(
            f"COMMAND is {program!r}: no such program; expected one on PATH or its path"
        )


@click.command(context_settings={"allow_interspersed_args": False})
@click.option(
    "--only", default=",".join(SERVICES), show_default=True, help="The services to start."
)
@click.option("--verbose", is_flag=True, help="Print what the emulators and the functions print.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def local(only: str, command: tuple[str, ...], *, verbose: bool) -> None:
    """Run the stack on this machine, or a COMMAND inside it.

    \b
    tachograph local                       until Ctrl-C
    tachograph local -- python my_agent.py and stops when it ends, with its exit status

    The command finds FIRESTORE_EMULATOR_HOST, FIREBASE_AUTH_EMULATOR_HOST, GOOGLE_CLOUD_PROJECT,
    TACHOGRAPH_FUNCTIONS_URL and TACHOGRAPH_DASHBOARD_URL in its environment; and
    TACHOGRAPH_CREDENTIAL=emulator, by which it is the owner of whatever fleet it names.

    \b
    Exits with 1 where the stack cannot start or ends by itself (COMMAND is ended then), 2 for an
    option that cannot be, 126 or 127 where COMMAND cannot be run, as a shell does.

    The Firestore emulator holds all documents in memory, 1,024 MB of them at most; set
    TACHOGRAPH_EMULATOR_MB for more. The rest of the stack needs about as much.
    """  # noqa: D301 - the \b is click's mark of lines to keep as they are
    services, status = _services(only), 0
    if command and foreground.missing(command[0]):
        raise ProgramNotFoundError(command[0])
    with unwinding(), start(services, quiet=not verbose) as stack:
        if command:
            status = foreground.run(command, {**os.environ, **stack.env}, stack.check)
        else:
            for name, value in stack.env.items():
                console.print(Text.assemble((f"{name}=", "dim"), value))
            console.print(Text.assemble(("what functions print:", "dim"), f" {stack.log}"))
            wait_for_interrupt(stack)
    sys.exit(status)


def _services(only: str) -> list[str]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in names if name not in SERVICES]
    if unknown or not names:
        raise click.UsageError(f"--only is {only!r}; expected some of {','.join(SERVICES)}")
    return names
