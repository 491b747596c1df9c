"""What earlier replays have counted: kept, whatever happens to the file."""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tachograph_cli.replay.known_calls import FILE, KnownCalls
from tachograph_cli.replay.transcripts.deduplication import CallRegistry, Claim

NOW = datetime(2026, 9, 1, tzinfo=UTC)
CLAIMS = [Claim("m1", "r1", total=5), Claim("tool:t1")]


def owners(folder: Path | None, owner: str) -> list[bool]:
    """Replay a file of `owner` with two calls; return which of them are counted there."""
    with closing(KnownCalls(folder)) as known, closing(CallRegistry(known)) as registry:
        registry.claim(owner, CLAIMS)
        registry.keep_claims()
        return [registry.count(owner, claim, tuple, NOW) is not None for claim in CLAIMS]


def test_call_stays_with_the_transcript_that_was_replayed_first(tmp_path: Path) -> None:
    assert [owners(tmp_path, name) for name in ("one", "other", "one")] == [
        [True, True],
        [False, False],
        [True, True],
    ]


def test_without_a_folder_every_replay_stands_alone() -> None:
    assert [owners(None, name) for name in ("one", "other")] == [[True, True], [True, True]]


def test_damaged_file_is_set_aside_and_begun_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    assert [owners(tmp_path, name) for name in ("one", "other")] == [[True, True], [False, False]]
    assert "it is set aside" in caplog.text
    assert (tmp_path / f"{FILE}.damaged").read_bytes().startswith(b"no database")


def test_file_that_another_has_planted_is_not_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "somebody-elses"
    other.write_text("theirs")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / FILE).symlink_to(other)
    with caplog.at_level(logging.WARNING):
        assert owners(tmp_path / "folder", "one") == [True, True]
    assert "a copied call may count twice" in caplog.text
    assert other.read_text() == "theirs"


def test_two_replays_at_once_each_count_what_they_began(tmp_path: Path) -> None:
    with (
        closing(KnownCalls(tmp_path)) as first,
        closing(KnownCalls(tmp_path)) as second,
        closing(CallRegistry(first)) as one,
        closing(CallRegistry(second)) as other,
    ):
        one.claim("one", CLAIMS)
        one.keep_claims()
        other.claim("other", CLAIMS)
        other.keep_claims()
        assert one.count("one", CLAIMS[0], tuple, NOW) is not None
        assert other.count("other", CLAIMS[0], tuple, NOW) is None
