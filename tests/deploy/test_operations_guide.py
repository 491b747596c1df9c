"""The guides: commands, links and paths that exist, and arithmetic that adds up."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from tachograph.firestore.client import connect
from tachograph_cli.main import COMMANDS, main

MILLION = 1_000_000
_COMMAND = re.compile(
    r"(?:^    |`)((?:TACHOGRAPH_\w+=\S+ )?(?:tachograph|make|gcloud) [^`\n]+)", re.MULTILINE
)

_FOLDERS = "agent|bench|cli|dashboard|docs|functions|rules|schema|terraform|tests"
_PATH = re.compile(rf"`((?:{_FOLDERS})/[\w./]+)`")


@pytest.fixture(scope="module")
def guide(root: Path) -> str:
    return (root / "docs" / "operations.md").read_text()


def test_commands_of_the_guide_exist_with_their_options(guide: str, root: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))
    commands = [shlex.split(command) for command in _COMMAND.findall(guide)]
    assert len(commands) > 20
    for words in commands:
        program, name = [word for word in words if not word.startswith("TACHOGRAPH_")][:2]
        if program == "make":
            assert name in targets, words
        elif program == "tachograph":
            assert name in COMMANDS, words
            command = main.get_command(click.Context(main), name)
            assert command is not None
            options = {option for parameter in command.params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= options, words


def test_variables_of_the_guide_are_terraforms(guide: str, root: Path) -> None:
    declared = set(
        re.findall(
            r'^variable "(\w+)"', (root / "terraform/variables.tf").read_text(), re.MULTILINE
        )
    )
    named = set(re.findall(r"--var (\w+)=", guide))
    assert named
    assert named <= declared
    for name in ("shard_count", "tick_on_write", "max_instances", "retry_seconds", "min_instances"):
        assert f"`{name}`" in guide
        assert name == "shard_count" or name in declared


def test_links_of_the_guide_lead_somewhere(guide: str, root: Path) -> None:
    headings = re.findall(r"^#+ (.+)$", guide, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9-]", "", head.lower().replace(" ", "-")) for head in headings}
    anchors |= set(re.findall(r'<a id="([a-z-]+)"></a>', guide))
    for target in re.findall(r"\]\(([^)]+)\)", guide):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        else:
            assert (root / "docs" / target).exists(), target


@pytest.mark.parametrize(
    "page", ["README.md", "docs/glossary.md", "docs/security.md", "docs/report.md"]
)
def test_links_of_a_page_lead_to_files(page: str, root: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)[^)]*\)", (root / page).read_text())
    assert targets
    assert [target for target in targets if not ((root / page).parent / target).exists()] == []


@pytest.mark.parametrize("page", ["README.md", "docs/glossary.md"])
def test_paths_that_a_page_names_exist(page: str, root: Path) -> None:
    named = _PATH.findall((root / page).read_text())
    packages = {"agent/...": "agent/tachograph", "schema/...": "schema/tachograph_schema"}
    for short, package in packages.items():
        named = [name.replace(short, package) for name in named]
    assert len(named) > 10
    assert [path for path in named if not (root / path).exists()] == []


def test_cost_of_a_million_writes_is_what_its_parts_come_to(guide: str) -> None:
    def event(document_bytes: int) -> float:
        # Before and after, with an envelope of 570 bytes, published once and pushed once.
        return 2 * (2 * document_bytes + 570) * MILLION / 2**40 * 40

    def instances(seconds: float) -> float:
        return seconds * (0.000024 + 0.5 * 0.0000025) * MILLION

    fixed = 2 * 0.90 + 0.10 + event(2048) + 0.40
    busy, idle = fixed + instances(0.015), fixed + instances(0.1)
    assert busy <= 3.10
    assert f"| **together** | | | **${busy:.2f}** | **${idle:.2f}** |" in guide
    assert f"${busy + 1.90:.2f} busy, ${idle + 1.90:.2f} idle per million" in guide
    assert f"${event(10240) - event(2048):.2f} more per million" in guide
    beats = [2 * (event(1024) + 0.40 + instances(seconds)) for seconds in (0.015, 0.1)]
    assert f"${beats[0]:.2f} busy, ${beats[1]:.2f} idle per million" in guide
    tick = (43 * 0.30 + 12 * 0.90) / MILLION
    assert f"${tick * 6 * 60 * 24 * 30:.2f} a month" in guide
    assert f"${tick * 60 * 24 * 30:.2f} a month" in guide


def test_commands_go_to_the_database_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setenv("TACHOGRAPH_DATABASE", "restored")
    assert connect("p")._database == "restored"
    monkeypatch.delenv("TACHOGRAPH_DATABASE")
    assert connect("p")._database == "(default)"
