"""Acting on Firestore as somebody, with the ordinary client, and learning whether one may."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.api_core.exceptions import (
    Forbidden,
    InvalidArgument,
    PermissionDenied,
    Unauthenticated,
    Unauthorized,
)
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from tachograph.firestore.emulator_identity import id_token

REFUSED = (Forbidden, PermissionDenied, Unauthenticated, Unauthorized, InvalidArgument)
PROJECT = "demo-tachograph-rules"
Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Who:
    """Somebody: the claims of a token, or a token of another kind altogether."""

    agent: str | None
    role: str | None
    fleet: str | None = None
    """None: of the fleet that is acted on."""
    claims: Mapping[str, Any] = field(default_factory=dict)
    bearer: str | None = None
    """Sent as it is; '' sends none."""

    def token(self, fleet: str) -> str:
        """Return the token to send for acting on a fleet."""
        if self.bearer is not None:
            return self.bearer
        said = {"fleet": self.fleet or fleet, "role": self.role, "agent": self.agent}
        claims = {name: value for name, value in said.items() if value is not None}
        return id_token(f"u-{self.agent}", {**claims, **self.claims}, project=PROJECT)


class Acting(firestore.Client):
    """One client for everybody: who acts is said before each act."""

    def __init__(self) -> None:
        super().__init__(project=PROJECT, credentials=AnonymousCredentials())
        self.bearer = ""

    @property
    def _rpc_metadata(self) -> list[tuple[str, str]]:
        told = [(name, value) for name, value in super()._rpc_metadata if name != "authorization"]
        return [*told, ("authorization", f"Bearer {self.bearer}")] if self.bearer else told


Do = Callable[[Acting, str], object]
"""What is done to a fleet, of which the name is given."""


@dataclass(frozen=True)
class Act:
    """Somebody does something."""

    who: Who
    do: Do

    def is_allowed(self, client: Acting, fleet: str) -> bool:
        """Do it, and tell whether it was let through."""
        return self.refusal(client, fleet) is None

    def refusal(self, client: Acting, fleet: str) -> str | None:
        """Do it, and return the refusal's words; None where it was let through."""
        client.bearer = self.who.token(fleet)
        try:
            self.do(client, fleet)
        except REFUSED as refusal:
            return str(refusal)
        return None


def create(who: Who, path: str, fields: Fields) -> Act:
    """Create a document."""
    return Act(who, lambda client, fleet: _at(client, fleet, path).create(dict(fields)))


def update(who: Who, path: str, **fields: Any) -> Act:  # noqa: ANN401 - any fields
    """Update fields of a document; `a__b` is the field b of the map a."""
    said = {name.replace("__", "."): value for name, value in fields.items()}
    return Act(who, lambda client, fleet: _at(client, fleet, path).update(said))


def put(who: Who, path: str, fields: Fields) -> Act:
    """Replace a document."""
    return Act(who, lambda client, fleet: _at(client, fleet, path).set(dict(fields)))


def delete(who: Who, path: str) -> Act:
    """Delete a document."""
    return Act(who, lambda client, fleet: _at(client, fleet, path).delete())


def read(who: Who, path: str) -> Act:
    """Read a document."""
    return Act(who, lambda client, fleet: _at(client, fleet, path).get())


def listed(who: Who, path: str) -> Act:
    """Read a collection."""
    return Act(who, lambda client, fleet: client.collection(*_parts(fleet, path)).limit(5).get())


def group(who: Who, name: str) -> Act:
    """Read the collections of a name of every fleet."""
    return Act(who, lambda client, _: client.collection_group(name).limit(5).get())


def committed(who: Who, writes: Callable[[str], list[dict[str, Any]]]) -> Act:
    """Commit raw writes, as no client of ours would; the root of all names is given."""

    def do(client: Acting, fleet: str) -> object:
        database = f"projects/{PROJECT}/databases/(default)"
        return client._firestore_api.commit(
            request={
                "database": database,
                "writes": writes(f"{database}/documents/fleets/{fleet}"),
            },
            metadata=client._rpc_metadata,
        )

    return Act(who, do)


def asked(who: Who, method: str, path: str, body: object = None) -> Act:
    """Ask the REST interface, which takes paths as they are written."""

    def do(client: Acting, fleet: str) -> object:
        root = f"projects/{PROJECT}/databases/(default)/documents"
        where = path.format(fleet=fleet)
        request = urllib.request.Request(
            f"http://{client._emulator_host}/v1/{root}/{where}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        if client.bearer:
            request.add_header("Authorization", f"Bearer {client.bearer}")
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as refusal:
            if refusal.code in (400, 401, 403, 404):
                raise Forbidden(str(refusal.code)) from refusal
            raise

    return Act(who, do)


def load_rules(host: str, rules: str, project: str = PROJECT) -> None:
    """Have an emulator enforce rules from now on; raises ValueError where they do not compile."""
    files = {"rules": {"files": [{"name": "firestore.rules", "content": rules}]}}
    request = urllib.request.Request(
        f"http://{host}/emulator/v1/projects/{project}:securityRules",
        json.dumps(files).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            answer.read()
    except urllib.error.HTTPError as refusal:
        raise ValueError(refusal.read().decode()) from refusal


def _at(client: Acting, fleet: str, path: str) -> firestore.DocumentReference:
    return client.document(*_parts(fleet, path))


def _parts(fleet: str, path: str) -> list[str]:
    parts = path.split("/")
    return parts[1:] if path.startswith("/") else ["fleets", fleet, *filter(None, parts)]
