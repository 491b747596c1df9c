"""`tachograph doctor`, `local` and `demo`."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

import click
from rich.console import Console
from rich.markup import escape

from tachograph.firestore.emulator_identity import viewer_token
from tachograph_cli.local import machine
from tachograph_cli.local import requirements as checks
from tachograph_cli.local.machine import Missing
from tachograph_cli.local.process import foreground
from tachograph_cli.local.process.child import Child
from tachograph_cli.local.process.signals import unwinding
from tachograph_cli.local.stack import SERVICES, Stack
from tachograph_cli.local.toolchain import StackError

if TYPE_CHECKING:
    from collections.abc import Sequence

OWN_TRANSCRIPTS = Path("~/.claude/projects")
LOOK_EVERY_S = 0.5

console = Console(stderr=True, highlight=False)


@click.command()
@click.option("--project", help="Look at this Google Cloud project instead of this machine.")
@click.option("--location", default="us-central1", show_default=True, help="Its database's.")
@click.option("--region", default="", help="Its functions'; by default the database's.")
@click.option("--database", default="(default)", show_default=True, help="Its database's name.")
@click.option("--name", default="tachograph", show_default=True, help="What names begin with.")
@click.option("--no-task", is_flag=True, help="Send no synthetic task through it.")
def doctor(
    project: str | None, location: str, region: str, database: str, name: str, *, no_task: bool
) -> None:
    """Say what this machine has and lacks for the local stack, or a project for the cloud.

    Each thing that is wrong stands beside the command that mends it. Exits with 1 when something
    needed is missing. Where an installation is in the project, a task is sent through it to a
    rollup, and taken back.
    """
    if project is not None:
        from tachograph_cli.deploy.command import doctor as of_project  # noqa: PLC0415 - likewise
        from tachograph_cli.deploy.target import Target  # noqa: PLC0415 - the local doctor needs none of it

        of_project(Target(project, location, database, name, region), task=not no_task)
    lines = checks.examine()
    Console(highlight=False).print(checks.table(lines))
    sys.exit(any(line.fails for line in lines))


@click.command(context_settings={"ignore_unknown_options": True})
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
    """  # noqa: D301 - the \b is click's mark of lines to keep as they are
    with unwinding(), _stack(_services(only), quiet=not verbose) as stack:
        if command:
            status = foreground.run(command, {**os.environ, **stack.env})
        else:
            for name, value in stack.env.items():
                console.print(f"[dim]{name}=[/dim]{escape(value)}")
            console.print(f"[dim]what functions print:[/dim] {stack.log}")
            _serve(stack)
            status = 0
    sys.exit(status)


@click.command()
@click.option("--fleet", default="demo", show_default=True, help="The fleet's name.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Replay the Claude Code or Codex transcripts in this folder.",
)
@click.option(
    "--own",
    is_flag=True,
    help=f"Replay your own transcripts, {OWN_TRANSCRIPTS}. They stay on this machine.",
)
@click.option(
    "--speed",
    default=60.0,
    show_default=True,
    help="A replay's seconds per second; 0: as fast as possible.",
)
@click.option("--no-browser", is_flag=True, help="Print the address only.")
def demo(fleet: str, folder: Path | None, speed: float, *, own: bool, no_browser: bool) -> None:
    """Show a fleet at work: the local stack, agents and the dashboard.

    Without --folder or --own it is a lively pretend fleet. The dashboard stays until Ctrl-C.
    """
    chosen = folder or (OWN_TRANSCRIPTS.expanduser() if own else None)
    if chosen is not None and not chosen.is_dir():
        raise click.UsageError(
            f"--own: {chosen} is not there; expected the folder of Claude Code's transcripts"
        )
    with unwinding(), _stack(SERVICES) as stack:
        env = {**os.environ, **stack.env}
        token = viewer_token(fleet, project=stack.project)
        address = f"{stack.dashboard_url}/?fleet={quote(fleet)}#token={token}"
        with Child(_fleet_command(fleet, chosen, speed), env=env) as agents:
            console.print(f"\n[bold]Dashboard of fleet {escape(fleet)}[/bold]")
            # Plain, on one line: a terminal must find the whole of the address.
            click.echo(f"  {address}\n")
            console.print(f"[dim]what functions print: {stack.log} - Ctrl-C ends all of it[/dim]")
            if not no_browser and _has_display():
                webbrowser.open(address)
            _serve(stack, agents)


def _services(only: str) -> list[str]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in names if name not in SERVICES]
    if unknown or not names:
        raise click.UsageError(f"--only is {only!r}; expected some of {','.join(SERVICES)}")
    return names


def _stack(services: Sequence[str], *, quiet: bool = True) -> Stack:
    root = machine.find_root()
    if isinstance(root, Missing):
        raise click.ClickException(f"{root.what}: found {root.found}; {root.remedy}")
    if isinstance(machine.find_emulator(root.path), Missing):
        console.print(
            "[dim]firebase-tools downloads the Firestore emulator now, once (130 MB)[/dim]"
        )
    try:
        with console.status("starting the emulators"):
            return Stack.start(root.path, only=services, quiet=quiet)
    except StackError as error:
        raise click.ClickException(str(error)) from error


def _fleet_command(fleet: str, folder: Path | None, speed: float) -> list[str]:
    if folder is None:
        return [sys.executable, "-m", "tachograph_cli.demo", "--fleet", fleet]
    replay = [sys.executable, "-m", "tachograph_cli.main", "replay", str(folder), "--fleet", fleet]
    return [*replay, "--live", "--traces", "--speed", f"{speed:g}"]


def _serve(stack: Stack, agents: Child | None = None) -> None:
    """Wait for Ctrl-C; say so when the agents have ended, and give up when the emulators have."""
    try:
        while True:
            time.sleep(LOOK_EVERY_S)
            stack.check()
            status = None if agents is None else agents.poll()
            if status is not None:
                end = "has done its work" if status == 0 else f"ended with status {status}"
                console.print(f"The fleet {end}; the dashboard stays until Ctrl-C.")
                agents = None
    except KeyboardInterrupt:
        console.print("\nstopping")
    except StackError as error:
        _give_up(error)


def _give_up(error: StackError) -> NoReturn:
    raise click.ClickException(str(error)) from error


def _has_display() -> bool:
    return sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
