"""A successor: a program for `job` or `local_command` of a fleet's rotation policy.

Its predecessor is named by the environment. If another execution came first, the session cannot be
opened and the process ends with status 0.
"""

from __future__ import annotations

import os

from tachograph import Fleet, Usage

MODEL = "claude-haiku-4-5"


def main() -> None:
    """Read the notes, and go on with the task of the session that was rotated away."""
    with (
        Fleet(os.environ["TACHOGRAPH_FLEET"]) as fleet,
        fleet.session(
            os.environ["TACHOGRAPH_AGENT"], model=MODEL, context_window=200_000
        ) as session,
    ):
        task = session.take_over()
        if task is None:
            print("the task has ended, or somebody else has it")
            return
        with task:
            print(f"{task.id}: reading {os.environ.get('TACHOGRAPH_JOURNAL', 'no notes')}")
            task.record(Usage(tokens_in=12_000, tokens_out=400), model=MODEL)
            task.complete()


if __name__ == "__main__":
    main()
