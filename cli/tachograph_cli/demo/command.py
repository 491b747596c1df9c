"""`tachograph demo`."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from urllib.parse import quote

import click
from rich.text import Text

from tachograph.firestore.emulator_identity import viewer_token
from tachograph_cli.local.console import console, start, wait_for_interrupt
from tachograph_cli.local.process.child import Child
from tachograph_cli.local.process.signals import unwinding
from tachograph_cli.local.stack import SERVICES

OWN_TRANSCRIPTS = Path("~/.claude/projects")


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
    transcripts = folder or (OWN_TRANSCRIPTS.expanduser() if own else None)
    if transcripts is not None and not transcripts.is_dir():
        raise click.UsageError(
            f"--own: {transcripts} is not there; expected the folder of Claude Code's transcripts"
        )
    with unwinding(), start(SERVICES) as stack:
        env = {**os.environ, **stack.env}
        token = viewer_token(fleet, project=stack.project)
        address = f"{stack.dashboard_url}/?fleet={quote(fleet)}#token={token}"
        with Child(_agents(fleet, transcripts, speed), env=env) as agents:
            console.print()
            console.print(Text(f"Dashboard of fleet {fleet}", "bold"))
            # Plain and on one line, because a terminal must recognise the whole address.
            click.echo(f"  {address}\n")
            words = f"what functions print: {stack.log} - Ctrl-C ends all of it"
            console.print(Text(words, "dim"))
            if not no_browser and _has_display():
                webbrowser.open(address)
            wait_for_interrupt(stack, agents)


def _agents(fleet: str, transcripts: Path | None, speed: float) -> list[str]:
    """Return the command that runs the agents: simulated, or replayed from transcripts."""
    if transcripts is None:
        return [sys.executable, "-m", "tachograph_cli.demo", "--fleet", fleet]
    replay = [sys.executable, "-m", "tachograph_cli.main", "replay", str(transcripts)]
    return [*replay, "--fleet", fleet, "--live", "--traces", "--speed", f"{speed:g}"]


def _has_display() -> bool:
    return sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
