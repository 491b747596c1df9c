"""The command line; a command is imported when it is called, so `tachograph --help` is quick."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import click

from tachograph.errors import OperatorError
from tachograph_cli.terminal.streams import escaped_streams


class Entry(NamedTuple):
    """A command's place, and its line in `tachograph --help`, which imports no command."""

    target: str  # module:attribute
    help: str


COMMANDS = {
    "demo": Entry(
        "tachograph_cli.demo.command:demo",
        "Show a fleet at work: the local stack, agents and the dashboard.",
    ),
    "local": Entry(
        "tachograph_cli.local.command:local",
        "Run the stack on this machine, or a command inside it.",
    ),
    "replay": Entry(
        "tachograph_cli.replay.command:replay", "Turn recorded transcripts into a fleet at work."
    ),
    "usage": Entry(
        "tachograph_cli.replay.usage.command:usage",
        "Say what each call of a response or a transcript used and cost, and why.",
    ),
    "report": Entry(
        "tachograph_cli.report.commands:report", "Say what a fleet's work cost, and how it went."
    ),
    "cost": Entry(
        "tachograph_cli.report.commands:cost",
        "Say what a task cost with everything it spawned, and where the money went.",
    ),
    "rates": Entry(
        "tachograph_cli.report.commands:rates",
        "Say how fast a fleet works, lately and by habit.",
    ),
    "top": Entry(
        "tachograph_cli.top.command:top", "Watch a fleet at work: sessions, context, signals, burn."
    ),
    "verify": Entry(
        "tachograph_cli.repair.commands:verify",
        "Check that what was counted is what the documents say.",
    ),
    "sweep": Entry(
        "tachograph_cli.repair.commands:sweep", "Count what events that never came would have."
    ),
    "rebuild": Entry(
        "tachograph_cli.repair.commands:rebuild", "Make shards and rollups what the ledger says."
    ),
    "reprice": Entry(
        "tachograph_cli.repair.commands:reprice",
        "Price tasks of some days again, by today's tables.",
    ),
    "deploy": Entry(
        "tachograph_cli.deploy.command:deploy", "Put this checkout into a Google Cloud project."
    ),
    "enroll": Entry(
        "tachograph_cli.enroll.commands:enroll_command",
        "Make an agent or a viewer a credential for a fleet.",
    ),
    "revoke": Entry(
        "tachograph_cli.enroll.commands:revoke_command", "End what an agent was enrolled with."
    ),
    "doctor": Entry(
        "tachograph_cli.doctor:doctor",
        "Say what this machine, or with --project a project, has and lacks.",
    ),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands' names in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command by its name; None where there is none.

        Raises click.ClickException where a Python package is missing; the message says how to
        install it.
        """
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"tachograph {cmd_name}: the Python package {error.name} is not installed; "
                "install it with: pip install 'tachograph[functions]'"
            ) from error
        if not isinstance(command, click.Command):
            raise TypeError(
                f"{entry.target} is a {type(command).__name__}; expected a click command"
            )
        return command

    def main(self, *args: Any, **settings: Any) -> Any:  # noqa: ANN401 - click's signature
        """Run the command line; what it prints cannot command the terminal."""
        with escaped_streams():
            return super().main(*args, **settings)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; an error that a person has to mend is its message, without a traceback."""
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            raise click.ClickException(str(error)) from error
        except Exception as error:  # to ask whether it is the network's, which takes a slow import
            from tachograph_cli.terminal.command_line import NETWORK_ERRORS  # noqa: PLC0415

            if isinstance(error, NETWORK_ERRORS):
                raise click.ClickException(f"Firestore: {error}") from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="tachograph")
def main() -> None:
    """Cost and health of a fleet of AI agents, live, from the documents they already write.

    Start with `tachograph demo`: it runs everything on this machine, with a fleet at work, and
    prints the address of its dashboard. `tachograph doctor` says what is missing if it does not
    start.

    \b
    Exit status: 0 when it is done and holds; 1 when something failed, does not hold, or is not
    there; 2 when an option cannot be, before anything has started; 128 + n when signal n ended it.
    """  # noqa: D301 - the \b is click's mark of lines to keep as they are


if __name__ == "__main__":
    main()
