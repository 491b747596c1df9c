"""Checks of the commands' options: a value that cannot be is refused before anything starts.

A refusal says which option, what was found and what is allowed, and the command ends with 2.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import click

from tachograph_schema.fields import is_name
from tachograph_schema.paths import check_fleet_name, is_document_id

Check: TypeAlias = Callable[[Any], object]
"""Raises ValueError, with what is expected, where a value cannot be."""

_PROJECT = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
_REGION = r"[a-z]+-[a-z]+[0-9]+"
_EMAIL = r"[^@\s,;<>\"]+@[^@\s,;<>\".]+(\.[^@\s,;<>\".]+)+"


def checked(*checks: Check) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return a callback for an option or an argument; a value that is not given is not checked."""

    def callback(ctx: click.Context, parameter: click.Parameter, value: object) -> object:
        given = value if isinstance(value, tuple) else (value,)
        for one in given:
            if one is None or one == parameter.default:
                continue
            for check in checks:
                try:
                    check(one)
                except ValueError as error:
                    raise click.UsageError(f"{_name(parameter)}{error}", ctx) from error
        return value

    return callback


def shaped(pattern: str, expected: str) -> Check:
    """Expect text of a shape."""

    def check(value: str) -> None:
        if not re.fullmatch(pattern, value):
            raise ValueError(f" is {value!r}; expected {expected}")

    return check


def fleet_name(value: str) -> None:
    """Expect the name of a fleet."""
    try:
        check_fleet_name(value)
    except ValueError as error:
        raise ValueError(f": {error}") from error


def document_id(value: str) -> None:
    """Expect the id of a document."""
    if not is_document_id(value) or not value.isprintable():
        raise ValueError(f" is {value!r}; expected the id of a document, without '/'")


def name(value: str) -> None:
    """Expect a name, such as a model's."""
    if not is_name(value):
        raise ValueError(f" is {value!r}; expected 1-200 printable characters")


def finite(value: float) -> None:
    """Expect a number that is one."""
    if not math.isfinite(value):
        raise ValueError(f" is {value}; expected a number")


def day(value: str) -> None:
    """Expect a day of UTC."""
    _instant(value, r"\d{4}-\d{2}-\d{2}", "a day of UTC, such as 2026-02-16")


def hour(value: str) -> None:
    """Expect an hour of UTC."""
    _instant(value, r"\d{4}-\d{2}-\d{2}T\d{2}", "an hour of UTC, such as 2026-02-16T18")


def moment(value: str) -> None:
    """Expect a moment in ISO 8601, UTC where it names no zone."""
    try:
        datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f" is {value!r}; expected a time, such as 2026-02-16T18:00Z") from error


def in_order(first: str | None, last: str | None) -> None:
    """Expect `--from` not to be later than `--to`. Raises click.UsageError."""
    if first is not None and last is not None and first > last:
        raise click.UsageError(
            f"--from is {first!r} and --to is {last!r}; expected --to not before"
        )


def writable_file(path: Path) -> None:
    """Expect a file that can be written; its folders are made."""
    path = path.expanduser()
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f" is {str(path)!r}; expected a file in a folder that can be written")


project = shaped(
    _PROJECT, "a project's id: 6 to 30 lower-case letters, digits and '-', beginning with a letter"
)
location = shaped(rf"nam5|nam7|eur3|{_REGION}", "a region such as us-central1, or nam5, nam7, eur3")
region = shaped(_REGION, "a region such as us-central1")
database = shaped(
    r"\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]",
    "(default), or 4 to 63 lower-case letters, digits and '-', beginning with a letter",
)
installation = shaped(
    r"[a-z][a-z0-9-]{1,12}[a-z0-9]",
    "3 to 14 lower-case letters, digits and '-', beginning with a letter",
)
email = shaped(_EMAIL, "an address such as you@example.com")
variable = shaped(r"(?s)[a-z_][a-z0-9_]*=.*", "NAME=VALUE, such as max_instances=50")
address = shaped(r"https?://[^\s/?#]+(/[^\s?#]*)?", "an address such as https://PROJECT.web.app")
token = shaped(r"[\x21-\x7e]+", "letters, digits and signs without blanks")


def _instant(value: str, shape: str, expected: str) -> None:
    # Both checks: fromisoformat accepts further shapes, and a shape accepts the 30th of February.
    try:
        is_one = re.fullmatch(shape, value) is not None and bool(datetime.fromisoformat(value))
    except ValueError:
        is_one = False
    if not is_one:
        raise ValueError(f" is {value!r}; expected {expected}")


def _name(parameter: click.Parameter) -> str:
    return parameter.opts[0] if isinstance(parameter, click.Option) else _argument(parameter)


def _argument(parameter: click.Parameter) -> str:
    return parameter.metavar or str(parameter.name).upper()
