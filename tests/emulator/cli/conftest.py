"""A clone with toy functions, in which a stack starts quickly."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

FUNCTIONS = """
specVersion: v1alpha1
endpoints:
  copy-tasks:
    platform: gcfv2
    entryPoint: copy
    region: [us-central1]
    eventTrigger:
      eventType: google.cloud.firestore.document.v1.written
      eventFilters: {database: (default), namespace: (default)}
      eventFilterPathPatterns: {document: "fleets/{fleet}/tasks/{task}"}
      retry: true
  tick:
    platform: gcfv2
    entryPoint: tick
    region: [us-central1]
    httpsTrigger: {}
"""
MAIN = """
import functions_framework
from google.cloud import firestore

@functions_framework.cloud_event
def copy(event):
    firestore.Client().document(event["document"].replace("/tasks/", "/copies/")).set({})

@functions_framework.http
def tick(request):
    if request.method == "POST":
        firestore.Client().document("fleets/toy/ticks/one").set({})
    return "ticked"
"""


@pytest.fixture(scope="module")
def toy(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a clone that starts quickly and depends on no function of ours."""
    clone = tmp_path_factory.mktemp("toy")
    (clone / "agent").mkdir()
    for name in ("agent/tachograph", "node_modules", "rules"):
        (clone / name).symlink_to(root / name)
    shutil.copy(root / "firebase.json", clone)
    functions = clone / "functions"
    functions.mkdir()
    (functions / "venv").symlink_to(sys.prefix)
    (functions / "requirements.txt").write_text("functions-framework\n")
    (functions / "functions.yaml").write_text(FUNCTIONS)
    (functions / "main.py").write_text(MAIN)
    (clone / "dashboard" / "dist").mkdir(parents=True)
    (clone / "dashboard" / "dist" / "index.html").write_text("<title>toy</title>")
    return clone
