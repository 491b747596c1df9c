"""Names of sequences: the rules tell a sequence's agent by what stands before the first colon."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tachograph.reports.report import forked_reporter, reporter_name
from tachograph_schema.fields import MAX_NAME_CHARS

_NAMES = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=60)


@given(agent=_NAMES, session=_NAMES)
def test_name_begins_with_its_agent_in_a_forked_child_too(agent: str, session: str) -> None:
    name = reporter_name(agent, session, "1f")
    child = forked_reporter(name, 4711)
    assert child != name
    for one in (name, child, forked_reporter(child, 4712)):
        before, _, _ = one.partition(":")
        assert before.replace("%3A", ":").replace("%25", "%") == agent
        assert len(one) <= MAX_NAME_CHARS


def test_queue_keeps_its_name_in_a_forked_child() -> None:
    assert forked_reporter("queue", 4711) == "queue"
