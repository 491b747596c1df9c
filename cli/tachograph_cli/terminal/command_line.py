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
from tachograph_cli.terminal.parameters import checked, fleet_name
from tachograph_cli.terminal.shown import escaped_json

NETWORK_ERRORS = (GoogleAPICallError, RetryError, GoogleAuthError)
"""The errors of Firestore, of a Google API, and of signing in."""

fleet_option = click.option(
    "--fleet", required=True, callback=checked(fleet_name), help="The fleet's name."
)


def fleet_client(fleet: str) -> firestore.Client:
    """Return a client that reads a fleet under the environment's identity.

    Raises NotConnectedError or CredentialError where the environment names no Firestore or a
    credential that does not fit.
    """
    return connect(fleet=fleet)


@contextmanager
def network_errors(path: str) -> Iterator[None]:
    """Turn an error of Firestore, of a Google API or of signing in into one line about `path`."""
    try:
        yield
    except NETWORK_ERRORS as error:
        words = " ".join(str(error).split())
        raise click.ClickException(f"{path}: {words}") from error


def print_json(value: object) -> None:
    """Print a value as indented JSON, visible letters beyond ASCII as they are."""
    click.echo(escaped_json(json.dumps(value, indent=2, ensure_ascii=False)))
