"""The fleet that is simulated: its processes, honest and hostile, and what is seen of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import Any

from google.cloud import firestore

from simulation.hostile_acts import NAME
from support.cli import run
from support.places import ROOT
from support.wire.relay import Relay
from tachograph_schema.documents.task import ENDED_STATUSES

PROCESSES, AGENTS, TASKS = 10, 5, 500
SKEWS_MIN = (-7, -3, 0, 0, 0, 0, 0, 0, 3, 7)
BEHIND_THE_CABLE = (2, 3, 4)
ODDITIES = {5: {"0": "hang"}, 6: {"0": "hang", "1": "long tool"}, 7: {"0": "long tool"}}
HONEST = "honest"
"""The priority of the fleet's own tasks, which tells them from what hostile agents create."""
HOSTILE = 6
"""Agents that mean harm, beside the 50 that do not: more than one in ten."""
CUT_S = 30
KILLS = {40: 0, 80: 1, 120: 2}
"""When so many tasks are completed, which process is killed."""
CUT_AFTER_TASKS = 60
STUCK_AFTER_S = 75
"""More than the cut: who was cut off is well again, once its connection is up."""
BEHIND_S = 10
"""Functions that have not counted a write for so long are behind: no further task is taken."""
POLICY = {
    "liveness": {"stuck_after_min_s": STUCK_AFTER_S, "missed_heartbeats": 2},
    "rotation": {"rotate_below_pct": 35},
    "label_keys": ["team"],
}


@dataclass
class Simulation:
    """The processes, and what is seen of their sessions while they work."""

    db: firestore.Client
    fleet: str
    folder: Path
    cable: Relay
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    killed_agents: set[str] = field(default_factory=set)
    seen_stuck: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """When a session was found stuck, and when its last progress had been, the first time."""
    staleness: list[timedelta] = field(default_factory=list)
    """How old live/now was, whenever it was looked at."""
    began_s: float = field(default_factory=time.monotonic)
    probe: tuple[str, float] = ("", 0.0)
    """The path of the last message that was sent to see when it is counted, and when that was."""
    started: int = 0

    @property
    def pause(self) -> Path:
        """The file that is there while honest agents are to take no task."""
        return self.folder / "pause"

    def begin_hostilities(self) -> None:
        """Enroll the hostile agents, as anybody is, and let them loose in a process of theirs."""
        paths = [str(self.folder / f"{NAME}-{n}.credential") for n in range(HOSTILE)]
        for n, path in enumerate(paths):
            enroll = run("enroll", f"{NAME}-{n}", "--fleet", self.fleet, "--out", path)
            assert enroll.exit_code == 0, enroll.output
        honest = [f"p{place}-{place + 1}-{n}" for place in range(PROCESSES) for n in range(AGENTS)]
        settings = {
            "fleet": self.fleet,
            "credentials": paths,
            "honest": honest,
            "tasks": TASKS,
            "ledger": str(self.folder / "hostile.json"),
        }
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
        self.processes[PROCESSES] = self._spawn("hostile_agents", settings, environment)

    def start(self, place: int) -> None:
        """Start a process with its agents; its ledger is its own."""
        self.started += 1
        name = f"p{place}-{self.started}"
        settings = {
            "fleet": self.fleet,
            "name": name,
            "agents": AGENTS,
            "skew_min": SKEWS_MIN[place],
            "pause": str(self.pause),
            "oddities": ODDITIES.get(place, {}),
            "ledger": str(self.folder / f"{name}.jsonl"),
        }
        environment = {**os.environ, "TACHOGRAPH_SPOOL": str(self.folder / "spool")}
        if place in BEHIND_THE_CABLE:
            environment["FIRESTORE_EMULATOR_HOST"] = self.cable.address
        self.processes[place] = self._spawn("agents_at_work", settings, environment)

    def _spawn(
        self, program: str, settings: dict[str, Any], environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        path = Path(__file__).parent / f"{program}.py"
        with Path(settings["ledger"]).with_suffix(".err").open("wb") as said:
            return subprocess.Popen(
                [sys.executable, str(path), json.dumps(settings)],
                env=environment,
                stdin=subprocess.PIPE,
                stderr=said,
            )

    def kill(self, place: int) -> None:
        """Kill a process as nothing can be prepared for, and start another in its place."""
        process = self.processes[place]
        process.kill()
        process.communicate()
        self.killed_agents |= {f"p{place}-{self.started_as(place)}-{n}" for n in range(AGENTS)}
        self.start(place)

    def started_as(self, place: int) -> int:
        """Return the number that the process in a place was started by."""
        settings = json.loads(str(self.processes[place].args[2]))  # type: ignore[index]  # a list
        return int(settings["name"].rpartition("-")[2])

    def cut_cable(self) -> None:
        """Cut it, and have it mended in half a minute."""
        self.cable.cut()
        Timer(CUT_S, self.cable.mend).start()

    def over(self) -> int:
        """Count the fleet's own tasks that are, whoever ended them."""
        tasks = self.db.collection("fleets", self.fleet, "tasks")
        own = tasks.where(filter=firestore.FieldFilter("priority", "==", HONEST))
        ended = own.where(filter=firestore.FieldFilter("status", "in", ENDED_STATUSES))
        counted: Any = ended.count()  # its types are wrong
        return int(counted.get()[0][0].value)

    def pace(self) -> None:
        """Let agents take no task while functions are behind: emulators deliver one by one."""
        path, sent_s = self.probe
        ledger = self.db.collection("fleets", self.fleet, "ledger")
        seen = ledger.where(filter=firestore.FieldFilter("path", "==", path)).limit(1).get()
        if path and not seen:
            if time.monotonic() - sent_s > BEHIND_S:
                self.pause.touch()
            return
        self.pause.unlink(missing_ok=True)
        message = self.db.collection("fleets", self.fleet, "messages").document()
        sent = {"kind": "probe", "sent_at": firestore.SERVER_TIMESTAMP, "acknowledged_at": None}
        message.set({"from_agent_id": "probe", "to_agent_id": "probe", **sent})
        self.probe = (str(message.path), time.monotonic())

    def counted(self) -> int:
        """Count the events that functions have counted."""
        counted: Any = self.db.collection("fleets", self.fleet, "ledger").count()  # as above
        return int(counted.get()[0][0].value)

    def reached(self, what: str) -> None:
        """Say to whoever runs it how far it is, and since when."""
        print(f"\n{time.monotonic() - self.began_s:6.0f} s: {what}", flush=True)  # noqa: T201

    def watch(self) -> Any:  # noqa: ANN401 - a listener
        """Note every session that functions find stuck."""
        sessions = self.db.collection("fleets", self.fleet, "sessions")
        stuck = sessions.where(filter=firestore.FieldFilter("effective_state", "==", "stuck"))

        def heard(documents: list[Any], *_: object) -> None:
            for document in documents:
                times = document.get("effective_since"), document.get("effective_progress_at")
                if not str(document.get("agent_id")).startswith(NAME):
                    self.seen_stuck.setdefault(document.id, times)

        return stuck.on_snapshot(heard)

    def look_at_live(self) -> None:
        """Note how old live/now is."""
        live = self.db.document("fleets", self.fleet, "live", "now").get()
        if live.exists:
            self.staleness.append(datetime.now(UTC) - live.get("at"))

    def notes(self) -> Iterator[list[Any]]:
        """Yield what the honest agents wrote down, whichever process they were in."""
        for path in self.folder.glob("*.jsonl"):
            yield from (json.loads(line) for line in path.read_text().splitlines())

    def all(self, collection: str) -> dict[str, dict[str, Any]]:
        """Read a collection."""
        documents = self.db.collection("fleets", self.fleet, collection).stream()
        return {document.id: document.to_dict() or {} for document in documents}

    def honest(self, collection: str) -> dict[str, dict[str, Any]]:
        """Read the documents of a collection that are no hostile agent's."""
        documents = self.all(collection).items()
        return {
            name: fields
            for name, fields in documents
            if NAME not in name and not str(fields.get("agent_id")).startswith(NAME)
        }

    def honest_tasks(self) -> dict[str, dict[str, Any]]:
        """Read the fleet's own tasks, but for those that a hostile agent claimed, as it may."""
        tasks = self.honest("tasks").items()
        return {name: task for name, task in tasks if task.get("priority") == HONEST}

    def hostilities(self) -> dict[str, int]:
        """Return what came of the hostile agents' writes."""
        outcomes: dict[str, int] = json.loads((self.folder / "hostile.json").read_text())
        return outcomes
