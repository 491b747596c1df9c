"""`tachograph usage`: calls, buckets, prices and their sources, without an emulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.cli import run
from support.fleets.transcripts import answer, prompt, write

OPUS = {"id": "msg_1", "model": "claude-opus-4-8"}


def usage(*arguments: object) -> dict[str, Any]:
    result = run("usage", *map(str, arguments), "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def response(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "response.json"
    path.write_text(json.dumps(document))
    return path


def test_response_says_its_buckets_its_price_and_the_row_that_gave_it(tmp_path: Path) -> None:
    path = response(tmp_path, {**OPUS, "usage": {"input_tokens": 1000, "output_tokens": 100}})
    found = usage(path)
    [call] = found["calls"]
    assert (call["tokens_in"], call["tokens_out"], call["cost_nanousd"]) == (1000, 100, 7_500_000)
    assert (call["certainty"], call["price"]) == ("list price", "anthropic/claude-opus-4-8")
    assert found["total"]["cost_nanousd"] == 7_500_000
    assert found["total"]["unpriced_calls"] == 0


def test_price_without_a_provider_says_that_it_is_assumed(tmp_path: Path) -> None:
    path = response(
        tmp_path, {"model": "gpt-5", "usage": {"prompt_tokens": 8, "completion_tokens": 1}}
    )
    assert usage(path)["calls"][0]["certainty"] == "list price, provider assumed"
    assert usage(path, "--provider", "openai")["calls"][0]["certainty"] == "list price"
    assert usage(path, "--route", "azure")["calls"][0]["price"].startswith("azure/")


def test_moment_decides_between_dated_prices(tmp_path: Path) -> None:
    body = {"model": "deepseek-v4-flash", "usage": {"prompt_tokens": 10**6, "completion_tokens": 0}}
    path = response(tmp_path, body)
    costs = [
        usage(path, "--at", at)["total"]["cost_nanousd"]
        for at in ("2026-08-01T02:00Z", "2026-09-08T02:00:00+00:00", "2026-09-12T02:00")
    ]
    assert costs == [140_000_000, 440_000_000, 150_000_000]


def test_prices_of_a_file_come_before_the_public_list(tmp_path: Path) -> None:
    body = {"model": "gpt-5", "usage": {"prompt_tokens": 10, "completion_tokens": 0}}
    row = {"model": "gpt-5", "valid_from": "2026-01-01T00:00:00Z", "hours_utc": "08:00-20:00"}
    sheet = tmp_path / "own.json"
    sheet.write_text(json.dumps({**row, "input_usd_per_mtok": 3, "output_usd_per_mtok": 0}))
    path = response(tmp_path, body)
    [day] = usage(path, "--prices", sheet, "--at", "2026-03-02T12:00Z")["calls"]
    assert (day["cost_nanousd"], day["certainty"]) == (30_000, "list price")
    assert day["price"] == "the fleet's gpt-5 since 2026-01-01, 08:00-20:00"
    [night] = usage(path, "--prices", sheet, "--at", "2026-03-02T22:00Z")["calls"]
    assert night["price"].startswith("openai/")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[1]", "is a list; expected a map, a price row"),
        ('{"model": "m"}', "prices/own.valid_from is missing"),
    ],
)
def test_prices_that_cannot_be_read_are_an_error(tmp_path: Path, text: str, said: str) -> None:
    sheet = tmp_path / "own.json"
    sheet.write_text(text)
    path = response(tmp_path, {**OPUS, "usage": {"input_tokens": 1, "output_tokens": 1}})
    result = run("usage", str(path), "--prices", str(sheet))
    assert result.exit_code == 1
    assert said in result.output


def test_bill_of_a_gateway_is_reported(tmp_path: Path) -> None:
    body = {"usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.25, "is_byok": False}}
    [call] = usage(response(tmp_path, body))["calls"]
    assert (call["certainty"], call["cost_nanousd"]) == ("reported", 250_000_000)


def test_results_of_a_batch_are_a_call_a_line(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    message = {**OPUS, "usage": {"input_tokens": 1000, "output_tokens": 0}}
    lines = [
        {"custom_id": "a", "result": {"type": "succeeded", "message": message}},
        {"custom_id": "b", "result": {"type": "succeeded", "message": {**message, "id": "msg_2"}}},
        {"custom_id": "c", "result": {"type": "errored", "error": {"type": "overloaded_error"}}},
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    found = usage(path)
    assert [call["tier"] for call in found["calls"][:2]] == ["batch", "batch"]
    assert (found["total"]["calls"], found["total"]["tokens_in"]) == (2, 2000)
    assert found["calls"][2]["doubt"].endswith("expected a shape of usage that is known here")


def test_line_of_another_programs_output_is_a_call_at_the_provider_it_states(
    tmp_path: Path,
) -> None:
    path = tmp_path / "calls.jsonl"
    used = {"model": "claude-opus-4-8", "usage": {"input_tokens": 1000, "output_tokens": 100}}
    lines = [{**used, "provider": name} for name in ("anthropic", "aws.bedrock", "nobody")]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    costs = [call["cost_nanousd"] for call in usage(path)["calls"]]
    assert costs == [7_500_000, 8_250_000, None]


def test_responses_with_ids_of_their_own_are_apart_and_events_of_one_id_are_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "lines.jsonl"
    for ids, calls in (("a", "b"), 2), (("a", "a"), 1):
        lines = [{**OPUS, "id": i, "usage": {"input_tokens": 7, "output_tokens": 1}} for i in ids]
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        found = usage(path)
        assert (found["total"]["calls"], found["total"]["tokens_in"]) == (calls, 7 * calls)


def test_stream_is_one_call(tmp_path: Path) -> None:
    path = tmp_path / "stream.txt"
    events = [
        {
            "type": "message_start",
            "message": {**OPUS, "usage": {"input_tokens": 9, "output_tokens": 1}},
        },
        {"type": "message_delta", "usage": {"output_tokens": 40}},
    ]
    path.write_text("".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events))
    total = usage(path)["total"]
    assert (total["calls"], total["tokens_in"], total["tokens_out"]) == (1, 9, 40)


def test_call_of_a_transcript_counts_once_with_its_last_usage(tmp_path: Path) -> None:
    lines = [prompt(0), answer(1, [10, 0, 0, 0, 1]), answer(2, [10, 0, 0, 0, 50])]
    write(tmp_path / "s.jsonl", [*lines, answer(3, [20, 0, 0, 0, 5], identity="m2", model="")])
    found = usage(tmp_path)
    assert [call["tokens_out"] for call in found["calls"]] == [50, 5]
    assert found["total"]["unpriced_calls"] == 1
    assert found["total"]["unpriced_tokens"] == 25


def test_page_has_each_digit_and_tells_what_could_not_be_read(tmp_path: Path) -> None:
    write(tmp_path / "s.jsonl", [prompt(0), answer(1, [12_345, 0, 0, 0, 1]), "no JSON"])
    result = run("usage", str(tmp_path))
    assert "12,345" in result.stdout
    assert "anthropic/claude-opus-4-6" in result.stdout
    assert "s.jsonl:3: the line is no JSON" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["nowhere"], 2, "does not exist"),
        (
            ["."],
            1,
            ".: found 1 other .json file is no recording: empty.json; looked for",
        ),
        (["empty.json"], 1, "empty.json: no recording that this reads (a JSON object with"),
        (["empty.json", "--at", "noon"], 2, "expected a time, such as 2026-02-16T18:00Z"),
    ],
)
def test_path_that_states_nothing_is_told(
    arguments: list[str],
    status: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "empty.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    result = run("usage", *arguments)
    assert (result.exit_code, words in " ".join(result.output.split())) == (status, True)


CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
}
MESSAGE = {**OPUS, "type": "message", "usage": {"input_tokens": 1000, "output_tokens": 100}}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("# Title\n\nSome text.\n", "text that is no JSON"),
        ("", "an empty file"),
        ("\0\1", "no text"),
        ("[1, 2]", "JSON that is no object"),
        ('{"name": "x", "version": "1"}', "a JSON object with name, version"),
        ('{"a": 1}\n{"b": 2}\n', "2 JSON objects, the first with a"),
    ],
)
def test_file_that_states_no_call_is_told_for_what_it_is_and_the_others_are_summed(
    text: str, kind: str, tmp_path: Path
) -> None:
    other = tmp_path / "README.md"
    other.write_text(text)
    result = run("usage", str(other), str(response(tmp_path, MESSAGE)), "--json")
    assert result.exit_code == 1
    told = f"README.md: no recording that this reads ({kind}); looked for a response"
    assert told in result.stderr
    found = json.loads(result.stdout)
    assert [call["name"] for call in found["calls"]] == ["response.json"]
    assert (found["total"]["tokens_in"], found["total"]["unpriced_calls"]) == (1000, 0)


def test_file_that_states_no_call_has_no_row_of_zeros(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Title")
    assert run("usage", str(tmp_path / "README.md")).stdout == ""


def test_folder_or_recording_without_a_call_is_told_and_the_others_are_summed(
    tmp_path: Path,
) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "asked" / "s.jsonl", [prompt(0)])
    paths = [tmp_path / "empty", tmp_path / "asked", response(tmp_path, MESSAGE)]
    result = run("usage", *map(str, paths), "--json")
    assert result.exit_code == 1
    assert "empty: found no such file; looked for" in result.stderr
    assert "asked: a recording that states no call" in result.stderr
    assert json.loads(result.stdout)["total"]["calls"] == 1


def test_folder_of_saved_responses_is_read_and_its_other_files_are_told(tmp_path: Path) -> None:
    files = {
        "message.json": MESSAGE,
        "deeper/chat.json": CHAT,
        "package.json": {"name": "x", "version": "1"},
        "disk.json": {"usage": {"input_tokens": 5}},
        "list.json": [1],
    }
    for name, document in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(document))
    result = run("usage", str(tmp_path), "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert {call["name"] for call in found["calls"]} == {"message.json", "chat.json"}
    assert found["total"]["tokens_in"] == 1100
    assert "3 other .json files are no recordings; the first is" in result.stderr


def test_saved_responses_beside_transcripts_are_summed_with_them(tmp_path: Path) -> None:
    write(tmp_path / "s.jsonl", [prompt(0), answer(1, [10, 0, 0, 0, 1])])
    response(tmp_path, CHAT)
    assert usage(tmp_path)["total"]["tokens_in"] == 110
