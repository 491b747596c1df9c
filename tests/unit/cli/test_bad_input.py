"""Bad input to every command: refused before anything starts, in a sentence that names it."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tachograph_cli.demo.__main__ import main as pretend
from tachograph_cli.local.stack import Stack
from tachograph_cli.main import COMMANDS, LazyGroup, main

BAD_FLEETS = ("bad name!", "", "a/b", ".", "..", "-x", "x" * 64, "fl\x1b[2Jeet", "ünï")
OF_FLEET = {
    "report": (),
    "cost": ("t-1",),
    "rates": (),
    "top": (),
    "verify": (),
    "sweep": (),
    "rebuild": (),
    "reprice": ("--from", "2026-02-16", "--to", "2026-02-16"),
    "demo": (),
    "replay": (".",),
    "enroll": ("builder-1",),
    "revoke": ("builder-1",),
}
DEPLOY = ("deploy", "--project", "my-project", "--dry-run")
DOCTOR = ("doctor", "--project", "my-project")
DAYS = ("reprice", "--fleet", "acme")
BAD = [
    *(
        ((name, *more, "--fleet", fleet), "--fleet")
        for name, more in OF_FLEET.items()
        for fleet in BAD_FLEETS
    ),
    *(
        (("deploy", "--dry-run", "--project", project), "--project")
        for project in ("Bad Project", "", "short", "x" * 31, "1project", "project-", "my_project")
    ),
    *(
        ((*base, option, value), option)
        for base in (DEPLOY, DOCTOR)
        for option, value in (
            ("--location", "mars"),
            ("--location", "us central1"),
            ("--location", ""),
            ("--region", "nam5"),
            ("--region", "US-CENTRAL1"),
            ("--database", "Fleets"),
            ("--database", "default"[:3]),
            ("--database", "a/b/c/d"),
            ("--name", "x"),
            ("--name", "Tachograph"),
        )
    ),
    *(
        (("usage", ".", option, value), option)
        for option, value in (
            *(("--provider", ""), ("--model", "a\x1b[2J"), ("--route", "x" * 201)),
            ("--route", "nonsense"),
            *(("--at", "noon"), ("--at", "2026-13-01"), ("--at", "")),
            *(("--prices", "nothing-there.json"), ("--prices", ".")),
        )
    ),
    ((*DEPLOY, "--email", "you"), "--email"),
    ((*DEPLOY, "--email", "a b@example.com"), "--email"),
    ((*DEPLOY, "--email", "you@example"), "--email"),
    ((*DEPLOY, "--budget", "-5", "--email", "you@example.com"), "--budget"),
    ((*DEPLOY, "--budget", "ten"), "--budget"),
    ((*DEPLOY, "--budget", "50"), "--email"),
    ((*DEPLOY, "--var", "max_instances"), "--var"),
    ((*DEPLOY, "--var", "=50"), "--var"),
    ((*DEPLOY, "--var", "no_such_variable=50"), "no_such_variable"),
    (("doctor", "--project", "Bad Project"), "--project"),
    (("doctor", "--database", "fleets"), "--database"),
    (("doctor", "--no-task"), "--no-task"),
    (("local", "--only", "firestore,moon"), "--only"),
    (("local", "--only", ""), "--only"),
    (("local", "--", "no-such-program-anywhere"), "no-such-program-anywhere"),
    (("local", "--moon"), "--moon"),
    (("demo", "--speed", "-1", "--own"), "--speed"),
    (("demo", "--speed", "nan", "--own"), "--speed"),
    (("demo", "--speed", "fast"), "--speed"),
    (("demo", "--speed", "5"), "--speed"),
    (("demo", "--folder", "/nowhere"), "--folder"),
    (("demo", "--folder", "EMPTY"), "--folder"),
    (("demo", "--folder", "EMPTY", "--own"), "--own"),
    (("replay", "/nowhere", "--fleet", "acme"), "FOLDER"),
    (("replay", "EMPTY", "--fleet", "acme"), "EMPTY"),
    (("replay", "EMPTY", "--fleet", "acme", "--speed", "-1"), "--speed"),
    (("replay", "EMPTY", "--fleet", "acme", "--speed", "inf"), "--speed"),
    (("replay", "EMPTY", "--fleet", "acme", "--speed", "nan"), "--speed"),
    (("replay", "EMPTY", "--fleet", "acme", "--context-window", "0"), "--context-window"),
    (("replay", "EMPTY", "--fleet", "acme", "--agents-at-once", "0"), "--agents-at-once"),
    (("report", "fortnight", "--fleet", "acme"), "fortnight"),
    (("report", "day", "2026-02-30", "--fleet", "acme"), "PERIOD"),
    (("report", "week", "2026-W54", "--fleet", "acme"), "PERIOD"),
    (("report", "hour", "2026-02-16T24", "--fleet", "acme"), "PERIOD"),
    (("report", "--last", "0", "--fleet", "acme"), "--last"),
    (("report", "--last", "401", "--fleet", "acme"), "--last"),
    *((("cost", task, "--fleet", "acme"), "TASK") for task in ("a/b", "..", "", "x" * 1501)),
    *((("rates", "--fleet", "acme", "--window", w), "--window") for w in ("5", "0m", "5y", "")),
    *(
        (("rebuild", "--fleet", "acme", option, value), option)
        for option in ("--from", "--to")
        for value in ("2026-02-16", "2026-02-30T00", "2026-02-16T24", "2026-2-16T1", "now", "")
    ),
    (("rebuild", "--fleet", "acme", "--from", "2026-02-17T00", "--to", "2026-02-16T00"), "--from"),
    *(
        ((*DAYS, "--from", first, "--to", last), option)
        for first, last, option in (
            ("2026-02-30", "2026-03-01", "--from"),
            ("2026-02-01", "2026-13-01", "--to"),
            ("20260201", "2026-03-01", "--from"),
            ("2026-03-01", "2026-02-01", "--from"),
            ("yesterday", "today", "--from"),
        )
    ),
    ((*DAYS, "--from", "2026-02-01"), "--to"),
    *(((command, agent, "--fleet", "acme"), "AGENT") for command in ("enroll", "revoke")
      for agent in ("a/b", "", "bad name!", "x" * 64)),
    (("enroll", "b-1", "--fleet", "acme", "--role", "king"), "--role"),
    (("enroll", "b-1", "--fleet", "acme", "--days", "0"), "--days"),
    (("enroll", "b-1", "--fleet", "acme", "--days", "367"), "--days"),
    (("enroll", "b-1", "--fleet", "acme", "--out", "EMPTY"), "--out"),
    (("enroll", "b-1", "--fleet", "acme", "--out", "/dev/null/b-1.json"), "--out"),
    (("enroll", "b-1", "--fleet", "acme", "--dashboard", "my page"), "--dashboard"),
    (("enroll", "b-1", "--fleet", "acme", "--dashboard", "javascript:alert(1)"), "--dashboard"),
    (("enroll", "b-1", "--fleet", "acme", "--dashboard", "https://x.app", "--out", "f"), "--out"),
    (("enroll", "b-1", "--fleet", "acme", "--api-key", "two words"), "--api-key"),
    (("enroll", "b-1", "--fleet", "acme", "--signer", "me"), "--signer"),
    (("revoke", "b-1", "--fleet", "acme", "--signer", "me"), "--signer"),
    (("revoke", "b-1", "--fleet", "acme", "--api-key", "two words"), "--api-key"),
    (("no-such-command",), "no-such-command"),
    *(((name, "--no-such-option"), "--no-such-option") for name in COMMANDS),
]  # fmt: skip


def _title(case: tuple[tuple[str, ...], str]) -> str:
    return " ".join(case[0])[:60]


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Fail a test that starts a stack or opens a connection; give an empty folder."""

    def started(*_: object, **__: object) -> None:
        raise AssertionError("something was started before the input was checked")

    own, connect = threading.get_ident(), socket.socket.connect

    def connected(opened: socket.socket, address: object) -> None:
        if threading.get_ident() == own:
            started()
        connect(opened, address)  # another test's stack, which goes on

    monkeypatch.setattr(Stack, "start", started)
    monkeypatch.setattr(socket.socket, "connect", connected)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def ran(command: click.Command, *arguments: str) -> Result:
    """Run a command, and hold that it ends without a traceback."""
    result = CliRunner(env={"COLUMNS": "200"}).invoke(command, arguments)
    assert isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize(("arguments", "named"), BAD, ids=[_title(case) for case in BAD])
def test_bad_input_is_refused_in_a_sentence_that_names_it(
    arguments: tuple[str, ...], named: str, nothing_starts: Path
) -> None:
    given = [str(nothing_starts) if each == "EMPTY" else each for each in arguments]
    result = ran(main, *given)
    assert result.exit_code == (127 if named == "no-such-program-anywhere" else 2), result.output
    error = result.output[result.output.index("Error: ") :]
    assert (str(nothing_starts) if named == "EMPTY" else named) in error
    assert len(error.splitlines()) == 1
    assert "\x1b" not in error


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--fleet", "bad name!"), "--fleet"),
        (("--fleet", "x", "--agents", "0"), "--agents"),
        (("--fleet", "x", "--hours", "nan"), "--hours"),
        (("--fleet", "x", "--hours", "-1"), "--hours"),
        (("--fleet", "x", "--seed", "lucky"), "--seed"),
    ],
)
def test_bad_input_to_the_pretend_fleet_is_refused(arguments: tuple[str, ...], named: str) -> None:
    result = ran(pretend, *arguments)
    assert result.exit_code == 2
    assert named in result.output


def test_every_command_has_bad_input_in_the_table() -> None:
    assert {arguments[0] for arguments, _ in BAD} >= set(COMMANDS)


def test_every_option_that_takes_a_value_has_bad_input_in_the_table() -> None:
    group = main
    assert isinstance(group, LazyGroup)
    context = click.Context(group)
    tried = {(arguments[0], each) for arguments, _ in BAD for each in arguments[1:]}
    missing = [
        f"{name} {parameter.opts[0]}"
        for name in COMMANDS
        for command in [group.get_command(context, name)]
        if command is not None
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.is_flag and not parameter.is_eager
        if not any((name, spelled) in tried for spelled in parameter.opts)
    ]
    assert missing == []


def test_good_input_to_a_dry_run_is_accepted() -> None:
    result = CliRunner().invoke(
        main,
        [*DEPLOY, "--location", "nam5", "--region", "us-east4", "--database", "fleets",
         "--email", "ops.team+alerts@mail.example.com", "--budget", "50",
         "--var", "max_instances=50", "--name", "tacho-2"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output


def test_help_says_which_exit_status_means_what() -> None:
    said = CliRunner().invoke(main, ["--help"]).output
    assert "Exit status: 0" in said
