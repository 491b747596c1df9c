"""The whole stack on this machine: Firestore, Auth, functions and dashboard, on free ports."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Self

from tachograph_cli.local import ports, scheduler
from tachograph_cli.local.emulators import failure, hub, memory, run_folder, workspace
from tachograph_cli.local.emulators.warm_up import warm_up
from tachograph_cli.local.process import table
from tachograph_cli.local.process.child import Child
from tachograph_cli.local.reservation import Reservation
from tachograph_cli.local.toolchain import StackError, Tools, environment, find_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# firebase-tools asks for no login, and reaches no production, for a demo- project.
PROJECT = "demo-tachograph"
REGION = "us-central1"
SERVICES = ("firestore", "auth", "functions", "hosting")
READY = "All emulators ready"
STARTS = 3  # another program may take a port between its choice and the start
READY_S = 120.0
READY_WITH_DOWNLOAD_S = 900.0
SHOWN_LINES = 25
# firebase-tools ignores a signal within 100 ms of its start (processKillSignal, commandUtils.js),
# and a start of the functions alone takes less.
DEAF_S = 0.1

SETTLED_S = 5.0  # until all ports are listened on, after firebase-tools says ready
TAIL_BYTES = 65_536

# firebase-tools prints it where a port is taken between its own check and its use.
_UNEXPECTED = "An unexpected error has occurred"
_NOT_LOADED = "Failed to load function definition from source"


class _PortTakenError(StackError):
    """A port is not that of our emulators, such as one that another program took first."""


class Stack:
    """A running stack; `with Stack.start(root) as stack` leaves nothing behind."""

    def __init__(self, project: str, only: Sequence[str]) -> None:
        self.project = project
        self.only = tuple(only)
        self.ports: dict[str, int] = {}
        self.run, self._lock = run_folder.make()
        self.log = self.run / "stack.log"
        self._process: Child | None = None
        self._jobs: list[scheduler.PeriodicJob] = []
        self._reservation = Reservation()

    @classmethod
    def start(
        cls,
        root: Path,
        *,
        only: Sequence[str] = SERVICES,
        project: str = PROJECT,
        ports: Mapping[str, int] | None = None,
        tick_every_s: float | None = scheduler.TICK_EVERY_S,
        forget_every_s: float | None = None,
        quiet: bool = True,
    ) -> Self:
        """Start the services and wait until they answer.

        `root` is a checkout. `ports` fixes some or all ports by the service's name; the others are
        free ones near the usual. `tick_every_s` is the interval of the scheduled function (None:
        never), `forget_every_s` that of forgetting what the rules have seen, which loads the
        checkout's rules again. The output of emulators and functions is in `log` until the end;
        `quiet=False` prints it too. What killed stacks left on this machine is removed first.
        Raises StackError, which names each missing tool with its remedy, and OSError where no port
        is free.
        """
        tools = find_tools(root, only)
        memory.heap_mb(os.environ)
        run_folder.remove_abandoned()
        for attempt in range(1, STARTS + 1):
            stack = cls(project, only)
            try:
                stack._choose_ports(ports or {})
                stack._launch(root, tools, quiet=quiet)
                stack._wait(READY_S if tools.emulator else READY_WITH_DOWNLOAD_S)
                if "firestore" in only:
                    warm_up(stack.address("firestore"), project, READY_S)
                stack._schedule(tick_every_s, forget_every_s)
            except _PortTakenError:
                stack.stop()
                if attempt == STARTS or ports:
                    raise
            except BaseException:
                stack.stop()
                raise
            else:
                return stack
        raise AssertionError("unreachable")

    @property
    def env(self) -> dict[str, str]:
        """Return the variables by which a program finds this stack."""
        env = {"GCLOUD_PROJECT": self.project, "GOOGLE_CLOUD_PROJECT": self.project}
        # Reports that do not land go with this stack: the next one is another database.
        env["TACHOGRAPH_SPOOL"] = str(self.run / run_folder.SPOOL)
        if "firestore" in self.only:
            env["FIRESTORE_EMULATOR_HOST"] = self.address("firestore")
            # The rules then bind a laptop's agents, as in the cloud.
            env["TACHOGRAPH_CREDENTIAL"] = "emulator"
        if "auth" in self.only:
            env["FIREBASE_AUTH_EMULATOR_HOST"] = self.address("auth")
        if "functions" in self.only:
            env["TACHOGRAPH_FUNCTIONS_URL"] = self.functions_url
        if "hosting" in self.only:
            env["TACHOGRAPH_DASHBOARD_URL"] = self.dashboard_url
        return env

    @property
    def functions_url(self) -> str:
        """Return the address of the HTTP functions: each is below it, under its name."""
        return f"http://{self.address('functions')}/{self.project}/{REGION}"

    @property
    def dashboard_url(self) -> str:
        """Return the address of the dashboard."""
        return f"http://localhost:{self.ports['hosting']}"

    def address(self, service: str) -> str:
        """Return a service's host and port, such as 127.0.0.1:8080."""
        return f"{workspace.HOST}:{self.ports[service]}"

    def last_lines(self, count: int = SHOWN_LINES) -> str:
        """Return the last lines that the emulators and the functions printed."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def check(self) -> None:
        """Raise StackError, with the reason in one sentence, when the emulators have ended."""
        status = None if self._process is None else self._process.poll()
        reason = failure.reason(
            _tail(self.log),
            _tail(self.run / "firestore-debug.log"),
            memory.heap_mb(os.environ),
        )
        if reason is not None:
            raise StackError(f"the local stack has ended: {reason}")
        if self._process is None or status is not None:
            raise StackError(
                f"the emulators ended by themselves with status {status}; their last lines:\n"
                f"{self.last_lines()}"
            )

    def stop(self) -> None:
        """Stop everything and remove the run folder. Stopping twice is harmless."""
        for job in self._jobs:
            job.end()
        if self._process is not None:
            self._process.stop()
        while self._jobs:
            self._jobs.pop().join()
        self._reservation.release()
        if _logs_are_kept():
            run_folder.keep(self.run)
        else:
            shutil.rmtree(self.run, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _choose_ports(self, fixed: Mapping[str, int]) -> None:
        needed = {"hub", "logging", *self.only}
        needed |= {"websocket"} if "firestore" in self.only else set()
        needed |= {"eventarc", "tasks"} if "functions" in self.only else set()
        usual = {name: port for name, port in ports.USUAL.items() if name in needed - fixed.keys()}
        free = ports.choose(self._claim, usual, fixed.values())
        self.ports = {**free, **fixed}

    def _claim(self, port: int) -> bool:
        return ports.is_free(port) and self._reservation.take(port)

    def _launch(self, root: Path, tools: Tools, *, quiet: bool) -> None:
        workspace.lay_out(self.run, root, self.ports, self.only)
        env = environment(self.run, tools, self.project)
        if tools.emulator is not None and tools.emulator.origin == "gcloud SDK":
            launcher = self.run / "firestore-emulator.jar"
            workspace.write_launcher(tools.emulator.path, launcher)
            env["FIRESTORE_EMULATOR_BINARY_PATH"] = str(launcher)
        command = [str(tools.node.path), str(tools.firebase.path), "emulators:start"]
        command += ["--project", self.project, "--only", ",".join(self.only)]
        if not quiet:
            self._every(scheduler.COPY_EVERY_S, scheduler.LogCopy(self.log, sys.stderr))
        with self.log.open("ab") as output:
            self._process = Child(
                command,
                env=env,
                cwd=self.run,
                output=output,
                remove=None if _logs_are_kept() else self.run,
                hold=self._lock,
            )

    def _wait(self, bound_s: float) -> None:
        """Return when everything answers; raise when it cannot, or not within the bound."""
        try:
            self._wait_until_ready(bound_s)
        finally:
            time.sleep(DEAF_S)

    def _wait_until_ready(self, bound_s: float) -> None:
        deadline = time.monotonic() + bound_s
        settled = float("inf")
        while True:
            printed = self.log.read_text(errors="replace")
            taken = failure.taken_port(printed)
            if taken is not None:
                raise _PortTakenError(f"port {taken} was taken by another program")
            if _UNEXPECTED in printed and READY not in printed:
                raise _PortTakenError(
                    f"a port was taken by another program; last lines:\n{self.last_lines()}"
                )
            # Not before it is ready: until then firebase-tools may ignore a signal.
            if _NOT_LOADED in printed and READY in printed:
                raise StackError(
                    f"functions: cannot be loaded; the emulators' last lines:\n{self.last_lines()}"
                )
            self.check()
            if READY in printed:
                problem = hub.problem(self.ports, self._pids())
                if problem is None:
                    self._reservation.hand_over()
                    return
                settled = min(settled, time.monotonic() + SETTLED_S)
                if time.monotonic() > settled:
                    raise _PortTakenError(problem)
            if time.monotonic() > deadline:
                raise StackError(
                    f"the emulators are not ready after {bound_s:.0f} s; "
                    f"their last lines:\n{self.last_lines()}"
                )
            time.sleep(0.1)

    def _pids(self) -> set[int]:
        """Return the ids of the emulators' processes."""
        if self._process is None:
            return set()
        return {process.pid for process in table.descendants(self._process.pid)}

    def _schedule(self, tick_every_s: float | None, forget_every_s: float | None) -> None:
        self._every(scheduler.TRIM_EVERY_S, lambda: scheduler.trim_logs(self.run))
        if "functions" in self.only and tick_every_s is not None:
            self._every(tick_every_s, lambda: scheduler.tick(self.functions_url, self.log))
        if "firestore" in self.only and forget_every_s is not None:
            rules = self.run / "rules" / "firestore.rules"
            host = self.address("firestore")
            url = f"http://{host}/emulator/v1/projects/{self.project}:securityRules"
            self._every(forget_every_s, lambda: scheduler.forget_coverage(url, rules, self.log))

    def _every(self, seconds: float, call: Callable[[], None]) -> None:
        job = scheduler.PeriodicJob(call, seconds)
        job.start()
        self._jobs.append(job)


def _logs_are_kept() -> bool:
    return bool(os.environ.get("TACHOGRAPH_KEEP_LOGS"))


def _tail(log: Path) -> str:
    """Return the end of a log that may be large; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
