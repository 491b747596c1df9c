"""`tachograph enroll` and `tachograph revoke`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from urllib.parse import quote

import click

from tachograph.firestore.client import service_client
from tachograph.firestore.credential import ROLES, VARIABLE, Role, write_credential
from tachograph_cli.enroll.directory import Directory
from tachograph_cli.enroll.enrollment import (
    AgentNameError,
    check_agent_name,
    enroll,
    revoke,
)
from tachograph_cli.enroll.signer import EmulatorSigner, Signer, service_account_signer
from tachograph_cli.terminal import parameters
from tachograph_cli.terminal.command_line import fleet_option, network_errors
from tachograph_cli.terminal.fleets import require
from tachograph_cli.terminal.parameters import checked

if TYPE_CHECKING:
    from google.cloud import firestore

_FOLDER = Path("~/.config/tachograph")
_MAX_DAYS = 366


def _agent_name(value: str) -> None:
    try:
        check_agent_name(value)
    except AgentNameError as error:
        raise ValueError(f": {error}") from error


_agent = click.argument("agent", callback=checked(_agent_name))
_api_key = click.option(
    "--api-key",
    callback=checked(parameters.token),
    envvar="TACHOGRAPH_API_KEY",
    help="The project's API key of agents, which is no secret.  [env: TACHOGRAPH_API_KEY]",
)
_signer_option = click.option(
    "--signer",
    callback=checked(parameters.email),
    envvar="TACHOGRAPH_SIGNER",
    help="The service account to sign as, where these credentials are a person's.",
)


@click.command(name="enroll")
@_agent
@fleet_option
@click.option(
    "--role", type=click.Choice(get_args(Role)), default=ROLES[0], show_default=True,
    help="What it may do: docs/security.md.",
)  # fmt: skip
@click.option(
    "--days", type=click.IntRange(1, _MAX_DAYS), default=30, show_default=True,
    help="How long the credential lasts.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path),
    callback=checked(parameters.writable_file),
    help=f"Where to write it.  [default: {_FOLDER}/FLEET/AGENT.json]",
)  # fmt: skip
@click.option(
    "--dashboard", metavar="ADDRESS", callback=checked(parameters.address),
    help="Write no file: print a link that signs a viewer in there, within the hour.",
)  # fmt: skip
@_api_key
@_signer_option
def enroll_command(
    agent: str,
    fleet: str,
    role: Role,
    days: int,
    out: Path | None,
    dashboard: str | None,
    api_key: str | None,
    signer: str | None,
) -> None:
    """Make AGENT a credential: scoped to the fleet and a role, expiring, revocable.

    The file is a secret; give it to the agent alone, as TACHOGRAPH_CREDENTIAL. Each enrolment is a
    new identity: credentials, tokens and links that an agent of this name had before end.
    """
    if dashboard is not None and out is not None:
        raise click.UsageError("--out: expected no file beside --dashboard, which writes none")
    with _connected(fleet) as db:
        key, account = _key(api_key), _signer(db.project, signer)
        enrolment = enroll(
            Directory(db.project, account, key), db,
            project=db.project, api_key=key, fleet=fleet, agent=agent, role=role, days=days,
        )  # fmt: skip
    if enrolment.replaced:
        click.echo(f"{agent} was enrolled before: all it was given then has ended", err=True)
    if dashboard is not None:
        token = account.custom_token(enrolment.uid)
        click.echo(f"{dashboard.rstrip('/')}/?fleet={quote(fleet)}#token={token}")
        return
    path = (out or _FOLDER / fleet / f"{agent}.json").expanduser()
    write_credential(enrolment.credential, path)
    click.echo(f"{agent} is {role} of {fleet} until {enrolment.credential.expires_at}")
    click.echo(f"export {VARIABLE}={path}")


@click.command(name="revoke")
@_agent
@fleet_option
@_api_key
@_signer_option
def revoke_command(agent: str, fleet: str, api_key: str | None, signer: str | None) -> None:
    """Put AGENT out: its writes are refused at once, its reads within the hour.

    Whatever it wrote stays. `tachograph enroll` lets it in again, with a new credential.
    """
    with _connected(fleet) as db:
        require(db, fleet)
        directory = Directory(db.project, _signer(db.project, signer), api_key or "")
        enrolled = revoke(directory, db, fleet, agent)
    words = (
        "" if enrolled else "; it was not enrolled here, tokens made elsewhere are refused as well"
    )
    click.echo(f"{agent} of {fleet} is revoked{words}")


@contextmanager
def _connected(fleet: str) -> Iterator[firestore.Client]:
    """Give a client that no rule binds, while the block runs."""
    db = service_client()
    try:
        with network_errors(f"fleets/{fleet}"):
            yield db
    finally:
        db.close()  # type: ignore[no-untyped-call]  # typed in part


def _signer(project: str, account: str | None) -> Signer:
    if os.environ.get("FIREBASE_AUTH_EMULATOR_HOST"):
        return EmulatorSigner(project)
    return service_account_signer(account)


def _key(api_key: str | None) -> str:
    if api_key is None and os.environ.get("FIREBASE_AUTH_EMULATOR_HOST"):
        return "emulator"
    if not api_key:
        raise click.UsageError(
            "--api-key: not said; expected the project's API key of agents, "
            "which `tachograph deploy` prints"
        )
    return api_key
