"""Agents in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from google.cloud import firestore

HANGS_S = 180
"""No end after so long is a hang; a shorter time says nothing."""


def run_agent(source: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with further variables in its environment."""
    return subprocess.run(
        [sys.executable, "-c", source, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
    )


def first_task(db: firestore.Client, fleet: str) -> Mapping[str, Any]:
    """Return the fields of the task t-1."""
    return db.document("fleets", fleet, "tasks", "t-1").get().to_dict() or {}
