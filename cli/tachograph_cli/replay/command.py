"""`tachograph replay`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tachograph import Fleet
from tachograph.tracing.settings import Tracing
from tachograph_cli.local.process.signals import unwinding
from tachograph_cli.replay import driver
from tachograph_cli.replay.tally import Tally
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.terminal.command_line import network_errors
from tachograph_cli.terminal.console import Console
from tachograph_cli.terminal.parameters import checked, finite, fleet_name
from tachograph_cli.terminal.shown import shown

if TYPE_CHECKING:
    from tachograph import Settled
    from tachograph_cli.replay.transcripts.folder import Listing

NANOUSD_PER_USD = 10**9
SETTLE_TIMEOUT_S = 120.0


@click.command(name="replay")
@click.argument("recordings", metavar="FOLDER", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--fleet",
    "name",
    required=True,
    callback=checked(fleet_name),
    help="The fleet that is to have done it.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    callback=checked(finite),
    help="Times as fast as it was recorded; 0 is as fast as possible.",
)
@click.option("--live", is_flag=True, help="Record calls as of now instead of their own time.")
@click.option(
    "--context-window",
    type=click.IntRange(1, 10**9),
    metavar="TOKENS",
    help="The size of every context window, where you know better than the recording.",
)
@click.option(
    "--agents-at-once",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="The most agents at work at a time, when there is a speed.",
)
@click.option("--traces", is_flag=True, help="Write the spans of every task, for its waterfall.")
@click.option("--no-wait", is_flag=True, help="Do not wait until the functions have counted it.")
def replay(
    recordings: Path,
    name: str,
    *,
    speed: float,
    live: bool,
    context_window: int | None,
    agents_at_once: int,
    traces: bool,
    no_wait: bool,
) -> None:
    """Turn recorded transcripts into a fleet at work.

    FOLDER is a Claude Code projects folder, a folder of sessions of Codex, pi or Gemini CLI, of
    runs of OpenHands or trajectories of SWE-agent, one file, or any mixture. Replaying what was
    replayed before changes nothing. A line that cannot be read is counted and passed by. Exits with
    1 where nothing could be replayed, or not all of it was written and counted.
    """
    listing = folder.find(recordings)
    if not listing.sources:
        raise click.UsageError(f"{shown(recordings)}: {listing.nothing}")
    settings = driver.Settings(speed, live, context_window, agents_at_once)
    started_s = time.monotonic()
    tracing = Tracing(batches=True, keep_pct=100.0) if traces else None
    with (
        unwinding(),
        network_errors(f"fleets/{name}"),
        Fleet(name, count_writes=True, tracing=tracing) as fleet,
    ):
        tally = _replay(fleet, listing, settings)
        settled = None if no_wait else fleet.settle(timeout_s=SETTLE_TIMEOUT_S)
    _summarise(tally, listing, settled, time.monotonic() - started_s)
    shortfall = _shortfall(tally, settled)
    if shortfall:
        raise click.ClickException(f"fleets/{name}: {shortfall}")


def _replay(fleet: Fleet, listing: Listing, settings: driver.Settings) -> Tally:
    """Replay, with a progress bar where the output is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return driver.replay(fleet, listing, settings)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("sessions, {task.fields[calls]} calls"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("replaying", total=len(listing.sources), calls=0)

        def progress(tally: Tally, ended: int) -> None:
            bar.update(task, completed=ended, calls=tally.calls)

        return driver.replay(fleet, listing, settings, progress)


def _summarise(tally: Tally, listing: Listing, settled: Settled | None, seconds: float) -> None:
    """Print the tally, its cost, and the lines and files that could not be read."""
    usage = tally.usage
    rows = {
        "sessions": f"{tally.sessions:,}",
        "tasks": f"{tally.tasks:,}",
        "calls": f"{tally.calls:,}, {tally.unpriced_calls:,} of them without a price",
        "tokens": f"{usage.total_tokens:,}: {usage.tokens_in:,} in, {usage.cache_read_tokens:,} "
        f"cache read, {usage.cache_write_tokens:,} cache write, {usage.tokens_out:,} out",
        "cost": f"${tally.cost_nanousd / NANOUSD_PER_USD:,.4f}",
        "lines passed by": f"{tally.unreadable_lines:,}",
        "written": _counted(settled),
        "seconds": f"{seconds:.1f}",
    }
    console = Console(soft_wrap=True)
    for label, words in rows.items():
        console.print(f"{label:<16}  {words}")
    for line in tally.unreadable:
        console.print(f"  {line}")
    for words in listing.passed_by():
        console.print(words)


def _shortfall(tally: Tally, settled: Settled | None) -> str:
    """Say what a replay did not do; empty where it did all."""
    if not tally.sessions:
        return "nothing was replayed; expected transcripts with calls of a model"
    if not tally.written:
        return f"some writes have not landed after {driver.FLUSH_S:.0f} s; is Firestore there?"
    if settled is not None and settled.pending:
        return f"{settled.pending:,} writes are not counted; do the functions run?"
    return ""


def _counted(settled: Settled | None) -> str:
    if settled is None:
        return "not waited for"
    words = f"{settled.counted:,} writes counted"
    if settled.pending:
        words += f", {settled.pending:,} not yet after {SETTLE_TIMEOUT_S:.0f} s"
    return words if settled.published else f"{words}; the rollups are not published yet"
