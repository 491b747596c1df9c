"""An example of a successor, the program that a rotation policy names as `job` or `local_command`.

The environment names the signal, the agent and the predecessor. If another successor has claimed
the signal first, `SuccessionTaken` ends the process with status 0.
"""

from __future__ import annotations

import os

from tachograph import Fleet, Usage

MODEL = "claude-haiku-4-5"


def main() -> None:
    """Take over the predecessor's task, read its journal and complete the task."""
    with (
        Fleet(os.environ["TACHOGRAPH_FLEET"]) as fleet,
        fleet.session(
            os.environ["TACHOGRAPH_AGENT"], model=MODEL, context_window=200_000
        ) as session,
    ):
        task = session.take_over()
        if task is None:
            print("the task has ended, or another session holds it")
            return
        with task:
            print(f"{task.id}: reading {os.environ.get('TACHOGRAPH_JOURNAL', 'no journal')}")
            task.record(Usage(tokens_in=12_000, tokens_out=400), model=MODEL)
            task.complete()


if __name__ == "__main__":
    main()
