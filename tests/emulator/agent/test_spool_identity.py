"""A spool belongs to one fleet of one database of one emulator: no other takes it up."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from tachograph import Fleet

_AGENT = """
import os, sys
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from tachograph import Fleet, Usage
project, database, name = sys.argv[1:]
client = firestore.Client(project, AnonymousCredentials(), database=database)
fleet = Fleet(name, client=client, flush_interval_s=3600)
task = fleet.session("b-1", session_id="s-1").task("t-1")
fleet.flush(30)
task.record(Usage(tokens_in=7), model="claude-haiku-4-5")
os._exit(1)
"""


class _Place(NamedTuple):
    """A fleet, in a database, in a project, on the emulator of the environment."""

    project: str
    database: str
    fleet: str

    def client(self) -> Any:  # noqa: ANN401 - Google's client is typed in part
        return firestore.Client(self.project, AnonymousCredentials(), database=self.database)


@pytest.fixture
def place(firestore_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Place]:
    """Give a place whose agent was killed before its last report was written."""
    monkeypatch.setenv("TACHOGRAPH_SPOOL", str(tmp_path))
    place = _Place(f"demo-{uuid.uuid4().hex[:8]}", "(default)", "acme")
    agent = [sys.executable, "-c", _AGENT, *place]
    assert subprocess.run(agent, env=dict(os.environ), check=False, timeout=120).returncode == 1
    assert len(list(tmp_path.glob("*/*.jsonl"))) == 1
    yield place
    _forget(firestore_host, place)


def _tokens(place: _Place) -> int:
    """Open and close a fleet, and return the tokens of its task then."""
    with ExitStack() as stack:
        client = stack.enter_context(closing(place.client()))
        Fleet(place.fleet, client=client).close()
        task = client.document("fleets", place.fleet, "tasks", "t-1").get()
        return int((task.to_dict() or {}).get("tokens_in") or 0)


def _forget(host: str, place: _Place) -> None:
    """Empty the databases of a project, as a new emulator on the same port has them."""
    for database in (place.database, "other"):
        request = urllib.request.Request(
            f"http://{host}/emulator/v1/projects/{place.project}/databases/{database}/documents",
            method="DELETE",
        )
        urllib.request.urlopen(request, timeout=60).close()


def test_report_is_delivered_to_its_own_database_after_a_crash(place: _Place) -> None:
    assert _tokens(place) == 7
    assert _tokens(place) == 7  # and once


@pytest.mark.parametrize(
    "other",
    [
        lambda place: place._replace(fleet="acme-2"),
        lambda place: place._replace(project=f"{place.project}-2"),
        lambda place: place._replace(database="other"),
    ],
    ids=["fleet", "project", "database"],
)
def test_report_is_not_delivered_to_another(
    place: _Place, other: Callable[[_Place], _Place]
) -> None:
    assert _tokens(other(place)) == 0
    assert _tokens(place) == 7


def test_report_is_not_delivered_to_a_new_emulator_on_the_same_port(
    place: _Place, firestore_host: str
) -> None:
    _forget(firestore_host, place)
    assert _tokens(place) == 0
    assert _tokens(place) == 0


def test_spool_is_found_again_by_another_client_of_the_same_emulator(
    place: _Place, firestore_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_name = firestore_host.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", other_name)
    assert _tokens(place) == 7
