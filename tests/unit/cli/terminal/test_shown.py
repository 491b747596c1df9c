"""What documents say reaches a terminal as text: it commands nothing, and hides nothing."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from support.places import ROOT
from support.terminal import HOSTILE, commands, printed
from tachograph_cli.main import COMMANDS, Entry, main
from tachograph_cli.terminal.console import Console
from tachograph_cli.terminal.shown import escaped_json, shortened, shown
from tachograph_cli.terminal.streams import escaped_streams

CLI = ROOT / "cli" / "tachograph_cli"
_ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_text_is_shown_without_commands_and_what_was_replaced_is_visible(name: str) -> None:
    assert commands(shown(name)) == []
    assert len(shown(name)) == len(name)


@given(_ANY_TEXT)
def test_no_text_at_all_commands_a_terminal(text: str) -> None:
    assert commands(shown(text)) == []
    assert "\n" not in shown(text)


@given(_ANY_TEXT, st.integers(0, 30))
def test_text_is_cut_to_the_cells_of_a_terminal(text: str, cells: int) -> None:
    assert cell_len(shown(text, cells)) <= cells
    assert cell_len(shortened(text, max(3, cells))) <= max(3, cells)


def test_cut_text_says_so_and_wide_characters_count_twice() -> None:
    assert shown("fleet", 5) == "fleet"
    assert shown("fleets", 5) == "flee…"
    assert shown("数据管道", 5) == "数据…"
    assert shown("e\u0301" * 5, 5) == "e\u0301" * 5
    assert shown("x" * 10**6, 8) == "xxxxxxx…"


def test_honest_names_of_any_script_are_shown_as_they_are() -> None:
    for name in (
        "Größe",
        "数据管道",
        "ビルド",
        "мост",
        "עברית",
        "عربي",
        "ship it 🚀",
        "⚠️ slow",
        "a-b/c:d",
    ):
        assert shown(name) == name


def test_heap_of_marks_does_not_cover_the_lines_around_it() -> None:
    assert shown("a" + "\u0301" * 100).count("\u0301") == 4


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_page_shows_a_hostile_name_in_one_line_of_its_own_width(name: str) -> None:
    table = Table.grid()
    table.add_column(width=12, no_wrap=True, overflow="ellipsis")
    table.add_row(name)
    table.add_row(Text(name))
    table.add_row(Text.assemble(("styled ", "bold"), (name, "red")))
    lines = printed(Group(table), 40).splitlines()
    assert commands("\n".join(lines)) == []
    assert [cell_len(line.rstrip()) <= 12 for line in lines] == [True, True, True]


def test_markup_in_a_name_is_text() -> None:
    page = Table("[red]head[/red]")
    page.add_row("[link=https://evil.example]x[/link]")
    drawn = printed(page, 80)
    assert "[red]head[/red]" in drawn
    assert "[link=https://evil.example]x[/link]" in drawn


def test_colours_of_a_page_are_its_own() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system="standard", width=80)
    console.print(Text("\x1b[31mred\x1b[0m", "green"))
    assert file.getvalue() == "\x1b[32m␛[31mred␛[0m\x1b[0m\n"


def test_link_in_a_style_is_not_written() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system="standard", width=80)
    console.print(Text.from_markup("[link=https://evil.example]click[/link]"))
    assert "evil" not in file.getvalue()


@given(st.dictionaries(_ANY_TEXT, _ANY_TEXT, max_size=3))
def test_json_keeps_every_value_and_commands_nothing(value: dict[str, str]) -> None:
    document = escaped_json(json.dumps(value, indent=2, ensure_ascii=False))
    assert json.loads(document) == value
    assert commands(document) == []
    document.encode()


@pytest.fixture
def _hostile_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a command that prints its argument in every way there is."""
    monkeypatch.setitem(COMMANDS, "hostile", Entry(f"{__name__}:hostile", "Print a name."))


@click.command()
@click.argument("way")
@click.argument("name")
def hostile(way: str, name: str) -> None:
    if way == "usage":
        raise click.UsageError(f"no such thing: {name}")
    if way == "error":
        raise click.ClickException(f"refused: {name}")
    if way == "echo":
        click.echo(name)
    if way == "stderr":
        sys.stderr.write(name)
    if way == "console":
        Console().print(name)


@pytest.mark.usefixtures("_hostile_command")
@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("way", ["usage", "error", "echo", "stderr", "console"])
def test_whatever_way_a_command_prints_nothing_is_obeyed(way: str, name: str) -> None:
    answer = CliRunner().invoke(main, ["hostile", way, name], color=True)
    assert answer.output
    assert commands(answer.output) == []


def test_traceback_that_quotes_a_name_is_escaped_too() -> None:
    program = (
        "from tachograph_cli.terminal.streams import escaped_streams\n"
        "with escaped_streams():\n    raise ValueError('\\x1b[2J' + chr(0x9b) + chr(0x202e))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 1
    assert "ValueError: ␛[2J" in done.stderr
    assert done.stderr.count("Traceback") == 1
    assert commands(done.stderr) == []


def test_command_that_fails_unexpectedly_leaves_the_process_as_it_was() -> None:
    before = sys.excepthook, sys.stdout, sys.stderr
    with pytest.raises(SystemExit) as ended, escaped_streams():
        raise ValueError("unexpected")
    assert ended.value.code == 1
    assert isinstance(ended.value.__cause__, ValueError)
    assert (sys.excepthook, sys.stdout, sys.stderr) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["{}"],
        ["--{}"],
        ["cost", "t", "--fleet", "{}"],
        ["report", "{}"],
        ["report", "day", "{}", "--fleet", "f"],
        ["rates", "--fleet", "f", "--window", "{}"],
        ["top", "--fleet", "{}"],
        ["verify", "--fleet", "{}"],
        ["sweep", "--fleet", "{}"],
        ["rebuild", "--fleet", "f", "--from", "{}"],
        ["reprice", "--fleet", "f", "--from", "{}", "--to", "{}"],
        ["replay", "/nowhere/{}", "--fleet", "f"],
        ["local", "--only", "{}"],
        ["demo", "--folder", "/nowhere/{}"],
        ["enroll", "{}", "--fleet", "f"],
        ["revoke", "agent", "--fleet", "{}"],
        ["deploy", "--project", "p", "--budget", "{}"],
        ["doctor", "{}"],
    ],
)
def test_refused_argument_is_quoted_without_commands(arguments: list[str]) -> None:
    for name in HOSTILE.values():
        # An argument has no NUL, and its bytes that are no text become such a surrogate.
        given = name.replace("\0", "").replace("\ud83d", "\udc80")
        answer = CliRunner().invoke(main, [part.replace("{}", given) for part in arguments])
        assert answer.exit_code == 2
        assert commands(answer.output) == []


def test_commands_print_by_the_console_that_escapes_and_by_no_other() -> None:
    """The streams escape what is printed otherwise, but then colours would be text."""
    own = {CLI / "terminal" / "console.py"}
    for path in sorted(set(CLI.rglob("*.py")) - own):
        found = _imports(path) & {
            "rich.console.Console",
            "rich.print",
            "rich.get_console",
            "rich.markup.escape",
        }
        assert not found, (
            f"{path.relative_to(ROOT)} imports {found}; expected tachograph_cli.terminal.console"
        )
        for name in ("[bold]", "[dim]", "[/]", "[red]", "[yellow]", "[green]"):
            assert name not in path.read_text(), (
                f"{path.relative_to(ROOT)}: markup is not read; expected a Text"
            )


def _imports(path: Path) -> set[str]:
    return {
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
