"""Hostile agents in a process, for the simulation of a fleet: `hostile_agents.py SETTINGS`.

Each of them has the credential of an ordinary agent, so the rules bind it, and does every act
`ROUNDS` times, until that is done or standard input ends. What came of its writes is noted in a
file, so that a run can tell what its promises were held against.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud.firestore import FieldFilter

from simulation.hostile_acts import ACTS, Hostile
from tachograph.firestore.credential import read_credential
from tachograph.firestore.identity import Enrolled, FleetClient

ROUNDS = 1
PAUSE_S = 5.0
"""Between two acts: no faster than the local functions count."""
_TIMEOUT_S = 20
_SEEN = 10
"""Others, and others' documents of each collection, that it looks at before an act."""


def attack(settings: dict[str, Any], credential: Path, over: threading.Event) -> Counter[str]:
    """Do every act, in an order of its own; return what came of its writes, counted."""
    own = read_credential(credential)
    client = FleetClient(project=own.project, credentials=Enrolled(own))
    fleet = client.document("fleets", settings["fleet"])
    me = Hostile(own.agent, random.Random(own.agent))  # noqa: S311 - a simulation's
    outcomes: Counter[str] = Counter()
    for act in me.random.sample(ACTS * ROUNDS, len(ACTS) * ROUNDS):
        if over.wait(PAUSE_S):
            break
        me.others = _others(fleet, me, settings)
        for path, fields in act(me):
            outcomes[f"{act.__name__}: {_outcome(client, f'{fleet.path}/{path}', fields)}"] += 1
    client.close()
    return outcomes


def _outcome(client: FleetClient, path: str, fields: dict[str, Any]) -> str:
    try:
        client.document(path).set(fields, merge=True, timeout=_TIMEOUT_S)
    except (GoogleAPICallError, RetryError, TypeError, ValueError) as refusal:
        return type(refusal).__name__
    return "allowed"


def _others(fleet: Any, me: Hostile, settings: dict[str, Any]) -> dict[str, list[str]]:  # noqa: ANN401
    """Return ids of honest agents' documents."""
    agents = me.random.sample(settings["honest"], _SEEN)
    others = {"tasks": [f"t-{me.random.randrange(settings['tasks'])}" for _ in range(_SEEN)]}
    for collection in ("sessions", "signals"):
        of_them = fleet.collection(collection).where(filter=FieldFilter("agent_id", "in", agents))
        with suppress(GoogleAPICallError, RetryError):
            found = of_them.limit(_SEEN).get(timeout=_TIMEOUT_S)
            others[collection] = [document.id for document in found]
    return others


def main(settings: dict[str, Any]) -> None:
    """Attack with one thread for each credential, and write down what came of it."""
    over = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    credentials = [Path(path) for path in settings["credentials"]]
    with ThreadPoolExecutor(len(credentials)) as pool:
        counted = list(pool.map(lambda path: attack(settings, path, over), credentials))
    Path(settings["ledger"]).write_text(json.dumps(sum(counted, Counter())))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
