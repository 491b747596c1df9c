"""`tachograph verify`, `sweep`, `rebuild` and `reprice`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import click
from google.cloud import firestore

from tachograph_cli.repair import functions_source
from tachograph_cli.terminal.command_line import (
    fleet_option,
    network_errors,
    print_json,
)
from tachograph_cli.terminal.console import Console
from tachograph_cli.terminal.fleets import require
from tachograph_cli.terminal.parameters import checked, day, hour, in_order

if TYPE_CHECKING:
    from tachograph_cli.repair.reprice import Correction
    from tachograph_schema.documents.fleet import Fleet

# ruff: noqa: PLC0415 - functions/ is importable once `checkout` has put it on the path

_FIRST_HOUR, _LAST_HOUR = "0000", "9999"
console = Console()

_dry_run = click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")


@click.command()
@fleet_option
@click.option("--json", "as_json", is_flag=True, help="Print every difference, as JSON.")
@click.option(
    "--all-ages", is_flag=True, help="Take events that may still be on their way as lost."
)
def verify(fleet: str, *, as_json: bool, all_ages: bool) -> None:
    """Check that what was counted is what the documents say.

    Ledger, shards, rollups and documents are held against each other, as of one moment. Exits with
    1 where something does not hold, and says by exactly how much.
    """
    with _connected(fleet) as (db, policy):
        from tachograph_cli.repair import tables
        from tachograph_cli.repair import verify as verification

        result = verification.verify(db, fleet, policy, all_ages=all_ages)
    if as_json:
        print_json(tables.verification_json(result))
    else:
        console.print(tables.verification_page(result))
    sys.exit(not result.holds)


@click.command()
@fleet_option
@click.option("--all-ages", is_flag=True, help="Do not wait until an event cannot come any more.")
def sweep(fleet: str, *, all_ages: bool) -> None:
    """Count what events that never came would have.

    The functions do it by themselves, some of it each hour. With --all-ages, an event that is
    merely late may be counted twice until the next sweep takes that back.
    """
    with _connected(fleet) as (db, policy):
        from repair import sweep as sweeps
        from tachograph_cli.repair.hours import moment

        now = moment(db, fleet)
        result = sweeps.sweep(
            db,
            fleet,
            policy,
            now=now,
            known_since=sweeps.known_since(sweeps.read_marker(db, fleet), policy, now),
            age=timedelta(0) if all_ages else sweeps.RETRY_WINDOW,
            max_reads=None,
        )
    console.print(f"{result.reads:,} read, {result.found} gaps found, {result.closed} closed")


@click.command()
@fleet_option
@click.option(
    "--from",
    "first",
    metavar="HOUR",
    callback=checked(hour),
    help="The first hour, such as 2026-02-16T18.",
)
@click.option("--to", "last", metavar="HOUR", callback=checked(hour), help="The last hour.")
@click.option("--from-documents", is_flag=True, help="Older hours too, from the documents.")
@_dry_run
def rebuild(
    fleet: str, first: str | None, last: str | None, *, from_documents: bool, dry_run: bool
) -> None:
    """Make shards and rollups what the ledger says; events may go on arriving.

    Hours the ledger has forgotten are left as they are unless --from-documents: totals are exact
    then, but a document is counted in one of its hours, and what was deleted since is no longer
    counted. Exits with 1 where hours that were asked for by --from are left.
    """
    in_order(first, last)
    with _connected(fleet) as (db, policy):
        from repair import sweep as sweeps
        from tachograph_cli.repair import rebuild as rebuilds
        from tachograph_cli.repair import tables
        from tachograph_cli.repair.hours import moment

        now = moment(db, fleet)
        forgotten: list[str] = []
        needed = rebuilds.repairs(
            db,
            fleet,
            policy,
            first or _FIRST_HOUR,
            last or _LAST_HOUR,
            since=sweeps.known_since(sweeps.read_marker(db, fleet), policy, now),
            forgotten=forgotten,
            from_documents=from_documents,
        )
        mended = [r for r in needed if dry_run or rebuilds.mend(db, fleet, policy, r)]
        sums = (rebuilds.stale_sums if dry_run else rebuilds.finish)(db, fleet)
    console.print(tables.repairs_page(mended, sums, forgotten, dry_run=dry_run))
    sys.exit(bool(first and forgotten))


@click.command()
@fleet_option
@click.option(
    "--from",
    "first",
    required=True,
    metavar="DAY",
    callback=checked(day),
    help="Such as 2026-02-16.",
)
@click.option(
    "--to", "last", required=True, metavar="DAY", callback=checked(day), help="The last day."
)
@_dry_run
def reprice(fleet: str, first: str, last: str, *, dry_run: bool) -> None:
    """Price tasks of these days again, by today's tables.

    Only costs that were computed; what an agent or a provider reported stays. A second run changes
    nothing.
    """
    in_order(first, last)
    with _connected(fleet) as (db, policy):
        from tachograph_cli.repair import reprice as prices
        from tachograph_cli.repair import tables

        corrected: list[Correction] = []
        uncounted = 0
        for task in prices.corrections(db, fleet, policy, first, last):
            if isinstance(task, prices.Uncounted):
                uncounted += 1
            elif dry_run or prices.correct(db, policy, task):
                corrected.append(task)
    console.print(tables.corrections_page(tables.by_model(corrected), dry_run=dry_run))
    if uncounted:
        console.print(f"{uncounted} have writes that are not counted yet: run it again then.")


@contextmanager
def _connected(fleet: str) -> Iterator[tuple[firestore.Client, Fleet]]:
    """Give a client that no rule binds and the fleet's policy, while the block runs.

    Raises click.ClickException where there is no such fleet.
    """
    client = functions_source.connect()
    from runtime.policy import policy

    try:
        with network_errors(f"fleets/{fleet}"):
            require(client, fleet)
            yield client, policy(fleet)
    finally:
        client.close()  # type: ignore[no-untyped-call]  # typed in part
