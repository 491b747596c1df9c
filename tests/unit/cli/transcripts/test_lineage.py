"""Which task started a sub-agent: known before anything is played, whichever files come first."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from support.fleets.transcripts import SESSION, answer, prompt, said, write
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry

OWN = {"isSidechain": True, "agentId": "a1"}
MAIN = [
    prompt(0),
    answer(1, [1, 0, 0, 0, 1]),
    # The sub-agent is named when it has ended.
    said("user", 90, message={"role": "user", "content": []}, toolUseResult={"agentId": "a1"}),
]
AGENT = [prompt(2, "task", **OWN), answer(3, [5, 0, 0, 0, 5], identity="m2", **OWN)]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    "place",
    [
        "agent-a1.jsonl",
        f"{SESSION}/subagents/agent-a1.jsonl",
        f"{SESSION}/subagents/workflows/run-1/agent-a1.jsonl",
    ],
)
def test_parent_of_a_subagent_is_known_before_anything_is_played(
    place: str, tmp_path: Path, *, reverse: bool
) -> None:
    write(tmp_path / f"{SESSION}.jsonl", MAIN)
    write(tmp_path / place, AGENT)
    sources = folder.find(tmp_path).sources
    with closing(CallRegistry()) as registry:
        folder.note_lineage(sources[::-1] if reverse else sources, registry)
        assert registry.spawning_task(f"{SESSION}.a1") == f"{SESSION}-prompt01"


def test_session_of_a_subagent_is_that_of_its_folder_whatever_its_lines_say(tmp_path: Path) -> None:
    renamed = [{**line, "sessionId": "agent-a1"} for line in AGENT]
    write(tmp_path / SESSION / "subagents" / "agent-a1.jsonl", renamed)
    [source] = folder.find(tmp_path).sources
    assert (source.session, source.agent) == (SESSION, "a1")
