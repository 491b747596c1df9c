"""build/functions.zip: functions and schema side by side, the same bytes from the same files.

Terraform names the bundle by its content, so an unchanged checkout changes nothing in the cloud.
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from typing import TYPE_CHECKING

from tachograph.errors import OperatorError
from tachograph_cli.local import machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUNDLE = "build/functions.zip"
SOURCES = (("functions", ""), ("schema/tachograph_schema", "tachograph_schema/"))
_LEFT_OUT = frozenset({"venv", "__pycache__", "requirements.in"})
_LEFT_OUT_SUFFIXES = frozenset({".pyc", ".pyo"})
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name
_READABLE = 0o100644 << 16
_UNIX = 3


class IncompleteError(OperatorError):
    """The checkout lacks a file that every bundle has."""


def build(root: Path, into: Path | None = None) -> Path:
    """Build the bundle of the checkout at `root` and return its path.

    `into` is another path than build/functions.zip. Raises IncompleteError when the checkout has no
    functions.
    """
    files = dict(sorted(contents(root)))
    for name in ("main.py", "requirements.txt", "tachograph_schema/__init__.py"):
        if name not in files:
            raise IncompleteError(
                f"{root}: no {name} for the functions' bundle; expected a whole checkout: "
                "git checkout -- functions schema"
            )
    path = into or root / BUNDLE
    path.parent.mkdir(parents=True, exist_ok=True)
    # Stored, not deflated: the bytes of a deflated file depend on the machine's zlib.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, source in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _READABLE
            entry.create_system = _UNIX
            archive.writestr(entry, source.read_bytes())
    return path


def contents(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file's name in the bundle and its path."""
    for folder, prefix in SOURCES:
        source = root / folder
        for path in source.rglob("*"):
            inside = path.relative_to(source)
            if path.is_file() and _belongs(inside.parts, path.suffix):
                yield prefix + inside.as_posix(), path


def digest(path: Path) -> str:
    """Return the sha256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _belongs(parts: tuple[str, ...], suffix: str) -> bool:
    hidden = any(part.startswith(".") for part in parts)
    return not hidden and not _LEFT_OUT & set(parts) and suffix not in _LEFT_OUT_SUFFIXES


def main() -> None:
    """Build the bundle of the checkout around here and print its path, size and digest."""
    try:
        root = machine.checkout()
        path = build(root)
    except OperatorError as error:
        sys.exit(str(error))
    print(f"{path.relative_to(root)}  {path.stat().st_size:,} bytes  sha256 {digest(path)}")  # noqa: T201 - the answer of `make bundle`


if __name__ == "__main__":
    main()
