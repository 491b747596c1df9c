"""Fixtures that all tests share: emulators, a fleet's name, and a browser.

`emulator` is Firestore alone: nothing reacts to a write, so a test drives the functions itself.
`stack` is everything running together, as in `tachograph local`. Each starts when the first test
asks for it, once a session, on ports of its own. Under pytest-xdist every worker starts its own,
which is safe, and pays off beyond two cores only; `make test` therefore runs in one process.
"""

from __future__ import annotations

import os
import re
import signal
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import BaseQuery

from support.places import ROOT
from support.threads import ThreadWatch, children
from support.wire.indexes import Shape, read_indexes, shapes
from tachograph_cli.local import machine
from tachograph_cli.local.emulators.memory import SETTING
from tachograph_cli.local.machine import Missing
from tachograph_cli.local.stack import PROJECT, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.cloud.firestore_v1.types import StructuredQuery
    from playwright.sync_api import Browser, Page

CHROMIUM_FLAGS = (
    "--no-sandbox",  # tests may run as root, in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Nothing to talk to but our own emulators:
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


# An example may take long on a busy machine; how long says nothing about the code.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

_threads = ThreadWatch()


@pytest.fixture(autouse=True)
def _threads_of_the_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Note the threads that a test starts; those that never end fail the session."""
    with _threads.during(request.node.nodeid):
        yield


@pytest.hookimpl(trylast=True)  # after the last fixture has gone
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a session whose tests have left a thread or a process behind."""
    if _threads.left_behind() or children():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the threads and processes that tests left behind."""
    left = {
        test: ", ".join(names) for test, names in _threads.left_behind(grace_s=0).items()
    } | dict.fromkeys(children(), "a process that still runs")
    if left:
        terminalreporter.section("left behind", red=True)
    for test, what in left.items():
        terminalreporter.write_line(f"{test}: {what}")


@pytest.fixture(scope="session", autouse=True)
def _ends_orderly() -> Iterator[None]:
    """Let SIGTERM and SIGINT end the session, so that all fixtures are torn down.

    A shell starts a background command with SIGINT ignored, and every child would inherit that.
    """

    def leave(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def _spools_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give agents a spool outside the user's own cache, and 60 s to close on a slow machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TACHOGRAPH_CLOSE_S", "60")
        patch.setenv("TACHOGRAPH_SPOOL", str(tmp_path_factory.mktemp("spool")))
        yield


@pytest.fixture(autouse=True)
def _every_query_has_its_index(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test whose query has no index: production would refuse it, the emulator does not."""
    queried: set[Shape] = set()
    to_protobuf = BaseQuery._to_protobuf

    def noted(query: BaseQuery) -> StructuredQuery:
        proto: StructuredQuery = to_protobuf(query)
        queried.update(shapes(proto))
        return proto

    monkeypatch.setattr(BaseQuery, "_to_protobuf", noted)
    yield
    indexes = read_indexes()
    without = [str(shape) for shape in queried if not indexes.serve(shape)]
    assert without == [], "rules/firestore.indexes.json has no index for these queries"


@pytest.fixture(scope="session")
def root() -> Path:
    """Give the root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the recordings and oracles beside the repository; without them a test is skipped."""
    folder = Path(os.environ.get("TACHOGRAPH_SHARED") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(
            f"{folder}/data: not there; expected beside the repository or in TACHOGRAPH_SHARED"
        )
    return folder


@pytest.fixture(scope="session")
def emulator() -> Iterator[Stack]:
    """Give a Firestore emulator without functions.

    It keeps every version of every document: with the default heap it would spend its time on
    collecting garbage before the last test.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SETTING, os.environ.get(SETTING, "2048"))
        stack = Stack.start(ROOT, only=("firestore",))
    with stack:
        yield stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Give everything: Firestore, Auth, the functions, their tick, and the dashboard."""
    with Stack.start(ROOT) as stack:
        yield stack


@pytest.fixture
def firestore_host(emulator: Stack, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the address of the bare emulator, and set the environment to it for this test."""
    _enter(emulator, monkeypatch)
    return emulator.address("firestore")


@pytest.fixture
def db(firestore_host: str) -> Iterator[firestore.Client]:  # noqa: ARG001 - sets the environment
    """Give a client of the bare emulator."""
    client = _client()
    yield client
    client.close()


@pytest.fixture
def stack_db(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[firestore.Client]:
    """Give a client of the full stack, and set the environment to it for this test."""
    _enter(stack, monkeypatch)
    client = _client()
    yield client
    client.close()


@pytest.fixture
def fleet_name(request: pytest.FixtureRequest) -> str:
    """Give a fleet of this test's own.

    The emulator never forgets the listeners of a closed page (firebase-tools #4325): a fleet that
    two tests share becomes slower with each.
    """
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    return f"{words[:40].strip('-')}-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a headless Chromium. One a module: while it runs, its event loop has the main thread."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - half a second that most tests need not pay

    chromium = machine.find_chromium()
    if isinstance(chromium, Missing):
        pytest.fail(f"Chromium: found {chromium.found}; install it with: {chromium.remedy}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium.path), args=list(CHROMIUM_FLAGS)
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give a page with cookies and storage of its own."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def _enter(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)


def _client() -> firestore.Client:
    return firestore.Client(project=PROJECT, credentials=AnonymousCredentials())
