"""The tools and the environment that the stack starts with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tachograph.errors import OperatorError
from tachograph_cli.local import machine
from tachograph_cli.local.emulators import memory, run_folder
from tachograph_cli.local.machine import Found, Missing


class StackError(OperatorError):
    """The local stack cannot start, or has ended; the message says why and what mends it."""


class Tools(NamedTuple):
    """The tools that the emulators run with."""

    node: Found
    firebase: Found
    jdk: Found
    emulator: Found | None  # None: firebase-tools downloads it


def find_tools(root: Path, only: Sequence[str]) -> Tools:
    """Return the tools that these services need.

    Raises StackError, which names every missing one with its remedy.
    """
    node, firebase, jdk = machine.find_node(), machine.find_firebase(root), machine.find_jdk()
    missing = [tool for tool in (node, firebase, jdk) if isinstance(tool, Missing)]
    if "functions" in only and not (root / "functions" / "venv").exists():
        missing.append(Missing("functions/venv", "ln -s ../.venv functions/venv"))
    if "hosting" in only and not (root / "dashboard" / "dist" / "index.html").exists():
        missing.append(Missing("dashboard/dist", "npm --workspace dashboard run build"))
    if missing or not (
        isinstance(node, Found) and isinstance(firebase, Found) and isinstance(jdk, Found)
    ):
        head = "the local stack lacks something (`make setup` does all of it):"
        raise StackError("\n".join([head, *(f"  {tool}" for tool in missing)]))
    emulator = machine.find_emulator(root)
    return Tools(node, firebase, jdk, emulator if isinstance(emulator, Found) else None)


def environment(run: Path, tools: Tools, project: str) -> dict[str, str]:
    """Return the environment of the emulators and the functions: ours without any credentials."""
    # Nothing local may reach a real project, even by mistake: no credentials from the environment,
    # from firebase-tools' own login (under XDG_CONFIG_HOME), or from a cloud machine's metadata.
    ours = dict(os.environ)
    ours.pop("GOOGLE_APPLICATION_CREDENTIALS", None)
    path = [str(tools.jdk.path / "bin"), str(tools.node.path.parent), ours.get("PATH", os.defpath)]
    # A worker serves one event at a time, and a busy one makes the emulator start another Python
    # (1-2 s of CPU), up to 50 by default. One for each core, and at least four, so that one slow
    # tick does not delay the events.
    parallel = str(max(4, os.cpu_count() or 4))
    return ours | {
        "PATH": os.pathsep.join(path),
        "JAVA_HOME": str(tools.jdk.path),
        "XDG_CONFIG_HOME": str(run / "config"),
        "METADATA_SERVER_DETECTION": "none",  # for node's libraries
        "NO_GCE_CHECK": "true",  # for Python's
        "GOOGLE_CLOUD_PROJECT": project,  # the emulator itself sets GCLOUD_PROJECT only
        "CI": "1",  # no questions, no update notice
        "NO_COLOR": "1",
        "TACHOGRAPH_TICK_CALLER": "anyone",  # no scheduler here, whose token would prove it
        "TMPDIR": str(run / run_folder.TEMPORARY),  # the hub's locator: each stack has its own
        "JAVA_TOOL_OPTIONS": memory.java_options(ours),
        "FUNCTIONS_EMULATOR_PARALLEL": ours.get("FUNCTIONS_EMULATOR_PARALLEL", parallel),
    }
