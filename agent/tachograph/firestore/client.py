"""The Firestore client of this process's environment: an agent's, an emulator's, or a project's."""

from __future__ import annotations

import os
from pathlib import Path

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import firestore

from tachograph.errors import CredentialError, NotConnectedError
from tachograph.firestore.credential import VARIABLE, read_credential
from tachograph.firestore.identity import Enrolled, FleetClient, Unsigned

EMULATOR = "emulator"
"""The name of the identity that needs no enrolment: owner of any fleet, in an emulator alone."""


def connect(project: str | None = None, *, fleet: str | None = None) -> firestore.Client:
    """Return a client for `project`, or for what the environment names.

    Where TACHOGRAPH_CREDENTIAL names a credential, the client is that agent's and the rules bind
    it; no rule binds a service account. Raises NotConnectedError where the environment names no
    database, and CredentialError where the credential cannot be used; both say how to mend that.
    """
    named = os.environ.get(VARIABLE)
    if named == EMULATOR:
        return _unsigned(project, fleet)
    if named:
        return _enrolled(Path(named).expanduser(), project, fleet)
    return service_client(project)


def service_client(project: str | None = None) -> firestore.Client:
    """Return a client that no rule binds: for the back end's own tools."""
    try:
        return firestore.Client(project=project, database=_database())
    except (DefaultCredentialsError, OSError) as refusal:
        raise NotConnectedError from refusal


def _enrolled(path: Path, project: str | None, fleet: str | None) -> firestore.Client:
    credential = read_credential(path)
    if fleet is not None and credential.fleet != fleet:
        raise CredentialError(
            f"{path}: it is for the fleet {credential.fleet}; expected one for {fleet}: "
            f"tachograph enroll AGENT --fleet {fleet}"
        )
    if project is not None and credential.project != project:
        raise CredentialError(
            f"{path}: it is for the project {credential.project}; expected one for {project}"
        )
    return FleetClient(
        project=credential.project, database=_database(), credentials=Enrolled(credential)
    )


def _unsigned(project: str | None, fleet: str | None) -> firestore.Client:
    if "FIRESTORE_EMULATOR_HOST" not in os.environ:
        raise CredentialError(
            f'{VARIABLE} is "{EMULATOR}"; expected FIRESTORE_EMULATOR_HOST beside it: nothing else '
            "takes a token that nobody signed"
        )
    client = service_client(project)
    if fleet is None:
        return client
    return FleetClient(
        project=client.project, database=_database(), credentials=Unsigned(client.project, fleet)
    )


def _database() -> str | None:
    """Return the database's name, from the variable that the functions read; None: the default."""
    return os.environ.get("TACHOGRAPH_DATABASE") or None
