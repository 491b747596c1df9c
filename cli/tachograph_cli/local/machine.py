"""The tools on this machine that the local stack needs, and what installs a missing one."""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tachograph.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

JDK_AT_LEAST = (
    21  # firebase-tools 15: MIN_SUPPORTED_JAVA_MAJOR_VERSION in its lib/emulator/commandUtils.js
)
NODE_AT_LEAST = (20, 19)  # the dashboard's build; firebase-tools itself: 20.0

JDK_PLACES = (
    "/usr/lib/jvm/*",  # Debian, Fedora, Arch
    "/usr/java/*",
    "/opt/java/*",
    "/opt/jdk*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",  # macOS
    "~/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",  # Homebrew
    "/usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
    "~/.sdkman/candidates/java/*",
    "~/.asdf/installs/java/*",
    "~/.local/share/mise/installs/java/*",
    "~/.jdks/*",  # IntelliJ
)
GCLOUD_PLACES = (
    "/usr/lib/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/usr/local/google-cloud-sdk",
    "~/google-cloud-sdk",
    "/opt/homebrew/share/google-cloud-sdk",
    "/usr/local/share/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
)
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_PLACES = (
    "~/.cache/ms-playwright/chromium-*/chrome-linux*/chrome",
    "~/Library/Caches/ms-playwright/chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


@dataclass(frozen=True)
class Found:
    """A tool that is on this machine."""

    what: str
    path: Path
    version: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Missing:
    """A tool that is not on this machine, what was found instead, and the command that mends it."""

    what: str
    remedy: str
    found: str = "none"
    needed: bool = True

    def __str__(self) -> str:
        """Say what was looked for, what was found, and what mends it."""
        return f"{self.what}: found {self.found}; mend it with: {self.remedy}"


class NoCheckoutError(OperatorError):
    """There is no clone of the repository around here."""


def checkout() -> Path:
    """Return the root of the clone that `find_root` finds. Raises NoCheckoutError."""
    root = find_root()
    if isinstance(root, Missing):
        raise NoCheckoutError(f"{root.what}: found {root.found}; {root.remedy}")
    return root.path


def find_root(start: Path | None = None) -> Found | Missing:
    """Find the clone at or above the folder `start`, else the one this package comes from."""
    here = Path.cwd() if start is None else start
    for folder in (here, *here.parents, *Path(__file__).resolve().parents):
        if (folder / "firebase.json").is_file() and (folder / "agent" / "tachograph").is_dir():
            return Found("repository", folder)
    return Missing(
        "repository",
        "run this inside a clone of the Tachograph repository",
        f"none at or above {here}",
    )


def find_jdk(
    environment: Mapping[str, str] = os.environ,
    places: Iterable[str] = JDK_PLACES,
    at_least: int = JDK_AT_LEAST,
) -> Found | Missing:
    """Find a JDK's home: JAVA_HOME, then PATH's, then the newest of those in the usual places."""
    chosen = [Path(home) for home in [environment.get("JAVA_HOME", "")] if home]
    on_path = shutil.which("java", path=environment.get("PATH", ""))
    if on_path is not None:
        chosen.append(Path(on_path).resolve().parent.parent)
    for home in chosen:
        if java_major(_java_version(home)) >= at_least:
            return _jdk(home)
    installed = sorted({path.resolve() for path in _existing(places)} - set(chosen))
    majors = {home: java_major(_java_version(home)) for home in [*chosen, *installed]}
    best = max(majors, key=lambda home: majors[home], default=None)
    if best is not None and majors[best] >= at_least:
        return _jdk(best)
    versions = ", ".join(sorted({str(major) for major in majors.values() if major})) or "none"
    remedy = f"brew install openjdk@{at_least}"
    if sys.platform != "darwin":
        packages = f"apt-get install openjdk-{at_least}-jre-headless"
        remedy = f"{packages}, or sdk install java {at_least}-tem"
    return Missing(f"JDK >= {at_least}", remedy, versions)


def find_node(environment: Mapping[str, str] = os.environ) -> Found | Missing:
    """Find Node on PATH."""
    what = f"Node >= {NODE_AT_LEAST[0]}.{NODE_AT_LEAST[1]}"
    remedy = "https://nodejs.org/en/download, or: nvm install 22"
    if sys.platform == "darwin":
        remedy = "brew install node"
    path = shutil.which("node", path=environment.get("PATH", ""))
    if path is None:
        return Missing(what, remedy)
    version = _output([path, "--version"]).strip().removeprefix("v")
    number = re.match(r"(\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) < NODE_AT_LEAST:
        return Missing(what, remedy, version)
    return Found("Node", Path(path), version)


def find_firebase(root: Path) -> Found | Missing:
    """Find firebase-tools among the clone's own npm packages."""
    package = root / "node_modules" / "firebase-tools"
    program = package / "lib" / "bin" / "firebase.js"
    if not program.is_file():
        return Missing("firebase-tools", "npm ci")
    version = json.loads((package / "package.json").read_text())["version"]
    return Found("firebase-tools", program, version)


def find_emulator(
    root: Path,
    environment: Mapping[str, str] = os.environ,
    gcloud_places: Iterable[str] = GCLOUD_PLACES,
    home: Path | None = None,
) -> Found | Missing:
    """Find the Firestore emulator's jar: firebase-tools' own download, else the gcloud SDK's."""
    listing = root / "node_modules/firebase-tools/lib/emulator/downloadableEmulatorInfo.json"
    usual_cache = (home or Path.home()) / ".cache/firebase/emulators"
    cache = Path(environment.get("FIREBASE_EMULATORS_PATH") or usual_cache)
    if listing.is_file():
        details = json.loads(listing.read_text())["firestore"]
        jar = cache / details["downloadPathRelativeToCacheDir"]
        if jar.is_file():
            return Found("Firestore emulator", jar, details["version"], "firebase-tools' download")
    gcloud = shutil.which("gcloud", path=environment.get("PATH", ""))
    sdks = [] if gcloud is None else [Path(gcloud).resolve().parent.parent]
    for sdk in [*sdks, *_existing(gcloud_places)]:
        jar = sdk / "platform" / "cloud-firestore-emulator" / "cloud-firestore-emulator.jar"
        if jar.is_file():
            return Found("Firestore emulator", jar, origin="gcloud SDK")
    remedy = "nothing to do: firebase-tools downloads it at the first start (130 MB)"
    return Missing("Firestore emulator", remedy, needed=False)


def find_chromium(
    environment: Mapping[str, str] = os.environ, places: Iterable[str] = CHROMIUM_PLACES
) -> Found | Missing:
    """Find a Chromium for the page tests: on PATH, or playwright's, or an application."""
    for name in CHROMIUM_NAMES:
        path = shutil.which(name, path=environment.get("PATH", ""))
        if path is not None:
            return Found("Chromium", Path(path), origin="PATH")
    browsers = environment.get("PLAYWRIGHT_BROWSERS_PATH")
    own = [f"{browsers}/chromium-*/chrome-*/chrome"] if browsers else []
    # The last is the newest: playwright numbers its folders.
    for program in reversed(_existing([*places, *own])):
        if os.access(program, os.X_OK):
            return Found("Chromium", program, origin="application")
    return Missing("Chromium", ".venv/bin/playwright install --with-deps chromium", needed=False)


def java_major(text: str) -> int:
    """Read the major version out of what `java -version` prints; 0 when it names none."""
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(match[1]) if match else 0


def _jdk(home: Path) -> Found:
    version = re.search(r'version "([^"]+)"', _java_version(home))
    return Found("JDK", home, version[1] if version else "")


def _java_version(home: Path) -> str:
    java = home / "bin" / "java"
    return _output([str(java), "-version"]) if java.is_file() else ""


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def _existing(places: Iterable[str]) -> list[Path]:
    # glob rather than Path.glob: the patterns are absolute.
    return [Path(path) for place in places for path in sorted(glob.glob(os.path.expanduser(place)))]  # noqa: PTH111, PTH207
