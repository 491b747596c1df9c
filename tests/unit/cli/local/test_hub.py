"""Ready means ours: what the emulators listen on, and the reason why they have ended."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tachograph_cli.local.emulators import failure, hub, listeners
from tachograph_cli.local.emulators.listeners import Listeners
from tachograph_cli.local.reservation import Reservation

PORTS = {"hosting": 5000, "functions": 5001, "firestore": 8080, "websocket": 9150}
RUNNING = {
    "hosting": {"port": 5000},
    "functions": {"port": 5001},
    "firestore": {"port": 8080, "webSocketPort": 9150},
}
LISTENER = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); "
    "print(s.getsockname()[1], flush=True); sys.stdin.read()"
)


@contextmanager
def stranger() -> Iterator[tuple[int, int]]:
    """Run another program that listens; give its port and its pid."""
    command = [sys.executable, "-c", LISTENER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        yield int(it.stdout.readline()), it.pid
        it.communicate("")


@contextmanager
def answering(answers: dict[str, Any]) -> Iterator[int]:
    """Answer as an emulator hub does, in this process; give the port."""

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_services_on_the_ports_they_were_given_are_in_place() -> None:
    assert hub.misplaced(PORTS, RUNNING) is None


def test_a_service_that_was_moved_without_a_word_is_named_with_both_ports() -> None:
    moved = hub.misplaced(PORTS, RUNNING | {"hosting": {"port": 5002}})
    assert moved == "port 5000: another program took it, and hosting moved to 5002"


def test_a_websocket_that_was_moved_is_named() -> None:
    running = RUNNING | {"firestore": {"port": 8080, "webSocketPort": 9151}}
    assert "websocket moved to 9151" in str(hub.misplaced(PORTS, running))


def test_a_service_that_does_not_run_is_named() -> None:
    running = {name: RUNNING[name] for name in ("hosting", "firestore")}
    assert str(hub.misplaced(PORTS, running)).startswith("functions: the emulators run without it")


def test_a_listener_is_ours_or_a_strangers() -> None:
    with stranger() as (port, pid):
        assert listeners.look(port, [pid]) == Listeners(ours=True, strangers=False)
        assert listeners.look(port, [os.getpid()]) == Listeners(ours=False, strangers=True)
    assert listeners.look(port, [pid]) == Listeners(ours=False, strangers=False)


def test_a_stranger_on_another_address_of_our_port_is_seen() -> None:
    with stranger() as (port, _), socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ours.bind(("127.0.0.2", port))
        ours.listen()
        assert listeners.look(port, [os.getpid()]) == Listeners(ours=True, strangers=True)


def test_our_hub_with_all_services_in_place_is_no_problem() -> None:
    answers: dict[str, Any] = {"/": {"pid": os.getpid()}}
    with answering(answers) as port:
        answers["/emulators"] = {"hub": {"port": port}}
        assert hub.problem({"hub": port}, [os.getpid()]) is None


def test_the_hub_of_another_stack_is_not_ours() -> None:
    with answering({"/": {"pid": 1}, "/emulators": RUNNING}) as port:
        said = hub.problem({"hub": port}, [os.getpid()])
    assert said == f"port {port}: another program's emulators answer there"


def test_a_stranger_on_the_port_that_an_emulator_believes_to_have_is_named() -> None:
    answers: dict[str, Any] = {"/": {"pid": os.getpid()}}
    with stranger() as (taken, _), answering(answers) as port:
        answers["/emulators"] = {"hub": {"port": port}, "auth": {"port": taken}}
        said = hub.problem({"hub": port, "auth": taken}, [os.getpid()])
    assert said == f"port {taken}: another program took it before auth listened there"


@pytest.mark.parametrize("answer", [[], "text", None])
def test_a_program_that_is_no_hub_is_told_so(answer: object) -> None:
    with answering({"/": answer, "/emulators": answer}) as port:
        assert "no emulator hub answers there" in str(hub.problem({"hub": port}, [os.getpid()]))


def test_nobody_on_the_hubs_port_is_told_so() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        assert "no emulator hub answers" in str(hub.problem({"hub": port}, [os.getpid()]))


FIREBASE = "⚠  firestore: Fatal error occurred: \n   {}, \n   stopping all running emulators\n"


@pytest.mark.parametrize(
    ("printed", "of_firestore", "said"),
    [
        (
            FIREBASE.format("Firestore Emulator has exited with code: 3"),
            "Terminating due to java.lang.OutOfMemoryError: Java heap space\n",
            (
                "the Firestore emulator ran out of memory: the documents need more than 64 MB; "
                "start again with more: TACHOGRAPH_EMULATOR_MB=128"
            ),
        ),
        (
            (
                "⬢  firestore: Firestore Emulator has exited because its configured port 8080 is "
                "already in use. Are you running another copy of the emulator suite?\n"
            ),
            "",
            "port 8080 was taken by another program, so all emulators have stopped",
        ),
        (
            "⚠  hosting: Port 5000 is not open on 127.0.0.1, could not start Hosting Emulator.\n",
            "",
            "port 5000 was taken by another program, so all emulators have stopped",
        ),
        (
            "⚠  Firestore Emulator has exited upon receiving signal: SIGKILL\n",
            "",
            "the Firestore Emulator was ended by SIGKILL, as the system does when memory is short",
        ),
        (
            FIREBASE.format("Firestore Emulator has exited with code: 1"),
            "",
            "the Firestore Emulator has ended with 1, and all others with it",
        ),
    ],
    ids=["memory", "java's-port", "checked-port", "killed", "code"],
)
def test_the_reason_why_the_emulators_have_ended_is_one_sentence(
    printed: str, of_firestore: str, said: str
) -> None:
    assert failure.reason(f"i  starting\n{printed}", of_firestore, 64) == said


@pytest.mark.parametrize(
    "line",
    [
        ">  Firestore Emulator has exited with code: 3",
        ">  Port 8080 is not open on 127.0.0.1",
        ">  its configured port 8080 is already in use",
        "i  functions: Finished roll-up-tasks in 12 ms",
    ],
)
def test_what_a_function_prints_is_no_reason(line: str) -> None:
    assert failure.reason(f"{line}\n", "", 64) is None


def test_a_reserved_port_is_given_to_no_program_that_asks_for_it_plainly(tmp_path: Path) -> None:
    reservation = Reservation(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert reservation.take(port)
    with socket.socket() as plain, pytest.raises(OSError, match="in use"):
        plain.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)):
        pass  # an emulator, which sets SO_REUSEADDR, gets it
    reservation.hand_over()
    with socket.socket() as plain:
        plain.bind(("127.0.0.1", port))
    assert not Reservation(tmp_path).take(port)
    reservation.release()
