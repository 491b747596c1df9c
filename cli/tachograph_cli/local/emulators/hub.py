"""The ports that the emulators really listen on, as their hub says, and whether those are ours.

firebase-tools says ready when anything listens on a port, and moves some services to another port
without a word.
"""

from __future__ import annotations

import http.client
import json
import urllib.request
from typing import TYPE_CHECKING, Any

from tachograph_cli.local.emulators import listeners
from tachograph_cli.local.emulators.workspace import HOST

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ANSWER_S = 5.0
WEBSOCKET, HUB = "websocket", "hub"


def problem(ports: Mapping[str, int], pids: Collection[int]) -> str | None:
    """Say in one sentence which of the ports is not that of our emulators; None where all are.

    `ports` are the asked for ones by service; `pids` are the processes of our emulators.
    """
    hub = ports[HUB]
    try:
        locator, running = _read(hub, ""), _read(hub, "emulators")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"port {hub}: no emulator hub answers there ({error})"
    if locator.get("pid") not in pids:
        return f"port {hub}: another program's emulators answer there"
    moved = misplaced(ports, running)
    if moved is not None:
        return moved
    for service, port in ports.items():
        listening = listeners.look(port, pids)
        if listening is None:
            continue
        if listening.strangers:
            return f"port {port}: another program took it before {service} listened there"
        if not listening.ours:
            return f"port {port}: {service} does not listen there"
    return None


def misplaced(ports: Mapping[str, int], running: Mapping[str, Any]) -> str | None:
    """Say which service does not run, or on another port than it was given; None where none."""
    for service, port in ports.items():
        if service == WEBSOCKET:
            actual = running.get("firestore", {}).get("webSocketPort")
        else:
            actual = running.get(service, {}).get("port")
        if actual is None:
            return f"{service}: the emulators run without it; expected it on port {port}"
        if actual != port:
            return f"port {port}: another program took it, and {service} moved to {actual}"
    return None


def _read(port: int, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{HOST}:{port}/{path}", timeout=ANSWER_S) as answer:
        content = json.loads(answer.read())
    if not isinstance(content, dict):
        raise ValueError("its answer is no JSON object")  # as for text that is no JSON at all
    return content
