"""The throw-away folder that the emulators run in: production's config, on this machine's ports.

The emulators write debug logs without bound into their working directory (firebase-tools #4325), so
they never run in the clone. The sources are linked into the folder, since firebase-tools joins its
paths to the folder of its config.
"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

from tachograph_cli.local.emulators import run_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

HOST = "127.0.0.1"
LINKED = ("functions", "rules", "dashboard")
PAGE_ITSELF = "connect-src 'self'"
"""The part of the page's content security policy behind which the emulators are named."""
MANIFEST_LINE = 72  # bytes: https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html
EMULATOR_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"


def lay_out(run: Path, root: Path, ports: Mapping[str, int], only: Collection[str]) -> None:
    """Fill the folder: links to the sources and a firebase.json of its own."""
    production = json.loads((root / "firebase.json").read_text())
    (run / "firebase.json").write_text(json.dumps(with_ports(production, ports, only), indent=2))
    (run / run_folder.TEMPORARY).mkdir(exist_ok=True)
    (run / "config").mkdir(exist_ok=True)
    for name in LINKED:
        link = run / name
        if (root / name).exists() and not link.is_symlink():
            link.symlink_to(root / name, target_is_directory=True)


def with_ports(
    production: Mapping[str, Any], ports: Mapping[str, int], only: Collection[str]
) -> dict[str, Any]:
    """Make the local config: production's, each emulator on its port, only these services."""
    emulators: dict[str, Any] = {
        name: {"host": HOST, "port": port} for name, port in ports.items() if name != "websocket"
    }
    if "firestore" in emulators:
        emulators["firestore"]["websocketPort"] = ports["websocket"]
    kept = {key: value for key, value in production.items() if key in only}
    if "hosting" in kept:
        kept["hosting"] = _with_emulators(kept["hosting"], emulators)
    return {**kept, "emulators": {**emulators, "ui": {"enabled": False}, "singleProjectMode": True}}


def _with_emulators(hosting: Mapping[str, Any], emulators: Mapping[str, Any]) -> dict[str, Any]:
    """Let the page connect to the emulators of this stack too, and to nothing else here."""
    addresses = [
        f"http://{host}:{emulators[name]['port']}"
        for name in ("firestore", "auth")
        if name in emulators
        for host in (HOST, "localhost")
    ]
    local = " ".join([PAGE_ITSELF, *addresses])
    written = json.dumps(hosting)
    return dict(json.loads(written.replace(PAGE_ITSELF, local)))


def write_launcher(jar: Path, launcher: Path) -> None:
    """Write a jar that starts the emulator in `jar`, which firebase-tools can run with `java -jar`.

    The gcloud SDK's emulator names no main class; this one is a manifest and nothing else.
    """
    with zipfile.ZipFile(launcher, "w") as archive:
        archive.writestr(
            "META-INF/MANIFEST.MF",
            manifest({"Main-Class": EMULATOR_CLASS, "Class-Path": jar.as_uri()}),
        )


def manifest(headers: Mapping[str, str]) -> str:
    """Write a jar's manifest: no line above 72 bytes, a continuation begins with a blank."""
    lines = []
    for name, value in {"Manifest-Version": "1.0", **headers}.items():
        line = f"{name}: {value}"
        lines.append(line[:MANIFEST_LINE])
        rest = line[MANIFEST_LINE:]
        step = MANIFEST_LINE - 1
        lines += [f" {rest[start : start + step]}" for start in range(0, len(rest), step)]
    return "\r\n".join(lines) + "\r\n\r\n"
