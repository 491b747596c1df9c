"""Files that end too soon, hold too much or are no files: all that is whole is kept, and told."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
import zstandard

from support.cli import run
from support.fleets.rollouts import meta, response, tokens, turn
from support.fleets.transcripts import Record, answer, broken, calls, happened, prompt, write
from tachograph_cli.replay.transcripts import folder, json_lines
from tachograph_cli.replay.transcripts.json_lines import numbered, opened

CALLS = 6
LINES = [meta(), *turn(1), *(response(n, tokens(n, 0, 5), f"r-{n}") for n in range(2, 2 + CALLS))]
PI: list[Record] = [
    {"type": "session", "id": "p", "cwd": "/shop", "timestamp": "2026-02-16T18:00:00Z"},
    {
        "type": "message",
        "timestamp": "2026-02-16T18:00:01Z",
        "message": {
            "role": "assistant",
            "model": "claude-opus-4-6",
            "usage": {"input": 5, "output": 5, "cacheRead": 0, "cacheWrite": 0},
        },
    },
]


def text(lines: list[Record]) -> bytes:
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def frame(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def read(place: Path, data: bytes) -> tuple[int, list[str]]:
    """Return the number of calls in a compressed rollout, and what is told of it."""
    (place / "rollout-x.jsonl.zst").write_bytes(data)
    events = [event for _, event in happened(place)]
    return len(calls(events)), [line.reason for line in broken(events)]


def good(place: Path) -> None:
    write(place / "good.jsonl", [prompt(0), answer(1, [10, 0, 0, 0, 1])])


def told(place: Path) -> tuple[int, str]:
    """Return the calls that `usage` finds beside a good session, and what it tells."""
    result = run("usage", str(place), "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["total"]["calls"], result.stderr


def test_file_that_ends_inside_a_frame_keeps_what_is_whole_and_says_so(tmp_path: Path) -> None:
    first, second = frame(text(LINES[:6])), frame(text(LINES[6:]))
    assert read(tmp_path, first + second[:-30]) == (3, ["the file ends inside a zstd frame"])
    assert read(tmp_path, first + second[:-1]) == (6, ["the file ends inside a zstd frame"])
    assert read(tmp_path, first + second) == (6, [])


@pytest.mark.parametrize("behind", [b"garbage", b"\0\0\0", b"\0" * 300, b"x" * 5])
def test_bytes_behind_a_whole_frame_cost_nothing_inside_it(tmp_path: Path, behind: bytes) -> None:
    found, [reason] = read(tmp_path, frame(text(LINES)) + behind)
    assert (found, "Unknown frame descriptor" in reason) == (CALLS, True)


def test_wrong_checksum_costs_no_call(tmp_path: Path) -> None:
    whole = frame(text(LINES))
    found, [reason] = read(tmp_path, whole[:-1] + bytes([whole[-1] ^ 1]))
    assert (found, "checksum" in reason) == (CALLS, True)


def test_frame_that_is_to_be_skipped_is(tmp_path: Path) -> None:
    skipped = bytes.fromhex("502a4d18") + (5).to_bytes(4, "little") + b"abcde"
    assert read(tmp_path, skipped + frame(text(LINES)) + skipped) == (CALLS, [])


def test_compressed_file_that_holds_too_much_is_read_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "MOST_BYTES", 2**20)
    monkeypatch.setattr(json_lines, "LONGEST_LINE", 2**16)
    found, reasons = read(tmp_path, frame(text(LINES)) + frame(b"0" * 2**25))
    assert found == CALLS
    assert "the file holds more than 1,048,576 bytes; decompress it to read all" in reasons
    with opened(tmp_path / "rollout-x.jsonl.zst") as file:
        assert sum(map(len, iter(lambda: file.read(2**16), b""))) < 2**24


def test_compressed_file_of_too_many_lines_is_read_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "MOST_LINES", 20)
    found, reasons = read(tmp_path, frame(text(LINES) + b"{}\n" * 5000))
    assert (found, reasons) == (CALLS, ["the file holds more than 20 lines; decompress it"])


def test_file_of_bad_lines_is_not_read_to_its_end_and_its_calls_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "MOST_BAD_LINES", 50)
    found, reasons = read(tmp_path, frame(text(LINES) + b"x\n" * 5000))
    assert (found, len(reasons)) == (CALLS, 51)
    assert reasons[-1] == "50 lines before are no records; the rest is not read"
    result = run("usage", str(tmp_path))
    assert len(result.stderr.splitlines()) == 21
    assert "31 more lines could not be read as a whole" in result.stderr


def test_blank_lines_are_passed_by_a_buffer_at_a_time_and_counted() -> None:
    class Counted(io.BufferedReader):
        lines = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.lines += 1
            return super().readline(size)

    file = Counted(io.BytesIO(b"a\n" + b" \r\n" * 10**5 + b"\n" * 10**6 + b"  b"))
    assert [(n, (line or b"").strip()) for n, line in numbered(file)] == [
        (1, b"a"),
        (1_100_002, b"b"),
    ]
    assert file.lines < 200


BAD = [
    ("half.jsonl.zst", frame(text(LINES))[:40], "the file ends inside a zstd frame"),
    ("text.jsonl.zst", b"plain text", "Unknown frame descriptor"),
    ("other.jsonl.zst", frame(b"{}\n"), "1 other .jsonl.zst file is no recording"),
    ("notes.json", b"{}", "1 other .json file is no recording:"),
    ("notes.traj", b"{}", "1 other .traj file is no recording"),
    ("notes.jsonl", b"{}\n", "1 other .jsonl file is no recording"),
]


@pytest.mark.parametrize(("name", "data", "words"), BAD, ids=[name for name, *_ in BAD])
def test_file_that_is_passed_by_is_told_with_its_reason(
    name: str, data: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    alone = run("usage", str(tmp_path))
    assert (alone.exit_code, words in alone.output, name in alone.output) == (1, True, True)
    replayed = run("replay", str(tmp_path), "--fleet", "f")
    assert (replayed.exit_code, words in replayed.output) == (2, True)
    good(tmp_path)
    found, said = told(tmp_path)
    assert (found, words in said, name in said) == (1, True, True)


def test_window_that_takes_too_much_memory_is_told(tmp_path: Path) -> None:
    wide = zstandard.ZstdCompressionParameters(window_log=29)
    writer = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    (tmp_path / "x.jsonl.zst").write_bytes(writer.compress(text(LINES)) + writer.flush())
    assert "Frame requires too much memory" in run("usage", str(tmp_path)).output


def test_link_to_nothing_and_pipe_are_told_and_not_opened(tmp_path: Path) -> None:
    good(tmp_path)
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.jsonl")
    found, said = told(tmp_path)
    assert found == 1
    assert "gone.jsonl: cannot be read: No such file or directory" in said
    assert "pipe.jsonl: a pipe, a socket or a device; no file" in said
    alone = run("usage", str(tmp_path / "pipe.jsonl"))
    assert (alone.exit_code, "no file" in alone.stderr) == (1, True)


def test_pipe_that_the_caller_has_opened_is_read() -> None:
    reads, writes = os.pipe()
    body = {"model": "gpt-5", "usage": {"prompt_tokens": 8, "completion_tokens": 1}}
    os.write(writes, json.dumps(body).encode())
    os.close(writes)
    try:
        assert told(Path(f"/dev/fd/{reads}")) == (1, "")
    finally:
        os.close(reads)


def test_no_more_than_twenty_unreadable_files_are_named(tmp_path: Path) -> None:
    for n in range(25):
        (tmp_path / f"{n}.jsonl").symlink_to(tmp_path / "nowhere")
    assert folder.find(tmp_path).passed_by()[20:] == ["5 more files cannot be read"]


@pytest.mark.parametrize("name", ["p.json", "p.traj", "p.jsonl", "p.jsonl.zst"])
def test_recording_is_known_by_what_it_says_whatever_its_name_ends_with(
    name: str, tmp_path: Path
) -> None:
    data = text(PI)
    (tmp_path / name).write_bytes(frame(data) if name.endswith(".zst") else data)
    assert [source.kind for source in folder.find(tmp_path).sources] == ["pi"]
    assert len(calls(event for _, event in happened(tmp_path))) == 1


def test_newline_in_a_name_adds_no_line_to_what_is_told(tmp_path: Path) -> None:
    good(tmp_path)
    write(tmp_path / "a\nb.jsonl", [prompt(0), "no JSON"])
    (tmp_path / "c\nd.jsonl").symlink_to(tmp_path / "nowhere")
    _, said = told(tmp_path)
    assert len(said.splitlines()) == 2
