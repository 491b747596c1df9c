"""`tachograph deploy`."""

from __future__ import annotations

import time

import click

from tachograph.errors import OperatorError
from tachograph_cli.deploy.google import Google, RefusedError
from tachograph_cli.deploy.steps import Plan, steps
from tachograph_cli.deploy.target import Target
from tachograph_cli.local import machine


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
    plan = Plan(machine.checkout(), target, variables, email, budget, say=click.echo)
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
