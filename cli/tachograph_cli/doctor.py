"""`tachograph doctor`: a checklist of this machine, or of a project and its installation."""

from __future__ import annotations

# ruff: noqa: PLC0415 - the checklist of this machine needs nothing of deploy/
import sys
from typing import TYPE_CHECKING

import click

from tachograph_cli.checklist import Line, table
from tachograph_cli.local import machine, requirements
from tachograph_cli.terminal import parameters
from tachograph_cli.terminal.console import Console
from tachograph_cli.terminal.parameters import checked

if TYPE_CHECKING:
    from tachograph_cli.deploy.google import Google
    from tachograph_cli.deploy.target import Target


@click.command()
@click.option(
    "--project", callback=checked(parameters.project),
    help="Look at this Google Cloud project instead of this machine.",
)  # fmt: skip
@click.option(
    "--location", default="us-central1", show_default=True, callback=checked(parameters.location),
    help="Its database's.",
)  # fmt: skip
@click.option(
    "--region", default="", callback=checked(parameters.region),
    help="Its functions'; by default the database's.",
)  # fmt: skip
@click.option(
    "--database", default="(default)", show_default=True, callback=checked(parameters.database),
    help="Its database's name.",
)  # fmt: skip
@click.option(
    "--name", default="tachograph", show_default=True, callback=checked(parameters.installation),
    help="What names begin with.",
)  # fmt: skip
@click.option("--no-task", is_flag=True, help="Send no synthetic task through it.")
def doctor(
    project: str | None, location: str, region: str, database: str, name: str, *, no_task: bool
) -> None:
    """Say what this machine has and lacks for the local stack, or a project for the cloud.

    Each thing that is wrong stands beside the command that mends it. Exits with 1 when something
    needed is missing. Where an installation is in the project, a task is sent through it to a
    rollup, and taken back.
    """
    if project is None:
        _need_no_project()
        lines = requirements.examine()
    else:
        from tachograph_cli.deploy.target import Target

        target = Target(project, location, database, name, region)
        lines = _project_lines(target, task=not no_task)
    Console().print(table(lines))
    sys.exit(any(line.fails for line in lines))


def _need_no_project() -> None:
    """Raise click.UsageError for an option that says nothing without --project."""
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]}: expected --project beside it")


def _project_lines(target: Target, *, task: bool) -> list[Line]:
    """Check the credentials, the project, and whether an installation that is there works."""
    from tachograph_cli.deploy.google import LOGIN, Google, NoCredentialsError

    lines: list[Line] = []
    try:
        api = Google(target.project)
        lines.append(Line("credentials", api.account))
        lines += _installation_lines(api, target, task=task)
    except NoCredentialsError as refusal:
        lines.append(Line("credentials", refusal.state, LOGIN))
    return lines


def _installation_lines(api: Google, target: Target, *, task: bool) -> list[Line]:
    from tachograph_cli.deploy import installation, project, synthetic_task

    root = machine.checkout()
    lines = list(project.check(api, target, root))
    if any(line.fails for line in lines):
        return lines
    if not installation.installed(api, target):
        command = f"make deploy PROJECT={target.project}"
        return [*lines, Line("installation", "none yet", f"next: {command}", needed=False)]
    lines += installation.check(api, target, root)
    if task and not any(line.fails for line in lines):
        lines.append(synthetic_task.run(target))
    return lines
