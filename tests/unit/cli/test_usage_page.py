"""The page of `tachograph usage`: sums under their columns, names, unknown tokens, and rates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.cli import run

OPUS = {"type": "message", "id": "msg_1", "model": "claude-opus-4-8"}
USED = {"input_tokens": 1_000_000, "output_tokens": 100}


def saved(path: Path, usage: object, **fields: object) -> str:
    path.write_text(json.dumps({**OPUS, **fields, "usage": usage}))
    return str(path)


def rates(*arguments: str) -> dict[str, Any]:
    [call] = json.loads(run("usage", *arguments, "--rates", "--json").stdout)["calls"]
    found: dict[str, Any] = call["rates"]
    return found


def test_sums_end_where_the_numbers_of_their_columns_end(tmp_path: Path) -> None:
    paths = [saved(tmp_path / name, USED) for name in ("a.json", "b.json")]
    lines = run("usage", *paths).stdout.splitlines()
    row = next(line for line in lines if line.startswith("a.json"))
    sums = next(line for line in lines if line.startswith("2 calls"))
    for one, both in (("1,000,000", "2,000,000"), ("100", "200"), ("$5.0025", "$10.005")):
        assert row.rindex(f" {one} ") + len(one) == sums.rindex(f" {both} ") + len(both)


def test_long_name_keeps_its_end_and_no_number_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(Path(f"{'same-beginning-' * 5}0001.json"), {**USED, "cache_read_input_tokens": 10**9})
    page = run("usage", ".").stdout
    assert "…" in page
    assert "0001.json" in page
    assert "1,000,000,000" in page


def test_tokens_that_a_recording_does_not_state_are_a_dash_and_no_zero(tmp_path: Path) -> None:
    stats = {"api_calls": 3, "instance_cost": 0.5, "tokens_sent": 0, "tokens_received": 0}
    trajectory = {"trajectory": [], "history": [], "info": {"model_stats": stats}}
    path = tmp_path / "run.traj"
    path.write_text(json.dumps(trajectory))
    lines = run("usage", str(path)).stdout.splitlines()
    assert lines[2].split()[-6:] == ["–", "–", "–", "–", "$0.5", "(1)"]  # noqa: RUF001
    assert any("3  state no tokens: they are unknown, not none" in line for line in lines)


def test_rates_say_the_price_of_each_kind_of_token_and_what_multiplies_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.json", {**USED, "inference_geo": "us"})
    found = rates(path)
    assert found["usd_per_mtok"] == {
        "tokens_in": 5.5,
        "cache_read": 0.55,
        "cache_write_5m": 6.875,
        "cache_write_1h": 11.0,
        "tokens_out": 27.5,
    }
    assert found["multipliers"] == {"us": 1.1}
    page = run("usage", path, "--rates").stdout
    assert "us ×1.1" in page  # noqa: RUF001
    assert "--rates shows" not in page
    assert "--rates shows" in run("usage", path).stdout


def test_rates_of_a_long_prompt_are_those_of_long_prompts(tmp_path: Path) -> None:
    model = {"model": "claude-sonnet-4-5"}
    found = [
        rates(saved(tmp_path / "a.json", {**USED, "input_tokens": n}, **model))["usd_per_mtok"]
        for n in (1_000, 300_000)
    ]
    assert [each["tokens_in"] for each in found] == [3.0, 6.0]


def test_rates_of_a_fleets_own_row_are_its_own(tmp_path: Path) -> None:
    row = {"model": "claude-opus-4-8", "valid_from": "2026-01-01T00:00:00Z"}
    sheet = tmp_path / "own.json"
    sheet.write_text(json.dumps({**row, "input_usd_per_mtok": 2, "output_usd_per_mtok": 3}))
    path = saved(tmp_path / "a.json", {**USED, "inference_geo": "us"})
    found = rates(path, "--prices", str(sheet))
    assert (found["usd_per_mtok"]["tokens_in"], found["usd_per_mtok"]["tokens_out"]) == (2.0, 3.0)
    assert found["multipliers"] == {}


def test_rates_of_a_peak_hour_say_what_the_hour_multiplies(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.json", USED, model="deepseek-v4-flash")
    peak, off = (rates(path, "--at", f"2026-09-14T{hour}:00Z") for hour in ("02", "12"))
    assert peak["multipliers"] == {"this hour": 2.0}
    assert off["multipliers"] == {}
    assert peak["usd_per_mtok"]["tokens_in"] == 2 * off["usd_per_mtok"]["tokens_in"]


def test_cost_that_was_stated_has_no_rates(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.json", {**USED, "cost": 0.25, "is_byok": False})
    assert rates(path) is None
    assert "No list gave any of these prices." in run("usage", path, "--rates").stdout


def test_cache_writes_are_told_by_how_long_they_are_kept(tmp_path: Path) -> None:
    kept = {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 700}
    written = {**USED, "cache_creation_input_tokens": 1000, "cache_creation": kept}
    page = run("usage", saved(tmp_path / "a.json", written)).stdout
    assert "700  of the tokens written to a cache are for an hour, 300 for less" in page


@pytest.mark.parametrize("route", ["direct", "local", "litellm", "openrouter", "Bedrock", "mine"])
def test_route_that_decides_a_price_is_accepted(tmp_path: Path, route: str) -> None:
    row = {"model": "m", "route": "mine", "valid_from": "2026-01-01T00:00:00Z"}
    sheet = tmp_path / "own.json"
    sheet.write_text(json.dumps({**row, "input_usd_per_mtok": 2, "output_usd_per_mtok": 3}))
    path = saved(tmp_path / "a.json", USED)
    assert run("usage", path, "--prices", str(sheet), "--route", route).exit_code == 0


def test_route_that_nothing_knows_is_refused_with_what_is_allowed(tmp_path: Path) -> None:
    result = run("usage", saved(tmp_path / "a.json", USED), "--route", "nonsense")
    assert result.exit_code == 2
    assert "--route is 'nonsense'; expected direct, local, a gateway such as" in result.stderr
