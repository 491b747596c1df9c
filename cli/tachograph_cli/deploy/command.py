"""`tachograph deploy`, and what `tachograph doctor --project` looks at."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console

from tachograph.errors import OperatorError
from tachograph_cli.deploy import installation, prerequisites, synthetic_task
from tachograph_cli.deploy.google import LOGIN, Google, NoCredentialsError, RefusedError
from tachograph_cli.deploy.target import Target
from tachograph_cli.deploy.steps import Plan, steps
from tachograph_cli.local import machine
from tachograph_cli.local.machine import Missing
from tachograph_cli.local.requirements import Line, table

if TYPE_CHECKING:
    from pathlib import Path

console = Console(highlight=False)


@click.command()
@click.option("--project", required=True, help="The Google Cloud project's id.")
@click.option("--location", default="us-central1", show_default=True, help="The database's.")
@click.option("--region", default="", help="The functions'; by default the database's.")
@click.option("--database", default="(default)", show_default=True, help="The database's name.")
@click.option("--name", default="tachograph", show_default=True, help="What names begin with.")
@click.option("--email", default="", help="Who is told of alerts.")
@click.option("--budget", default=0, help="What a month may cost, in the bill's currency.")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="For Terraform.")
@click.option("--no-task", is_flag=True, help="Send no synthetic task through it at the end.")
@click.option("--dry-run", is_flag=True, help="Print the steps; do none of them.")
def deploy(
    project: str,
    location: str,
    region: str,
    database: str,
    name: str,
    email: str,
    budget: int,
    variables: tuple[str, ...],
    *,
    no_task: bool,
    dry_run: bool,
) -> None:
    """Put this checkout into a project, or bring what is there up to it.

    Each step is printed; a second run does only what is not done. A failure says what mends it.
    """
    if budget and not email:
        raise click.UsageError("--budget is set and --email is not; expected who is to be told")
    target = Target(project, location, database, name, region)
    plan = Plan(_root(), target, variables, email, budget, say=click.echo)
    todo = steps(plan, task=not no_task)
    if dry_run:
        for number, step in enumerate(todo, 1):
            click.echo(f"{number}. {step.name}: {step.does}")
        return
    api = Google(project)
    for number, step in enumerate(todo, 1):
        click.echo(f"{number}/{len(todo)} {step.name}: {step.does}")
        began = time.monotonic()
        try:
            step.act(plan, api)
        except OperatorError as failure:
            raise click.ClickException(f"step {step.name}: {failure}") from failure
        except RefusedError as refusal:
            look = f"look at it with: tachograph doctor --project {project}"
            raise click.ClickException(f"step {step.name}: {refusal}; {look}") from refusal
        click.echo(f"    done in {time.monotonic() - began:.0f} s")
    click.echo(
        f"\nDashboard: https://{project}.web.app\nNext:      tachograph doctor --project {project}"
    )


def doctor(target: Target, *, task: bool) -> NoReturn:
    """Look at a project: what it needs, and if anything is installed, whether it works."""
    lines: list[Line] = []
    try:
        api = Google(target.project)
        lines.append(Line("credentials", api.account))
        lines += _look(api, target, _root(), task=task)
    except NoCredentialsError as refusal:
        lines.append(Line("credentials", refusal.found, LOGIN))
    console.print(table(lines))
    sys.exit(any(line.fails for line in lines))


def _look(api: Google, target: Target, root: Path, *, task: bool) -> list[Line]:
    lines = list(prerequisites.look(api, target, root))
    if any(line.fails for line in lines):
        return lines
    if not installation.installed(api, target):
        command = f"make deploy PROJECT={target.project}"
        return [*lines, Line("installation", "none yet", f"next: {command}", needed=False)]
    lines += installation.look(api, target, root)
    if task and not any(line.fails for line in lines):
        lines.append(synthetic_task.run(target))
    return lines


def _root() -> Path:
    root = machine.find_root()
    if isinstance(root, Missing):
        raise click.ClickException(f"{root.what}: found {root.found}; {root.remedy}")
    return root.path
