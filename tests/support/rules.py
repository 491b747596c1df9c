"""Attempts at Firestore under an identity, and whether the rules allow them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
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
class Identity:
    """An identity: the claims of its token, or a token as it is."""

    agent: str | None
    role: str | None
    fleet: str | None = None
    """None: the fleet that the attempt is on."""
    claims: Mapping[str, Any] = field(default_factory=dict)
    bearer: str | None = None
    """A token that is sent as it is; the empty string sends none."""

    def token(self, fleet: str) -> str:
        """Return the token to send for an attempt on a fleet."""
        if self.bearer is not None:
            return self.bearer
        named = {"fleet": self.fleet or fleet, "role": self.role, "agent": self.agent}
        claims = {name: value for name, value in named.items() if value is not None}
        return id_token(f"u-{self.agent}", {**claims, **self.claims}, project=PROJECT)


class ActingClient(firestore.Client):
    """One client for all identities: `bearer` is the token of the next request."""

    def __init__(self) -> None:
        super().__init__(project=PROJECT, credentials=AnonymousCredentials())
        self.bearer = ""

    @property
    def _rpc_metadata(self) -> list[tuple[str, str]]:
        metadata = [
            (name, value) for name, value in super()._rpc_metadata if name != "authorization"
        ]
        return [*metadata, ("authorization", f"Bearer {self.bearer}")] if self.bearer else metadata


Operation = Callable[[ActingClient, str], object]
"""An operation on a fleet, given the client and the fleet's name."""


@dataclass(frozen=True)
class Attempt:
    """One operation under one identity."""

    identity: Identity
    operation: Operation

    def is_allowed(self, client: ActingClient, fleet: str) -> bool:
        """Make the attempt; tell whether it was allowed."""
        return self.refusal(client, fleet) is None

    def refusal(self, client: ActingClient, fleet: str) -> str | None:
        """Make the attempt; return the refusal's words, or None where it was allowed."""
        client.bearer = self.identity.token(fleet)
        try:
            self.operation(client, fleet)
        except REFUSED as refusal:
            return str(refusal)
        return None


def any_of(*attempts: Attempt) -> Attempt:
    """Make attempts of one identity until one is allowed: no order of a map's rows is certain."""

    def operation(client: ActingClient, fleet: str) -> object:
        *first, last = attempts
        for attempt in first:
            with suppress(*REFUSED):
                return attempt.operation(client, fleet)
        return last.operation(client, fleet)

    return Attempt(attempts[0].identity, operation)


def create(identity: Identity, path: str, fields: Fields) -> Attempt:
    """Create a document."""
    return Attempt(identity, lambda client, fleet: _at(client, fleet, path).create(dict(fields)))


def update(identity: Identity, path: str, **fields: Any) -> Attempt:  # noqa: ANN401 - any fields
    """Update fields of a document; `a__b` is the field b of the map a."""
    paths = {name.replace("__", "."): value for name, value in fields.items()}
    return Attempt(identity, lambda client, fleet: _at(client, fleet, path).update(paths))


def put(identity: Identity, path: str, fields: Fields) -> Attempt:
    """Replace a document."""
    return Attempt(identity, lambda client, fleet: _at(client, fleet, path).set(dict(fields)))


def delete(identity: Identity, path: str) -> Attempt:
    """Delete a document."""
    return Attempt(identity, lambda client, fleet: _at(client, fleet, path).delete())


def read(identity: Identity, path: str) -> Attempt:
    """Read a document."""
    return Attempt(identity, lambda client, fleet: _at(client, fleet, path).get())


def listed(identity: Identity, path: str) -> Attempt:
    """Read a collection."""
    return Attempt(
        identity, lambda client, fleet: client.collection(*_parts(fleet, path)).limit(5).get()
    )


def group(identity: Identity, name: str) -> Attempt:
    """Read a collection group, over all fleets."""
    return Attempt(identity, lambda client, _: client.collection_group(name).limit(5).get())


def committed(identity: Identity, writes: Callable[[str], list[dict[str, Any]]]) -> Attempt:
    """Commit raw writes, which `writes` makes from the path of the fleet."""

    def operation(client: ActingClient, fleet: str) -> object:
        database = f"projects/{PROJECT}/databases/(default)"
        return client._firestore_api.commit(
            request={
                "database": database,
                "writes": writes(f"{database}/documents/fleets/{fleet}"),
            },
            metadata=client._rpc_metadata,
        )

    return Attempt(identity, operation)


def asked(identity: Identity, method: str, path: str, body: object = None) -> Attempt:
    """Call the REST interface, which takes paths as they are written."""

    def operation(client: ActingClient, fleet: str) -> object:
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
            refusal.close()
            if refusal.code in (400, 401, 403, 404):
                raise Forbidden(str(refusal.code)) from refusal
            raise

    return Attempt(identity, operation)


def load_rules(host: str, rules: str, project: str = PROJECT) -> None:
    """Let an emulator enforce rules. Raises ValueError where they do not compile."""
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
        with refusal:
            raise ValueError(refusal.read().decode()) from refusal


def _at(client: ActingClient, fleet: str, path: str) -> firestore.DocumentReference:
    return client.document(*_parts(fleet, path))


def _parts(fleet: str, path: str) -> list[str]:
    parts = path.split("/")
    return parts[1:] if path.startswith("/") else ["fleets", fleet, *filter(None, parts)]
