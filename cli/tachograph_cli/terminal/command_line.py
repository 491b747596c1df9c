"""Shared by the commands: the fleet's option, its client, errors of the network, and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import firestore

from tachograph.firestore.client import connect
from tachograph_cli.terminal.shown import escaped_json
from tachograph_schema.paths import check_fleet_name

fleet_option = click.option("--fleet", required=True, help="The fleet's name.")


def check_fleet(fleet: str) -> None:
    """Raise click.UsageError where `--fleet` is no fleet's name."""
    try:
        check_fleet_name(fleet)
    except ValueError as error:
        raise click.UsageError(f"--fleet: {error}") from error


def fleet_client(fleet: str) -> firestore.Client:
    """Return a client that reads a fleet under the environment's identity.

    Raises click.UsageError for a name that no fleet has, and NotConnectedError or CredentialError
    where the environment names no Firestore or a credential that does not fit.
    """
    check_fleet(fleet)
    return connect(fleet=fleet)


@contextmanager
def network_errors(path: str) -> Iterator[None]:
    """Turn an error of Firestore, of a Google API or of signing in into one line about `path`."""
    try:
        yield
    except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
        words = " ".join(str(error).split())
        raise click.ClickException(f"{path}: {words}") from error


def print_json(value: object) -> None:
    """Print a value as indented JSON, visible letters beyond ASCII as they are."""
    click.echo(escaped_json(json.dumps(value, indent=2, ensure_ascii=False)))
