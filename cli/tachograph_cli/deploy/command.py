"""`tachograph deploy`."""

from __future__ import annotations

import re
import time
from pathlib import Path

import click

from tachograph.errors import OperatorError
from tachograph_cli.deploy.google import Google, RefusedError
from tachograph_cli.deploy.steps import Plan, steps
from tachograph_cli.deploy.target import Target
from tachograph_cli.local import machine
from tachograph_cli.terminal import parameters
from tachograph_cli.terminal.parameters import checked

VARIABLES = "terraform/variables.tf"


@click.command()
@click.option(
    "--project", required=True, callback=checked(parameters.project),
    help="The Google Cloud project's id.",
)  # fmt: skip
@click.option(
    "--location", default="us-central1", show_default=True, callback=checked(parameters.location),
    help="The database's.",
)  # fmt: skip
@click.option(
    "--region", default="", callback=checked(parameters.region),
    help="The functions'; by default the database's.",
)  # fmt: skip
@click.option(
    "--database", default="(default)", show_default=True, callback=checked(parameters.database),
    help="The database's name.",
)  # fmt: skip
@click.option(
    "--name", default="tachograph", show_default=True, callback=checked(parameters.installation),
    help="What names begin with.",
)  # fmt: skip
@click.option(
    "--email", default="", callback=checked(parameters.email), help="Who is told of alerts."
)
@click.option(
    "--budget", type=click.IntRange(min=0), default=0,
    help="What a month may cost, in the bill's currency.",
)  # fmt: skip
@click.option(
    "--var", "variables", multiple=True, metavar="NAME=VALUE",
    callback=checked(parameters.variable), help="For Terraform.",
)  # fmt: skip
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
    root = machine.checkout()
    _check_variables(root, variables)
    plan = Plan(root, target, variables, email, budget, say=click.echo)
    todo = steps(plan, task=not no_task)
    if dry_run:
        for number, step in enumerate(todo, 1):
            click.echo(f"{number}. {step.name}: {step.does}")
        return
    api = Google(project)
    for number, step in enumerate(todo, 1):
        click.echo(f"{number}/{len(todo)} {step.name}: {step.does}")
        started_s = time.monotonic()
        try:
            step.act(plan, api)
        except OperatorError as failure:
            raise click.ClickException(f"step {step.name}: {failure}") from failure
        except RefusedError as refusal:
            look = f"look at it with: tachograph doctor --project {project}"
            raise click.ClickException(f"step {step.name}: {refusal}; {look}") from refusal
        click.echo(f"    done in {time.monotonic() - started_s:.0f} s")
    click.echo(
        f"\nDashboard: https://{project}.web.app\nNext:      tachograph doctor --project {project}"
    )


def _check_variables(root: Path, variables: tuple[str, ...]) -> None:
    """Raise click.UsageError for a --var that Terraform's module does not have."""
    if not variables:
        return
    declared = re.findall(r'^variable "(\w+)"', (root / VARIABLES).read_text(), re.MULTILINE)
    for variable in variables:
        name = variable.partition("=")[0]
        if name not in declared:
            raise click.UsageError(
                f"--var: {name!r} is no variable; expected one of {VARIABLES}: "
                f"{', '.join(sorted(declared))}"
            )
