"""The plan of the house: rooms that can be overlooked, modules of one idea, no circle of folders.

docs/decisions/0024-the-house.md says why.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from support.places import FUNCTIONS, ROOT

MAX_ENTRIES = 13
MAX_LINES = 300
_CODE = ("agent", "bench", "cli", "dashboard/src", "functions", "schema", "terraform", "tests")
_DATA = ("tests/cases", "tests/golden", "dashboard/src/fonts")
_ROOTS = ("agent", "cli", "schema", "functions", "tests")
"""The folders that stand on Python's path: a module's name begins below them."""


def _files() -> list[Path]:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *_CODE]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in names.splitlines() if (ROOT / name).is_file()]


def _code() -> Iterator[Path]:
    suffixes = {".py", ".ts", ".svelte", ".css"}
    return (path for path in _files() if path.suffix in suffixes)


def test_no_folder_has_more_entries_than_a_glance_takes_in() -> None:
    entries: defaultdict[str, set[str]] = defaultdict(set)
    for path in _files():
        for folder in list(path.parents)[:-1]:
            entries[str(folder)].add(path.relative_to(folder).parts[0])
    full = {folder: len(names) for folder, names in entries.items() if len(names) > MAX_ENTRIES}
    assert {folder: n for folder, n in full.items() if not folder.startswith(_DATA)} == {}


def test_no_module_is_longer_than_one_idea() -> None:
    lines = {str(path): len((ROOT / path).read_text().splitlines()) for path in _code()}
    assert {path: n for path, n in lines.items() if n > MAX_LINES} == {}


@pytest.mark.parametrize("package", ["agent/tachograph", "cli/tachograph_cli",
                                     "schema/tachograph_schema", "functions"])  # fmt: skip
def test_folders_do_not_import_each_other_in_a_circle(package: str) -> None:
    assert _circle(_imports(package)) == []


def test_no_folder_of_the_functions_hides_a_library() -> None:
    folders = {path.name for path in FUNCTIONS.iterdir() if (path / "__init__.py").is_file()}
    modules = {path.stem for path in FUNCTIONS.glob("*.py")}
    assert folders
    libraries = {*sys.stdlib_module_names, *packages_distributions()}
    assert (folders | modules) & libraries == set()


def test_circle_of_three_folders_is_found() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c", "a"]
    assert _circle({"a": {"b", "c"}, "b": {"c"}}) == []


def _imports(package: str) -> Mapping[str, set[str]]:
    """Return which folder of a package imports which, those for types alone included.

    A module that stands in the package itself is a folder of its own.
    """
    root = next(root for root in _ROOTS if package.split("/", maxsplit=1)[0] == root)
    prefix = "" if package == root else package.removeprefix(f"{root}/").replace("/", ".") + "."
    graph: defaultdict[str, set[str]] = defaultdict(set)
    for path in (ROOT / package).rglob("*.py"):
        place = path.relative_to(ROOT / package)
        if "venv" in place.parts or place.parts[0] == "__init__.py":
            continue
        for name in _imported(path):
            if name.startswith(prefix):
                other = name.removeprefix(prefix).split(".")[0]
                graph[place.with_suffix("").parts[0]].add(other)
    there = set(graph)
    return {folder: (others & there) - {folder} for folder, others in graph.items()}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return the folders of one circle in their order, or nothing."""

    def follow(folder: str, way: list[str]) -> list[str]:
        if folder in way:
            return [*way[way.index(folder) :], folder]
        if folder in done:
            return []
        for other in sorted(graph.get(folder, ())):
            found = follow(other, [*way, folder])
            if found:
                return found
        done.add(folder)
        return []

    done: set[str] = set()
    for folder in sorted(graph):
        found = follow(folder, [])
        if found:
            return found
    return []
